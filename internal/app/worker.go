package app

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/hostfacts"
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
	"github.com/wattsweep/wattsweep/internal/units"
	"github.com/wattsweep/wattsweep/internal/version"
	"github.com/wattsweep/wattsweep/workflows"
)

// Roles say which task queues a worker serves.
type Roles struct {
	// Control serves workflows and database work; any number of workers may.
	Control bool
	// Host is the name of the host to measure on; empty measures nothing.
	Host string
}

// Worker serves task queues until it is stopped.
type Worker struct {
	workers []worker.Worker
	unlock  func()
	lease   *lease // nil where no host is measured
	watch   *watch
	failed  chan error
}

// StartWorker begins to serve. It refuses when another worker of the same host
// name is alive, on this machine or on another; one that was killed is followed,
// at once where that can be seen and else when its lease is over. What the last
// worker had in hand is found, told, and goes on.
func (a *App) StartWorker(ctx context.Context, roles Roles) (*Worker, error) {
	w := &Worker{unlock: func() {}, failed: make(chan error, 2), watch: newWatch(a.Settings.Worker.StopTimeout)}
	if err := a.assemble(ctx, w, roles); err != nil {
		w.letGo()
		return nil, err
	}
	for i, one := range w.workers {
		if err := one.Start(); err != nil {
			for _, started := range w.workers[:i] {
				started.Stop()
			}
			w.letGo()
			return nil, fmt.Errorf("start worker: %w", err)
		}
	}
	return w, nil
}

// assemble takes the host's name and makes the workers, which do not serve yet.
func (a *App) assemble(ctx context.Context, w *Worker, roles Roles) (err error) {
	if roles.Host != "" {
		if w.unlock, err = lockNames(lockFolder(), roles.Host, a.Settings.Worker.ShareMachine, lockPatience); err != nil {
			w.unlock = func() {}
			return err
		}
		if w.lease, err = a.takeLease(ctx, roles.Host); err != nil {
			return err
		}
		w.lease.look(w.fail)
		a.recover(ctx, w.lease)
		one, err := a.hostWorker(ctx, w, roles.Host)
		if err != nil {
			return err
		}
		w.workers = append(w.workers, one)
	}
	if roles.Control {
		one, err := a.controlWorker(w)
		if err != nil {
			return err
		}
		w.workers = append(w.workers, one)
	}
	return nil
}

// Failed tells of an error after which the worker serves no more.
func (w *Worker) Failed() <-chan error { return w.failed }

// Stop finishes the present call, hands the rest on and stops serving. It takes
// no longer than settings give a stopping worker.
func (w *Worker) Stop() {
	for _, one := range w.workers {
		one.Stop()
	}
	w.letGo()
}

// letGo gives the host's name back.
func (w *Worker) letGo() {
	if w.lease != nil {
		w.lease.release()
	}
	w.unlock()
}

// heartbeat is how soon a dead worker is noticed.
func (a *App) heartbeat() time.Duration { return a.Settings.Worker.HeartbeatTimeout }

// throttle is how often heartbeats are sent at most. It is also how long the
// Temporal server may be away before the SDK gives an activity up, and how
// long a cancellation takes to arrive.
func (a *App) throttle() time.Duration { return min(20*time.Second, a.heartbeat()/3) }

func (a *App) controlWorker(w *Worker) (worker.Worker, error) {
	deployment, err := a.deployment()
	if err != nil {
		return nil, err
	}
	one := worker.New(a.Temporal, contract.QueueControl, worker.Options{
		DeploymentOptions:           deployment,
		DisableRegistrationAliasing: true,
		OnFatalError:                w.fail,
		Interceptors:                []interceptor.WorkerInterceptor{w.watch, &activities.Beats{}},
		DeadlockDetectionTimeout:    5 * time.Second, // a busy two-core machine is no deadlock
		// With the SDK's two pollers most tasks of a large sweep find nobody
		// waiting and are written to the server's database first.
		MaxHeartbeatThrottleInterval:     4 * time.Second, // a server that is away for moments ends no live activity
		MaxConcurrentWorkflowTaskPollers: 16,
		MaxConcurrentActivityTaskPollers: 4,
	})
	workflows.Register(one)
	activities.RegisterControl(one,
		&activities.Control{Store: a.Store, Temporal: a.Temporal, Heartbeat: a.heartbeat()},
		&activities.Results{Store: a.Store})
	activities.RegisterDrift(one, a.DriftActivities())
	return one, nil
}

func (a *App) hostWorker(ctx context.Context, w *Worker, host string) (worker.Worker, error) {
	facts, err := hostfacts.Read(ctx, hostfacts.Options{Host: host, WorkerBuild: version.String()})
	if err != nil {
		return nil, err
	}
	one := worker.New(a.Temporal, contract.HostQueue(host), worker.Options{
		Identity:                           host + "/" + version.String() + "/" + facts.BootID,
		DisableWorkflowWorker:              true,
		DisableRegistrationAliasing:        true,
		MaxConcurrentActivityExecutionSize: 1, // one measurement at a time
		MaxConcurrentActivityTaskPollers:   1,
		MaxHeartbeatThrottleInterval:       a.throttle(),
		WorkerStopTimeout:                  a.Settings.Worker.StopTimeout,
		OnFatalError:                       w.fail,
		Interceptors:                       []interceptor.WorkerInterceptor{w.watch},
	})
	activities.RegisterHost(one, &activities.Host{
		Store: a.Store.Under(host, w.lease.epoch), Name: host, Build: version.String(), BootID: facts.BootID, Clock: a.Meters.Clock(),
		Runtime: a.runtimeFor, Meters: a.OpenMeters, Source: sourceOf, Ask: ask, WithNonce: icd10.WithNonce,
		Characterise: a.characterise, GPUs: a.gpus, Finishes: w.watch.finishes,
		Facts: func(ctx context.Context) (bench.HostFacts, error) {
			return hostfacts.Read(ctx, hostfacts.Options{Host: host, WorkerBuild: version.String()})
		},
	})
	return one, nil
}

func (w *Worker) fail(err error) {
	select {
	case w.failed <- err:
	default: // the first reason is the one to tell
	}
}

// gpus describes the GPUs, and who is on them besides the runtime. A GPU that
// is lost meanwhile is no reason to measure nothing.
func (a *App) gpus(ctx context.Context) (facts []bench.GPUFacts, foreign []string, err error) {
	on, err := a.Meters.Foreign(ctx)
	if ctx.Err() != nil {
		return nil, nil, fmt.Errorf("look who is on the GPUs: %w", ctx.Err())
	}
	if err != nil {
		foreign = append(foreign, fmt.Sprintf("not known who is on the GPUs: %s", err))
	}
	for _, gpu := range on {
		if gpu.Doubt != "" {
			foreign = append(foreign, fmt.Sprintf("gpu%d: %s", gpu.Index, gpu.Doubt))
			continue
		}
		for _, p := range gpu.Foreign {
			size := "memory not told"
			if p.Known {
				size = units.Bytes(int64(min(p.Bytes, math.MaxInt64))).String() //nolint:gosec // bounded
			}
			foreign = append(foreign, fmt.Sprintf("gpu%d: process %d %s, %s", gpu.Index, p.PID, p.Name, size))
		}
	}
	return a.Meters.GPUFacts(), foreign, nil
}

// ask builds the prompt of a journal for a task.
func ask(task, language, body string) (prompt, hash string, err error) {
	if task != "icd10" {
		return "", "", fmt.Errorf("build prompt: unknown task %q", task)
	}
	if prompt, err = icd10.Prompt(language, body); err != nil {
		return "", "", err
	}
	return prompt, bench.Hash(prompt), nil
}
