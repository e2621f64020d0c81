package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
	"github.com/wattsweep/wattsweep/internal/telemetry"
	"github.com/wattsweep/wattsweep/test/simruntime"
)

// fleet is a control worker and the workers of many hosts in this process, each
// connected for itself as if it ran on a machine of its own.
type fleet struct {
	opts    scaleOptions
	control *app.App
	apps    []*app.App
	workers []*app.Worker
	watch   *watcher
}

// simulatedName is the runtime's name in specs.
const simulatedName = "simulated"

func newFleet(ctx context.Context, o scaleOptions) (*fleet, error) {
	f := &fleet{opts: o}
	if err := f.start(ctx); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *fleet) start(ctx context.Context) (err error) {
	if f.control, err = connect(ctx); err != nil {
		return err
	}
	if f.watch, err = newWatcher(ctx, f.control, os.Getenv(storetest.EnvDSN), os.Getenv("WATTSWEEP_TEST_TEMPORAL")); err != nil {
		return err
	}
	if err := f.serve(ctx, f.control, app.Roles{Control: true}); err != nil {
		return err
	}
	for i := range f.opts.Hosts {
		a, err := connect(ctx)
		if err != nil {
			return err
		}
		f.apps = append(f.apps, a)
		a.UseRuntime(simulatedName, simruntime.New(simruntime.Options{}))
		if err := f.serve(ctx, a, app.Roles{Host: f.host(i)}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) serve(ctx context.Context, a *app.App, roles app.Roles) error {
	w, err := a.StartWorker(ctx, roles)
	if err == nil {
		f.workers = append(f.workers, w)
	}
	return err
}

func (f *fleet) host(i int) string { return fmt.Sprintf("%s-%02d", f.opts.Name, i+1) }

// stop ends the workers.
func (f *fleet) stop() {
	for _, w := range f.workers {
		w.Stop()
	}
	f.workers = nil
}

func (f *fleet) close() {
	f.stop()
	for _, a := range f.apps {
		a.Close()
	}
	if f.watch != nil {
		f.watch.close()
	}
	if f.control != nil {
		f.control.Close()
	}
}

// connect reaches the servers that the environment names.
func connect(ctx context.Context) (*app.App, error) {
	settings, err := labSettings()
	if err != nil {
		return nil, err
	}
	return app.Connect(ctx, app.Options{Settings: settings, Log: telemetry.Logger(io.Discard, false)})
}

// scaleSpec asks every simulated model about two journals, in one run and
// without windows of rest: what is left is the harness.
const scaleSpec = `
name: NAME
hosts: [HOSTS]
runtimes: [{name: simulated, kind: ollama, max_output_tokens: 8}]
models: [MODELS]
task: {name: icd10}
datasets: [{name: demo-journals, languages: [LANGUAGES], limit: 2}]
runs: 1
phases: {baseline: 0s, idle: 0s, warm_up_calls: 1}
meters: {host: false, nvml: false, rapl: false, hwmon: false, wall: false}
`

// spec writes the spec of so many cells on the given hosts.
func scaleSpecOf(name string, hosts []string, cells int) (*config.Spec, error) {
	languages := []string{"en", "sv"} // that the dataset has
	each := cells / len(hosts)
	if each%len(languages) != 0 {
		languages = languages[:1]
	}
	var models []string
	for i := range each / len(languages) {
		models = append(models, fmt.Sprintf("{name: simulated-%05d, context_tokens: 2048}", i+1))
	}
	text := strings.NewReplacer("NAME", name, "HOSTS", strings.Join(hosts, ", "), "MODELS", strings.Join(models, ", "),
		"LANGUAGES", strings.Join(languages, ", ")).Replace(scaleSpec)
	return config.ParseSpec(name, []byte(text), app.SpecOptions())
}

// sweep launches the plan, or joins it, and watches it until it is done or its
// time is over.
func (f *fleet) sweep(ctx context.Context) (scaleRun, error) {
	hosts := make([]string, f.opts.Hosts)
	for i := range hosts {
		hosts[i] = f.host(i)
	}
	spec, err := scaleSpecOf(f.opts.Name, hosts, f.opts.Cells)
	if err != nil {
		return scaleRun{}, err
	}
	run := scaleRun{Began: time.Now(), Cells: f.opts.Cells}
	if run.Before, err = f.watch.databases(ctx); err != nil {
		return run, err
	}
	launched, err := f.control.Launch(ctx, spec, app.LaunchOptions{})
	if err != nil {
		return run, err
	}
	run.Sweep, run.Dataset = launched.Plan.Sweep, launched.Plan.Cells[0].Config.Dataset.Hash
	say("%d cells on %d hosts stored after %s; go on after an interruption with -scale-name %s",
		len(launched.Plan.Cells), f.opts.Hosts, time.Since(run.Began).Round(time.Millisecond), f.opts.Name)
	if err := f.watch.follow(ctx, f.opts, &run); err != nil {
		return run, err
	}
	sw, err := f.control.Store.GetSweep(ctx, run.Sweep)
	if err != nil {
		return run, err
	}
	first, last := run.Samples[0], run.last()
	run.Took = last.At - first.At
	run.Done = last.Final - first.Final
	run.Other = sw.Finished() - sw.Counts[bench.StateDone]
	run.After, err = f.watch.databases(ctx)
	return run, err
}

// profile begins a CPU profile of this process, which is all workers.
func profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	out, err := os.Create(path) //nolint:gosec // a file that the caller names
	if err != nil {
		return nil, fmt.Errorf("write CPU profile: %w", err)
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, fmt.Errorf("begin CPU profile: %w", err)
	}
	return func() error { pprof.StopCPUProfile(); return out.Close() }, nil
}

// say prints a line of progress.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "scale: "+format+"\n", args...)
}
