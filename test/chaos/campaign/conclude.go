package campaign

import (
	"context"
	"fmt"
	"time"

	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// conclude waits for the end of a sweep and completes the evidence of the
// faults that it took.
func (c *campaign) conclude(ctx context.Context, id string, mine []*strike) error {
	ended := c.ended(ctx, id, mine)
	tally, err := c.lab.Tally(ctx, id)
	if err != nil {
		return err
	}
	after, err := c.lab.Snapshot(ctx, id)
	if err != nil {
		return err
	}
	if list, err := c.lab.Unfinished(ctx, id); err == nil && len(list) > 0 {
		c.Say("sweep %s has %v", id, list)
	}
	loaded, strays, err := c.remains(ctx)
	if err != nil {
		return err
	}
	if len(mine) > 0 {
		mine[len(mine)-1].ends = time.Now()
	}
	seen, err := c.figures(ctx, id)
	if err != nil {
		return err
	}
	for i, s := range mine {
		if err := c.weigh(ctx, s, tally, after); err != nil {
			return err
		}
		seen.weigh(mine, i)
		s.evidence.Loaded, s.evidence.Strays = loaded, strays
		if check := s.point.Fault.Check; check != nil {
			if err := check(ctx, &s.scene); err != nil {
				return err
			}
		}
		s.evidence.Wrong = append(s.evidence.Wrong, s.scene.Wrong...)
	}
	if !ended {
		return fmt.Errorf("sweep %s: %w", id, errSweepStuck)
	}
	return nil
}

// ended waits for the end of a sweep.
func (c *campaign) ended(ctx context.Context, id string, mine []*strike) bool {
	person := false
	for _, s := range mine {
		person = person || s.point.Fault.Person
	}
	care := time.Now()
	for until := time.Now().Add(sweepLimit); time.Now().Before(until) && ctx.Err() == nil; sleep(ctx, 100*time.Millisecond) {
		if at, err := c.lab.Now(ctx, id); err == nil && at.State.Final() {
			return true
		}
		if time.Since(care) > 10*time.Second {
			if err := c.care(ctx, id, person); err != nil {
				c.Say("still down: %v", err)
			}
			care = time.Now()
		}
	}
	return false
}

// remains tells what is in memory and which processes are too many, once a
// sweep has ended.
func (c *campaign) remains(ctx context.Context) (loaded, strays []string, err error) {
	for range 20 { // a server that has just been started needs a moment to answer
		if loaded, err = c.lab.Loaded(ctx); err == nil {
			break
		}
		sleep(ctx, 500*time.Millisecond)
	}
	return loaded, c.lab.Strays(ctx), err
}

// weigh counts what one fault did.
func (c *campaign) weigh(ctx context.Context, s *strike, tally lab.Tally, after map[string]bool) (err error) {
	e := &s.evidence
	e.SweepState, e.Cells, e.CellsDone = tally.State, tally.Cells, tally.Done
	e.Expected, e.Stored, e.Extra, e.Overlaps = tally.Expected, tally.Stored, tally.Extra, tally.Overlaps
	for call := range s.before {
		if !after[call] {
			e.Vanished++
		}
	}
	if e.Fallen, err = c.lab.Fallen(ctx, s.scene.Sweep); err != nil {
		return err
	}
	e.MayFail = s.point.Fault.MayFail
	e.Again, err = c.lab.Again(ctx, s.scene.Sweep, s.scene.Began, s.ends)
	return err
}
