package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/runtimes/runtimetest"
	"github.com/wattsweep/wattsweep/internal/telemetry"
)

// lab is the whole harness against a simulated model server on loopback.
type lab struct {
	fake   *runtimetest.Fake
	server *httptest.Server
	free   func()
	app    *app.App
	worker *app.Worker
	host   string
	sweeps int // begun
}

func newLab(ctx context.Context) (*lab, error) {
	settings, err := labSettings()
	if err != nil {
		return nil, err
	}
	l := &lab{fake: runtimetest.NewFake(), host: "bench-" + strconv.FormatInt(time.Now().UnixNano(), 36)}
	var handler http.Handler
	handler, l.free = runtimetest.OllamaHandler(l.fake)
	l.server = httptest.NewServer(handler)
	settings.Runtimes = []config.RuntimeServer{{Name: "simulated", Kind: "ollama", URL: l.server.URL}}
	l.app, err = app.Connect(ctx, app.Options{Settings: settings, Log: telemetry.Logger(io.Discard, false)})
	if err != nil {
		return nil, err
	}
	l.worker, err = l.app.StartWorker(ctx, app.Roles{Control: true, Host: l.host})
	return l, err
}

// labSettings name the servers that the environment does.
func labSettings() (config.Settings, error) {
	dsn, temporal := os.Getenv("WATTSWEEP_TEST_DSN"), os.Getenv("WATTSWEEP_TEST_TEMPORAL")
	if dsn == "" || temporal == "" {
		return config.Settings{}, errors.New("WATTSWEEP_TEST_DSN and WATTSWEEP_TEST_TEMPORAL are not set: run make bench, which starts servers")
	}
	settings, _, err := config.Load(config.LoadOptions{Environ: []string{"HOME=" + os.TempDir()}, Dir: os.TempDir()})
	if err != nil {
		return settings, err
	}
	settings.Database.DSN, settings.Temporal.Address = dsn, temporal
	settings.Worker.ShareMachine = true // a fleet's hosts are all in this process
	settings.Temporal.Namespace = cmp.Or(os.Getenv("WATTSWEEP_TEST_NAMESPACE"), "wattsweep")
	return settings, nil
}

func (l *lab) close() {
	l.worker.Stop()
	l.app.Close()
	l.free()
	l.server.Close()
}

// spec asks a simulated model about 40 journals.
const spec = `
name: bench-NO
hosts: [HOST]
runtimes: [{name: simulated, kind: ollama, max_output_tokens: 8}]
models: [{name: known, context_tokens: 2048}]
task: {name: icd10}
datasets: [{name: demo-journals, languages: [en], limit: 40}]
runs: RUNS
phases: {baseline: 1.NOs, idle: 1s, warm_up_calls: 1}
meters: {interval: 50ms, host: true, estimate: {idle_power_w: 20, power_per_busy_core_w: 8, source: simulated}}
`

// sweep runs the spec and gives its only cell.
func (l *lab) sweep(ctx context.Context, takes time.Duration, runs int) (bench.CellID, error) {
	l.fake.Set(func(f *runtimetest.Fake) { f.Takes = takes })
	// The same spec would be the same sweep, which is measured already.
	l.sweeps++
	text := strings.NewReplacer("HOST", l.host, "RUNS", strconv.Itoa(runs), "NO", fmt.Sprintf("%03d", l.sweeps)).Replace(spec)
	parsed, err := config.ParseSpec("bench", []byte(text), app.SpecOptions())
	if err != nil {
		return "", err
	}
	launched, err := l.app.Launch(ctx, parsed, app.LaunchOptions{})
	if err != nil {
		return "", err
	}
	cell := launched.Plan.Cells[0].ID
	for {
		c, err := l.app.Store.GetCell(ctx, cell)
		if err != nil {
			return "", err
		}
		if c.State.Final() {
			if c.State != bench.StateDone {
				return "", fmt.Errorf("cell ended as %s: %s", c.State, c.Reason)
			}
			return cell, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
