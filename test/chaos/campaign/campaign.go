// Package campaign plays faults one after the other into running sweeps and
// collects what each of them did.
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

// Options say what to play.
type Options struct {
	Program string
	// Host names the lab's host; each lab adds its kind.
	Host   string
	Points []faults.Point
	// Say is told what happens.
	Say func(format string, args ...any)
}

const (
	// cellsPerSweep bounds a sweep: the last cell of each is left in peace, so that
	// every fault is followed by a measured call.
	cellsPerSweep = 8
	// resumeLimit is how long the next call after a restart may take.
	resumeLimit = 2 * time.Minute
	// sweepLimit is how long a sweep may take to end once nothing is broken.
	sweepLimit = 3 * time.Minute
	// stageLimit is how long a stage may take to come.
	stageLimit = 2 * time.Minute
	diskBytes  = 192 << 20
)

// Run plays all points and gives a row for each, also for those that cannot be
// played here.
func Run(ctx context.Context, o Options) ([]judge.Row, error) {
	var rows []judge.Row
	for _, kind := range faults.Kinds() {
		var points []faults.Point
		for _, p := range o.Points {
			if p.Fault.Kind != kind {
				continue
			}
			if p.Fault.Lacks != nil {
				if why := p.Fault.Lacks(); why != "" {
					o.Say("skipped: %s at %s: %s", p.Fault.Name, p.Stage, why)
					rows = append(rows, judge.Skip(p.Fault.Name, string(p.Stage), p.Seed, why))
					continue
				}
			}
			points = append(points, p)
		}
		for len(points) > 0 {
			c := &campaign{Options: o, kind: kind, todo: points}
			more, err := c.run(ctx)
			rows = append(rows, more...)
			if err != nil {
				return rows, err
			}
			if len(c.todo) == len(points) {
				return rows, fmt.Errorf("no point of %s could be played", kind)
			}
			points = c.todo
		}
	}
	return rows, ctx.Err()
}

// campaign is the points that one lab is put through.
type campaign struct {
	Options
	kind   faults.Kind
	todo   []faults.Point
	lab    *lab.Lab
	struck []*strike // of all sweeps so far
	sweeps int
}

// strike is a fault that was played.
type strike struct {
	point    faults.Point
	scene    faults.Scene
	back     time.Time // when the next call was stored
	ends     time.Time // when the next one began
	before   map[string]bool
	evidence judge.Evidence
}

var errSweepStuck = errors.New("the sweep does not end")

func (c *campaign) run(ctx context.Context) (rows []judge.Row, err error) {
	o := lab.Options{Host: c.Host + "-" + string(c.kind), Program: c.Program, Cut: c.kind == faults.Linked, Clocked: c.kind == faults.Clocked, Say: c.Say}
	if c.kind == faults.Disk {
		o.DiskBytes = diskBytes
	}
	if c.lab, err = lab.Open(ctx, o); err != nil {
		return nil, err
	}
	for len(c.todo) > 0 && err == nil {
		left := len(c.todo)
		if err = c.sweep(ctx); err == nil && len(c.todo) == left {
			err = fmt.Errorf("no cell of a whole sweep could be struck by %s at %s", c.todo[0].Fault.Name, c.todo[0].Stage)
		}
	}
	if errors.Is(err, errSweepStuck) {
		c.Say("%v; the worker's last words:\n%s", err, c.lab.WorkerLog())
		err = nil // its rows tell; a fresh lab takes the rest
	}
	strays, cerr := c.lab.Close(context.WithoutCancel(ctx))
	for _, s := range c.struck {
		s.evidence.Strays = append(s.evidence.Strays, strays...)
		row, why := judge.Judge(s.evidence)
		rows = append(rows, row)
		for _, w := range why {
			c.Say("NOT OK: %s at %s, seed %d: %s", row.Fault, row.Stage, row.Seed, w)
		}
	}
	return rows, errors.Join(err, cerr)
}

// sweep plays as many points into one sweep as fit.
func (c *campaign) sweep(ctx context.Context) error {
	c.sweeps++
	cells := min(cellsPerSweep, len(c.todo)+2) // one in peace after the last
	id, err := c.lab.Launch(ctx, c.sweeps, cells)
	if err != nil {
		return err
	}
	var mine []*strike
	for len(c.todo) > 0 {
		s, release, err := c.corner(ctx, id, c.todo[0])
		if errors.Is(err, errNoRoom) {
			break
		}
		if err != nil {
			return errors.Join(err, c.conclude(ctx, id, mine))
		}
		c.todo = c.todo[1:]
		mine = append(mine, s)
		c.struck = append(c.struck, s)
		if n := len(mine); n > 1 {
			mine[n-2].ends = time.Now()
		}
		if err := c.play(ctx, s, release); err != nil {
			s.evidence.Wrong = append(s.evidence.Wrong, err.Error())
			break // whatever is wrong with the lab now, nothing more is put on top of it
		}
	}
	return c.conclude(ctx, id, mine)
}

// play breaks, waits, mends, and waits for the next call.
func (c *campaign) play(ctx context.Context, s *strike, release func()) (err error) {
	f := s.point.Fault
	s.scene.Began = time.Now()
	err = f.Break(ctx, &s.scene)
	release()
	if err != nil {
		return fmt.Errorf("break: %w", err)
	}
	for end := s.scene.Began.Add(f.Lasts); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, 100*time.Millisecond) {
		if f.Until != nil && f.Until(ctx, &s.scene) {
			break
		}
	}
	known, away := c.stored(ctx, s.scene.Sweep)
	restart := time.Now()
	if err := f.Mend(ctx, &s.scene); err != nil {
		return fmt.Errorf("mend: %w", err)
	}
	if err := c.resume(ctx, s, restart, known, away); err != nil {
		return err
	}
	c.Say("%s at %s, %.2f s in, seed %d: next call after %.1f s", f.Name, s.point.Stage, s.point.Delay.Seconds(), s.point.Seed, s.evidence.Resume.Seconds())
	return nil
}

// stored counts the calls before the restart; away when it cannot be told.
func (c *campaign) stored(ctx context.Context, sweep string) (n int, away bool) {
	n, err := c.lab.Stored(ctx, sweep)
	return n, err != nil
}

// resume waits for the first call that is stored after the restart, doing
// meanwhile what a service manager does, and a person where one is needed.
func (c *campaign) resume(ctx context.Context, s *strike, restart time.Time, known int, away bool) error {
	care := time.Now().Add(time.Second)
	for time.Since(restart) < resumeLimit && ctx.Err() == nil {
		n, err := c.lab.Stored(ctx, s.scene.Sweep)
		switch {
		case err != nil:
		case away: // what is there now was stored before the database went away
			known, away = n, false
		case n > known:
			s.evidence.Resumed, s.evidence.Resume = true, time.Since(restart)
			s.back = time.Now()
			return nil
		case c.done(ctx, s.scene.Sweep):
			// The fault did not keep the worker from measuring all that was left,
			// and that it was all is judged with the rest.
			s.evidence.Resumed, s.back = true, time.Now()
			return nil
		}
		if time.Now().After(care) {
			if err := c.care(ctx, s.scene.Sweep, s.point.Fault.Person); err != nil {
				c.Say("still down: %v", err)
			}
			care = time.Now().Add(2 * time.Second)
		}
		sleep(ctx, 20*time.Millisecond)
	}
	return fmt.Errorf("no call within %s of the restart", resumeLimit)
}

// done tells whether a sweep has come to its good end.
func (c *campaign) done(ctx context.Context, sweep string) bool {
	at, err := c.lab.Now(ctx, sweep)
	return err == nil && at.State == bench.StateDone
}

// care starts what has ended by itself, and asks again for what was given up.
func (c *campaign) care(ctx context.Context, sweep string, person bool) error {
	for _, part := range lab.Parts() {
		if c.lab.PID(part) == 0 {
			c.Say("%s has ended; it is started again", part)
			if err := c.lab.Up(ctx); err != nil {
				return err
			}
			break
		}
	}
	if !person {
		return nil
	}
	if lane, err := c.lab.Lane(ctx); err == nil && lane == bench.LaneUnfit {
		if _, err := c.lab.Run(ctx, "host", "resume", c.lab.Host); err != nil {
			return err
		}
	}
	if list, err := c.lab.Unfinished(ctx, sweep); err == nil && len(list) > 0 {
		c.Say("asked again for %v", list)
		if _, err := c.lab.Run(ctx, "retry", sweep); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
