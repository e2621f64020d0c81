package faults

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// twins start a worker of a host that has one.
func twins() []Fault {
	return []Fault{
		{
			// On one machine the second is told and ends.
			Name: "twin-worker", Kind: Plain, Stages: infer(), Mend: endSecond,
			Break: func(ctx context.Context, s *Scene) error {
				if err := s.startSecond(""); err != nil {
					return err
				}
				ended, err := s.second.Ended(ctx, 45*time.Second)
				switch {
				case !ended:
					s.Wrong = append(s.Wrong, "a second worker of the same host on one machine was not refused")
				case err == nil:
					s.Wrong = append(s.Wrong, "a second worker of the same host on one machine ended without an error")
				}
				return ctx.Err()
			},
		},
		{
			// On another machine, whose locks are not ours to see: another folder for
			// temporary files stands for it.
			Name: "twin-host", Kind: Plain, Stages: infer(), Lasts: longer,
			Break: func(_ context.Context, s *Scene) error { return s.startSecond("elsewhere") },
			Mend: func(ctx context.Context, s *Scene) error {
				if s.second.Serves() && s.Lab.WorkerPID() != 0 {
					s.Wrong = append(s.Wrong, "two workers serve one host")
				}
				return endSecond(ctx, s)
			},
		},
		{
			// The first falls silent, the second takes over, the first wakes up.
			Name: "usurped-host", Kind: Plain, Stages: infer(), Lasts: 40 * time.Second,
			Break: func(ctx context.Context, s *Scene) error {
				if err := s.Lab.Strike(lab.PartWorker, syscall.SIGSTOP, false); err != nil {
					return err
				}
				stored, err := s.Lab.Stored(ctx, s.Sweep)
				s.stored = stored
				return errors.Join(err, s.startSecond("elsewhere"))
			},
			Until: func(ctx context.Context, s *Scene) bool {
				n, err := s.Lab.Stored(ctx, s.Sweep)
				return err == nil && n >= s.stored+3
			},
			Mend: func(ctx context.Context, s *Scene) error {
				if err := s.Lab.Strike(lab.PartWorker, syscall.SIGCONT, false); err != nil {
					return err
				}
				select { // both are awake: nothing may be measured twice now
				case <-ctx.Done():
				case <-time.After(4 * time.Second):
				}
				return errors.Join(endSecond(ctx, s), s.Lab.Up(ctx))
			},
		},
	}
}

// startSecond starts one more worker; a name gives it a folder of its own for
// temporary files, as another machine has.
func (s *Scene) startSecond(elsewhere string) (err error) {
	env := []string{"WATTSWEEP_CHAOS=second"}
	if elsewhere != "" {
		dir := filepath.Join(s.Lab.Dir, elsewhere)
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a folder for temporary files
			return err
		}
		env = append(env, "TMPDIR="+dir)
	}
	s.second, err = s.Lab.SpawnWorker("second-"+s.Sweep+"-"+s.At.Cell, env...)
	return err
}

func endSecond(ctx context.Context, s *Scene) error {
	if s.second == nil {
		return nil
	}
	return s.second.Stop(ctx)
}
