package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/chaos/clock"
	"github.com/wattsweep/wattsweep/test/chaos/cut"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// longer is an outage that is noticed: longer than the heartbeat time-out and
// the lease.
const longer = lab.Heartbeat + 3*time.Second

func infer() []bench.Stage { return []bench.Stage{bench.StageInfer} }

// Others are all faults but the plain kills.
func Others() []Fault {
	return slices.Concat(stops(), runners(), power(), wedges(), cuts(), clocks(), disks(), meters(), twins())
}

// stops freeze a part and let it go on: a laptop that sleeps, a hypervisor that
// moves a machine, a host that swaps.
func stops() []Fault {
	var list []Fault
	for _, part := range lab.Parts() {
		f := Fault{
			Name: "stop-" + string(part), Kind: Plain, Stages: infer(), Lasts: longer,
			Break: func(_ context.Context, s *Scene) error { return s.Lab.Strike(part, syscall.SIGSTOP, true) },
			Mend: func(ctx context.Context, s *Scene) error {
				return errors.Join(s.Lab.Strike(part, syscall.SIGCONT, true), s.Lab.Up(ctx))
			},
		}
		if part == lab.PartWorker {
			f.Stages = []bench.Stage{bench.StageBaseline, bench.StageLoad, bench.StageInfer}
		}
		if part == lab.PartOllama {
			f.MayFail = 1
		}
		list = append(list, f)
	}
	return list
}

// runners kill the process that holds the model, as a crash of it does or a
// person: Ollama itself goes on.
func runners() []Fault {
	return []Fault{{
		Name: "kill-runner", Kind: Plain, Stages: []bench.Stage{bench.StageLoad, bench.StageInfer}, Mend: up,
		Ready: func(ctx context.Context, s *Scene) bool {
			for range 300 {
				if s.Lab.Runs() || ctx.Err() != nil {
					break
				}
				time.Sleep(time.Millisecond)
			}
			return s.Lab.Runs()
		},
		Break: func(_ context.Context, s *Scene) error { return strikeRunner(s, syscall.SIGKILL) },
	}}
}

func strikeRunner(s *Scene, sig syscall.Signal) error {
	n, err := s.Lab.StrikeRunners(sig)
	if err == nil && n == 0 {
		err = errors.New("no runner of a model runs")
	}
	return err
}

// power ends everything at once, and Postgres in the middle of commits.
func power() []Fault {
	return []Fault{
		{
			Name: "power-cut", Kind: Plain, Stages: []bench.Stage{bench.StageLoad, bench.StageInfer}, Mend: up,
			Break: func(_ context.Context, s *Scene) error {
				var failed []error
				for _, p := range s.Lab.Processes() {
					if err := p.Kill(); err != nil && !errors.Is(err, syscall.ESRCH) {
						failed = append(failed, err)
					}
				}
				return errors.Join(failed...)
			},
		},
		{
			// What pg_ctl restart -m immediate sends. All sessions are cut and the
			// database recovers from its log.
			Name: "restart-postgres-in-commit", Kind: Plain, Stages: infer(), Commit: true, Mend: up,
			Break: func(ctx context.Context, s *Scene) error {
				return s.Lab.KillAndWait(ctx, lab.PartPostgres, syscall.SIGQUIT)
			},
		},
	}
}

// untilStuck is how many calls in a row may run into their timeout before the
// product says that a server that still tells what it has in memory is stuck
// (maxTimeouts of the inference stage).
const untilStuck = 3

// wedges make Ollama accept and never answer, for longer than the calls in a
// row after which a runtime counts as stuck. A person restarts it then, as the
// program's message says, and opens the host again.
func wedges() []Fault {
	const wedged = 5 * lab.CallTimeout
	restart := func(ctx context.Context, s *Scene) error {
		return errors.Join(s.Lab.KillAndWait(ctx, lab.PartOllama, syscall.SIGKILL), s.Lab.Servers(ctx))
	}
	return []Fault{
		{
			Name: "wedge-ollama-runner", Kind: Plain, Stages: infer(), Lasts: wedged, Person: true,
			MayFail: untilStuck,
			Break:   func(_ context.Context, s *Scene) error { return strikeRunner(s, syscall.SIGSTOP) },
			Mend:    restart,
		},
		{
			Name: "wedge-ollama-link", Kind: Plain, Stages: infer(), Lasts: wedged, Person: true, MayFail: 1,
			Break: func(_ context.Context, s *Scene) error { s.Lab.Ollama.Set(cut.Hold); return nil },
			Mend: func(ctx context.Context, s *Scene) error {
				s.Lab.Ollama.Set(cut.Forward)
				return restart(ctx, s)
			},
		},
	}
}

// cuts take the network away between the worker and a server.
func cuts() []Fault {
	var list []Fault
	for _, to := range []struct {
		name string
		link func(*lab.Lab) *cut.Link
	}{
		{"temporal", func(l *lab.Lab) *cut.Link { return l.Temporal }},
		{"postgres", func(l *lab.Lab) *cut.Link { return l.Postgres }},
	} {
		for _, how := range []struct {
			name string
			mode cut.Mode
		}{{"hold", cut.Hold}, {"reset", cut.Reset}} {
			list = append(list, Fault{
				Name: "cut-" + to.name + "-" + how.name, Kind: Linked, Lasts: longer,
				Stages: []bench.Stage{bench.StageInfer, bench.StageBaseline},
				Break:  func(_ context.Context, s *Scene) error { to.link(s.Lab).Set(how.mode); return nil },
				Mend:   func(_ context.Context, s *Scene) error { to.link(s.Lab).Set(cut.Forward); return nil },
			})
		}
	}
	return list
}

// clocks step the worker's wall clock away from the servers' and back, as a time
// server does that is wrong for a while.
func clocks() []Fault {
	var list []Fault
	for _, one := range []struct {
		name string
		step time.Duration
	}{{"clock-forward", time.Hour}, {"clock-back", -time.Hour}} {
		list = append(list, Fault{
			Name: one.name, Kind: Clocked, Stages: []bench.Stage{bench.StageInfer, bench.StageBaseline}, Lasts: longer, Lacks: clock.Lacks,
			Break: func(_ context.Context, s *Scene) error {
				s.told = s.Lab.Clock.Answered()
				s.Lab.Clock.Step(one.step)
				return nil
			},
			Mend: func(_ context.Context, s *Scene) error {
				if s.Lab.Clock.Answered() == s.told {
					s.Wrong = append(s.Wrong, "the worker never asked for the time, so nothing was shown")
				}
				s.Lab.Clock.Step(0)
				return nil
			},
		})
	}
	return list
}

// disks leave the database no space, for as long as it takes to be missed.
func disks() []Fault {
	missed := func(s *Scene) bool { return s.Lab.Logged("No space left on device") || s.Lab.Logged("no disk space") }
	return []Fault{{
		Name: "disk-full", Kind: Disk, Stages: infer(), Lasts: 40 * time.Second,
		Lacks: func() string {
			_, why := lab.CanMount()
			return why
		},
		Break: func(_ context.Context, s *Scene) error { return s.Lab.FillDisk() },
		Until: func(_ context.Context, s *Scene) bool { return time.Since(s.Began) > longer && missed(s) },
		Mend: func(ctx context.Context, s *Scene) error {
			if !missed(s) {
				s.Wrong = append(s.Wrong, "the full disk was never met, so nothing was shown")
			}
			return errors.Join(s.Lab.FreeDisk(), s.Lab.Up(ctx))
		},
	}}
}

// meters take the PDU away for a while: calls go on, and the windows say what
// they lack.
func meters() []Fault {
	return []Fault{{
		Name: "silent-pdu", Kind: Plain, Stages: infer(), Lasts: longer,
		Lacks: func() string {
			if !lab.HasPDU() {
				return "snmpd is not installed"
			}
			return ""
		},
		Break: func(_ context.Context, s *Scene) error { s.Lab.PDU.Silence(); return nil },
		Mend:  func(_ context.Context, s *Scene) error { return s.Lab.PDU.Start() },
		Check: func(ctx context.Context, s *Scene) error {
			told, zero, err := s.Lab.Silences(ctx, s.Sweep, s.Began, s.Began.Add(longer))
			if err != nil {
				return err
			}
			if told == 0 {
				s.Wrong = append(s.Wrong, "no window says that the PDU was silent")
			}
			if zero > 0 {
				s.Wrong = append(s.Wrong, fmt.Sprintf("%d windows show zero where nothing was read", zero))
			}
			return nil
		},
	}}
}
