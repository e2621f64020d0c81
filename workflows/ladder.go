package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// climb tries the rungs of the ladder from the given one on. A rung that runs
// out of memory or is refused by the runtime leads to the next, after memory
// has been seen to come back; a model that vanished as soon as it was loaded is
// loaded again; any other failure ends the cell once the activity's own tries
// are used up.
func (b *benchmark) climb(ctx workflow.Context, from int) error {
	after := ""
	for rung := from; rung <= len(b.in.Rungs); {
		err := b.load(ctx, rung, after)
		if err == nil {
			return nil
		}
		switch b.action(err) {
		case fault.Reload:
			if err := b.vanished(); err != nil {
				return err
			}
			after = again
			continue
		case fault.NextRung:
			after = " after out of memory"
			if codeOf(err) == fault.CodeRungRejected {
				after = " after a refused setting"
			}
		default:
			return err
		}
		if err := b.reclaim(ctx); err != nil {
			return err
		}
		rung++
	}
	return errUnfit
}

// again is why a rung is loaded once more.
const again = " again, since it vanished from memory"

// vanished counts how often the model was lost, up to a bound.
func (b *benchmark) vanished() error {
	b.reloads++
	if b.reloads <= maxReloads {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(
		fmt.Sprintf("the model vanished from memory %d times; look at the runtime's log", b.reloads), "Unstable", nil)
}

// load loads one rung. Where the epoch has calls of another rung, its runs
// start afresh first: two configurations are never mixed.
func (b *benchmark) load(ctx workflow.Context, rung int, after string) error {
	if b.measured != 0 && b.measured != rung {
		if err := b.restart(ctx, fmt.Sprintf("start the runs afresh: they were measured on rung %d", b.measured)); err != nil {
			return err
		}
	}
	var out contract.LoadOut
	in := contract.LoadIn{CellRef: b.ref(bench.StageLoad), Rung: rung}
	summary := fmt.Sprintf("load %s, rung %d of %d: %s%s", b.in.At.Model, rung, len(b.in.Rungs), b.in.Rungs[rung-1], after)
	if err := b.do(ctx, bench.StageLoad, contract.ActLoad, true, summary, in, &out); err != nil {
		b.log = append(b.log, fmt.Sprintf("**load** rung %d: %s", rung, codeOf(err)))
		return err
	}
	b.rung, b.token = rung, out.Token
	b.log = append(b.log, fmt.Sprintf("**load** rung %d: %s", rung, out.Text))
	return nil
}

func (b *benchmark) reclaim(ctx workflow.Context) error {
	var note contract.Note
	return b.do(ctx, bench.StageLoad, contract.ActReclaim, true, "see that memory came back", b.ref(bench.StageLoad), &note)
}

// mend answers what a warm-up or calls failed with: a model that vanished is
// loaded again, one that ran out of memory is loaded on the next rung, and
// then the runs start afresh. Any other error is given back.
func (b *benchmark) mend(ctx workflow.Context, err error) (afresh bool, _ error) {
	for err != nil {
		switch b.action(err) {
		case fault.Reload:
			err = b.reload(ctx)
		case fault.NextRung:
			if b.in.V < 2 && codeOf(err) == fault.CodeRungRejected {
				return afresh, err // as shape 1 did
			}
			afresh, err = true, b.stepDown(ctx)
		default:
			return afresh, err
		}
	}
	return afresh, nil
}

// reload brings the model back on the same rung after it vanished: the host
// was rebooted, or the runtime restarted. The calls that follow are a new
// segment of the same run.
func (b *benchmark) reload(ctx workflow.Context) error {
	if err := b.vanished(); err != nil {
		return err
	}
	if err := b.load(ctx, b.rung, again); err != nil {
		return err
	}
	return b.warmUp(ctx)
}

// stepDown goes one rung down after calls ran out of memory and starts the
// cell's runs afresh there.
func (b *benchmark) stepDown(ctx workflow.Context) error {
	if err := b.reclaim(ctx); err != nil {
		return err
	}
	if err := b.restart(ctx, "start the runs afresh on the next rung"); err != nil {
		return err
	}
	return b.ready(ctx, b.rung+1)
}

// action is what is done about an activity's error. The table is part of the
// decisions that must replay: shape 1 knew these codes only.
func (b *benchmark) action(err error) fault.Action {
	code := codeOf(err)
	if b.in.V >= 2 {
		return fault.ActionOf(code)
	}
	switch code {
	case fault.CodeOutOfMemory, fault.CodeRungRejected:
		return fault.NextRung
	case fault.CodeModelNotResident:
		return fault.Reload
	default:
		return fault.FailCell
	}
}

// codeOf reads the fault code of an activity's error.
func codeOf(err error) fault.Code {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return fault.Code(app.Type())
	}
	return ""
}

// restart begins a new epoch of the cell's runs: earlier calls stay in the
// store and no longer count.
func (b *benchmark) restart(ctx workflow.Context, summary string) error {
	if err := control(ctx, contract.ActRestartEpoch, summary, b.ref(bench.StageInfer), &b.epoch); err != nil {
		return err
	}
	b.measured, b.calls, b.segments, b.remeasured = 0, 0, map[int]int{}, map[int]int{}
	b.before.segments, b.before.remeasured = 0, 0
	return nil
}
