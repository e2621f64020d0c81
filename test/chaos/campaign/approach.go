package campaign

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/chaos/faults"
	"github.com/wattsweep/wattsweep/test/chaos/judge"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// errNoRoom says that a sweep has no cell left to strike.
var errNoRoom = errors.New("the sweep has no cell left to strike")

// writes names the table that a stage of a few milliseconds writes to and no
// other stage does: who holds it keeps the stage running. Other stages last long
// enough to be met.
func writes(stage bench.Stage) string {
	return map[bench.Stage]string{
		bench.StageInspect: "cell_hosts", bench.StagePull: "pulls", bench.StageScore: "scores",
		bench.StageCost: "costs", bench.StagePublish: "cell_results",
	}[stage]
}

// corners is how often a stage is approached that ends before the blow.
const corners = 12

// corner approaches the stage of a point, waits the point's delay, and looks once
// more: where the stage has ended meanwhile it is approached again, with less of
// the delay, so that a row's stage is the one that was struck.
func (c *campaign) corner(ctx context.Context, sweep string, p faults.Point) (*strike, func(), error) {
	s := &strike{point: p, scene: faults.Scene{Lab: c.lab, Sweep: sweep}}
	s.evidence = judge.Evidence{Fault: p.Fault.Name, Stage: string(p.Stage), Seed: p.Seed}
	for try := range corners {
		at, release, err := c.approach(ctx, sweep, p.Stage)
		if err != nil {
			return nil, nil, err
		}
		s.scene.At = at
		sleep(ctx, p.Delay/time.Duration(try+1))
		met, err := c.met(ctx, s)
		if err == nil && met {
			return s, release, nil
		}
		release()
		if err != nil {
			return nil, nil, err
		}
		c.Say("%s of cell %s ended before %s; once more", p.Stage, at.Cell, p.Fault.Name)
	}
	return nil, nil, fmt.Errorf("stage %s ended %d times before the blow", p.Stage, corners)
}

// met takes the calls stored so far and tells whether the stage still runs.
func (c *campaign) met(ctx context.Context, s *strike) (bool, error) {
	f := s.point.Fault
	var err error
	if s.before, err = c.lab.Snapshot(ctx, s.scene.Sweep); err != nil {
		return false, err
	}
	if f.Commit {
		c.lab.AwaitCommit(ctx, 5*time.Second)
	}
	if f.Ready != nil && !f.Ready(ctx, &s.scene) {
		return false, nil
	}
	now, err := c.lab.Now(ctx, s.scene.Sweep)
	return now.Running && now.Stage == s.point.Stage && now.Cell == s.scene.At.Cell, err
}

// approach waits until the store says that the stage runs, in a cell that is
// not the sweep's last. release lets go of what was held for that.
func (c *campaign) approach(ctx context.Context, sweep string, stage bench.Stage) (at lab.At, release func(), err error) {
	release = func() {}
	defer func() {
		if err != nil {
			release()
			release = func() {}
		}
	}()
	table := writes(stage)
	if stage == bench.StageDataset { // it only reads: it is waited for in the stage before
		table = writes(bench.StageInspect)
	}
	if table != "" {
		if release, err = c.lab.Hold(ctx, table, false); err != nil {
			release = func() {}
			return at, release, err
		}
	}
	if stage == bench.StageDataset {
		if at, err = c.meet(ctx, sweep, bench.StageInspect); err != nil {
			return at, release, err
		}
		dataset, err := c.lab.Hold(ctx, "datasets", true)
		if err != nil {
			return at, release, err
		}
		release()
		release = dataset
	}
	at, err = c.meet(ctx, sweep, stage)
	return at, release, err
}

// meet polls until the stage runs.
func (c *campaign) meet(ctx context.Context, sweep string, stage bench.Stage) (lab.At, error) {
	until := time.Now().Add(stageLimit)
	care := time.Now().Add(10 * time.Second)
	for ctx.Err() == nil {
		at, err := c.lab.Now(ctx, sweep)
		switch {
		case err == nil && (at.Queued == 0 || at.State.Final()):
			return at, errNoRoom
		case err == nil && at.Running && at.Stage == stage:
			return at, nil
		case time.Now().After(until):
			return at, fmt.Errorf("stage %s did not come within %s; the sweep is at %s of cell %s", stage, stageLimit, at.Stage, at.Cell)
		case time.Now().After(care):
			if err := c.care(ctx, sweep, false); err != nil {
				c.Say("still down: %v", err)
			}
			care = time.Now().Add(5 * time.Second)
		}
		sleep(ctx, 4*time.Millisecond)
	}
	return lab.At{}, ctx.Err()
}
