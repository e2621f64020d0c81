package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// gateEvery is how often temperatures are looked at while a run waits.
const gateEvery = 500 * time.Millisecond

// coolDown holds a run back until every temperature of the host is below the
// cell's thermal gate, so that no run begins in the heat of the one before it.
// A host that does not cool down in time is measured all the same: the wait is
// stored as a phase, and the run's energies carry the flag. The note is empty
// where the cell has no gate.
func (j *job) coolDown(ctx context.Context, in contract.InferIn) (gateNote, error) {
	gate := j.cell.Config.Phases.ThermalGate
	if gate == nil {
		return gateNote{}, nil
	}
	// A later chunk goes on with a run that passed the gate, unless the model was
	// loaded and warmed up again in between: that heats.
	if in.From > 0 {
		if anew, err := j.loadedSince(ctx, in); err != nil || !anew {
			return gateNote{}, err
		}
	}
	defer beating(ctx, func() any { return contract.Note{V: 1, Text: "cooling down before the run"} })()
	m, err := j.sample(ctx)
	if err != nil {
		return gateNote{}, err
	}
	defer m.close()
	channels := temperatures(m.sampler.Channels())
	if len(channels) == 0 {
		return gateNote{text: noThermometer, doubt: true}, nil
	}
	if err := m.begin(ctx, in.Epoch, bench.PhaseCoolDown, in.Run, in.No); err != nil {
		return gateNote{}, err
	}
	hottest, cool, err := waitCool(ctx, m.sampler, channels, within(ctx, *gate))
	if err != nil {
		return gateNote{}, err
	}
	note := gateNote{text: gateText(hottest, *gate, j.host.Clock.Now()-m.from), doubt: !cool}
	_, err = m.keepMarked(ctx, note.mark)
	return note, err
}

// loadedSince tells whether the run's last segment was measured on another load
// than the one that is in memory.
func (j *job) loadedSince(ctx context.Context, in contract.InferIn) (bool, error) {
	segments, err := j.host.Store.Segments(ctx, in.Cell, in.Epoch)
	if err != nil {
		return false, err
	}
	for _, s := range slices.Backward(segments) { // by run and number
		if s.Run == in.Run {
			return s.LoadToken != in.Token, nil
		}
	}
	return false, nil
}

// gateNote says how waiting for the thermal gate went.
type gateNote struct {
	text  string // "" where there is no gate
	doubt bool   // what follows begins without having been seen to be cool
}

// mark flags the temperatures of a host that did not cool down in time.
func (g gateNote) mark(r *bench.PhaseReading) {
	if g.doubt && r.Channel.Unit == bench.UnitCelsius {
		r.Flags = append(r.Flags, g.text)
	}
}

func gateText(hottest heat, gate bench.ThermalGate, waited time.Duration) string {
	return fmt.Sprintf("thermal gate: %s, wanted below %.1f °C, waited %s", hottest, gate.BelowC, waited.Round(100*time.Millisecond))
}

// noThermometer is what a gate says on a host without temperatures.
const noThermometer = "thermal gate: no temperature is read on this host, nothing was waited for"

func temperatures(channels []bench.Channel) []string {
	var names []string
	for _, c := range channels {
		if c.Unit == bench.UnitCelsius {
			names = append(names, c.Name)
		}
	}
	return names
}

// waitCool waits until all channels are below the gate or its time is up.
func waitCool(ctx context.Context, s *meters.Sampler, channels []string, gate bench.ThermalGate) (hottest heat, cool bool, err error) {
	limit := time.NewTimer(gate.Timeout)
	defer limit.Stop()
	look := time.NewTicker(gateEvery)
	defer look.Stop()
	for {
		hottest = hottestOf(s, channels)
		if hottest.known && hottest.c < gate.BelowC {
			return hottest, true, nil
		}
		select {
		case <-look.C:
		case <-limit.C:
			return hottest, false, nil
		case <-ctx.Done():
			return hottest, false, ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			return hottest, false, drained()
		}
	}
}

// heat is the highest of the newest temperatures.
type heat struct {
	channel string
	c       float64
	known   bool // every channel has told a temperature of late
}

func (h heat) String() string {
	if !h.known {
		return "not every temperature could be read"
	}
	return fmt.Sprintf("%.1f °C on %s", h.c, h.channel)
}

// freshFor is how old a temperature may be to count as the present one.
const freshFor = 5 * time.Second

func hottestOf(s *meters.Sampler, channels []string) heat {
	now := s.Mark()
	h := heat{known: true}
	for _, name := range channels {
		readings := s.Samples(name, now-freshFor, now)
		at := len(readings) - 1
		for at >= 0 && !readings[at].Has() {
			at--
		}
		if at < 0 {
			return heat{}
		}
		if h.channel == "" || readings[at].Value > h.c {
			h.channel, h.c = name, readings[at].Value
		}
	}
	return h
}
