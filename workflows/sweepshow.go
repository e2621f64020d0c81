package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// show renews what the UI shows of the sweep. Each change of a search attribute
// is an event, so shape 2 makes one per state and per cent.
func (s *sweep) show(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, s.details())
	progress := 1.0
	if s.counts.Total > 0 {
		progress = float64(s.counts.Final) / float64(s.counts.Total)
	}
	now := shown{s.state(), int(100 * progress)}
	if s.in.V >= 2 && now == s.shown {
		return nil
	}
	s.shown = now
	err := workflow.UpsertTypedSearchAttributes(ctx, attrState.ValueSet(now.state), attrProgress.ValueSet(progress))
	if err != nil {
		return fmt.Errorf("upsert search attributes: %w", err)
	}
	return nil
}

// finalState: a sweep with failed cells is done all the same; the cells say
// what failed. Only a cancelled one is not.
func (s *sweep) finalState() bench.State {
	if s.cancel {
		return bench.StateCancelled
	}
	return bench.StateDone
}

// state says in one word where the sweep is. A pause takes hold when nothing of
// the sweep runs any more.
func (s *sweep) state() string {
	switch {
	case s.done:
		return string(s.finalState())
	case s.cancel:
		return "cancelling"
	case s.counts.Paused && s.counts.ByState[bench.StateRunning] > 0:
		return "pausing"
	case s.counts.Paused:
		return "paused"
	default:
		return string(bench.StateRunning)
	}
}

// mostHosts is how many hosts are named in the details.
const mostHosts = 50

func (s *sweep) details() string {
	text := fmt.Sprintf("**%s**, %s: %d of %d cells final\n\n| state | cells |\n|---|---|\n",
		s.in.Name, s.state(), s.counts.Final, s.counts.Total)
	for _, state := range workflow.DeterministicKeys(s.counts.ByState) {
		text += fmt.Sprintf("| %s | %d |\n", state, s.counts.ByState[state])
	}
	for i, host := range workflow.DeterministicKeys(s.counts.ByHost) {
		if i == mostHosts {
			return text + fmt.Sprintf("\n… and %d more host(s)", len(s.counts.ByHost)-i)
		}
		text += fmt.Sprintf("\n%s: %d cell(s) left", host, s.counts.ByHost[host])
	}
	return text
}

// Search attributes, all in clear: they hold names and numbers only.
var (
	attrSweep    = temporal.NewSearchAttributeKeyKeyword(contract.AttrSweep)
	attrHost     = temporal.NewSearchAttributeKeyKeyword(contract.AttrHost)
	attrRuntime  = temporal.NewSearchAttributeKeyKeyword(contract.AttrRuntime)
	attrModel    = temporal.NewSearchAttributeKeyKeyword(contract.AttrModel)
	attrTask     = temporal.NewSearchAttributeKeyKeyword(contract.AttrTask)
	attrLanguage = temporal.NewSearchAttributeKeyKeyword(contract.AttrLanguage)
	attrState    = temporal.NewSearchAttributeKeyKeyword(contract.AttrState)
	attrProgress = temporal.NewSearchAttributeKeyFloat64(contract.AttrProgress)
	attrRung     = temporal.NewSearchAttributeKeyInt64(contract.AttrRung)
)
