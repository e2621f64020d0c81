package activities

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
)

// rig is a host with a fake runtime, a scripted meter and a real database
// that holds one claimed cell of four journals.
type rig struct {
	t     *testing.T
	store *store.Store
	host  *Host
	rt    *fake
	cell  bench.Cell
	beats []string
	heard chan struct{} // closed with the first beat
	open  int           // meters that are open

	// ctx and stop end an activity from outside.
	ctx  context.Context
	stop chan struct{}
	// temporal wakes lanes.
	temporal client.Client
}

const items = 4

// migrating lets one test at a time create its tables: the migration's lock is
// the server's, and who finds it taken sleeps for seconds.
var migrating sync.Mutex

func newStore(t *testing.T) *store.Store {
	t.Helper()
	migrating.Lock()
	defer migrating.Unlock()
	return storetest.New(t)
}

func newRig(t *testing.T, tweaks ...func(*bench.CellConfig)) *rig {
	t.Helper()
	return rigOn(t, newStore(t), tweaks...)
}

func rigOn(t *testing.T, st *store.Store, tweaks ...func(*bench.CellConfig)) *rig {
	t.Helper()
	r := &rig{t: t, store: st, rt: &fake{token: "load-0"}, heard: make(chan struct{}), ctx: context.Background(), stop: make(chan struct{})}
	r.plan(tweaks)
	claimed, err := st.ClaimNext(t.Context(), "bench1", "lane", 1)
	require.NoError(t, err)
	require.Equal(t, r.cell.ID, claimed.ID)
	r.host = &Host{
		Store: st, Name: "bench1", Build: "test", BootID: "boot-1", Clock: meters.NewClock(),
		Runtime: func(bench.RuntimeConfig) (runtimes.Runtime, error) { return r.rt, nil },
		Meters:  r.meters,
		Facts: func(context.Context) (bench.HostFacts, error) {
			return bench.HostFacts{OS: "linux", CPU: "fake", Threads: 8, MemoryBytes: 64 << 30, BootID: "boot-1"}, nil
		},
		Source: func(m bench.ModelConfig) runtimes.Source { return runtimes.Source{Model: m} },
		Ask: func(_, language, body string) (string, string, error) {
			prompt, err := icd10.Prompt(language, body)
			return prompt, bench.Hash(prompt), err
		},
		WithNonce: icd10.WithNonce,
	}
	t.Cleanup(func() { require.Zero(t, r.open, "meters left open") })
	return r
}

// plan stores a dataset and a sweep of one cell.
func (r *rig) plan(tweaks []func(*bench.CellConfig)) {
	r.t.Helper()
	ctx := r.t.Context()
	journals := make([]store.Journal, items)
	for i := range journals {
		body := fmt.Sprintf("Journal %d: %s, bröstsmärta sedan i natt.", i, canary)
		journals[i] = store.Journal{Item: i, ID: fmt.Sprintf("j%d", i), Codes: []string{"I21.4"}, Body: body, BodyHash: bench.Hash(body)}
	}
	require.NoError(r.t, r.store.PutDataset(ctx, store.Dataset{
		Info:     bench.DatasetInfo{Name: "demo", Version: "1", Hash: "d5", CodeSystem: "ICD-10-SE", Journals: items},
		Journals: map[string][]store.Journal{"sv": journals},
	}))
	cfg := bench.CellConfig{
		Model:   bench.ModelConfig{Name: "deepseek-r1:1.5B", ContextTokens: 2048, Ladder: []bench.Rung{{Name: "GPU", GPULayers: 99}, {Name: "CPU"}}},
		Runtime: bench.RuntimeConfig{Name: "ollama", Kind: "ollama", CallTimeout: time.Minute, MaxOutputTokens: 64},
		Dataset: bench.DatasetConfig{Name: "demo", Language: "sv", Hash: "d5"},
		Task:    bench.TaskConfig{Name: "icd10", MaxCodes: 5},
		Runs:    2, Phases: bench.PhaseConfig{WarmUpCalls: 2}, Meters: bench.MeterConfig{Interval: time.Millisecond},
		Prices: bench.PriceConfig{EnergyPerKWh: 2, Currency: "SEK", PUE: 1}, Seed: 7,
	}
	for _, tweak := range tweaks {
		tweak(&cfg)
	}
	at := bench.Coordinates{
		Host: "bench1", Runtime: "ollama", Model: cfg.Model.Name, Task: "icd10", Dataset: "demo", Language: "sv", Load: "sequential",
	}
	sweep := bench.NewSweepID([]byte(r.t.Name()))
	r.cell = bench.Cell{ID: bench.NewCellID(sweep, at, nil), Sweep: sweep, Seq: 1, At: at, Config: cfg}
	_, err := r.store.PutPlan(ctx, bench.Plan{Sweep: sweep, Name: "test", Seed: 7, Cells: []bench.Cell{r.cell}},
		func(bench.Cell) int { return items })
	require.NoError(r.t, err)
}

// counted is a meter that tells when it is closed.
type counted struct {
	meters.Meter
	closed func()
}

func (c *counted) Close() error { c.closed(); return c.Meter.Close() }

func (r *rig) meters(bench.MeterConfig, runtimes.Runtime) ([]meters.Meter, []string, error) {
	r.open++
	m := metertest.NewScripted(metertest.Script{Power: metertest.Constant(100)})
	return []meters.Meter{&counted{m, func() { r.open-- }}}, []string{"nvml: no GPU"}, nil
}

// ref names the cell in its first epoch.
func (r *rig) ref() contract.CellRef {
	return contract.CellRef{V: 1, Cell: r.cell.ID, Attempt: 1, Epoch: 1, No: 1}
}

// infer asks for a run over all journals.
func (r *rig) infer(run int) contract.InferIn {
	return contract.InferIn{
		ResidentIn: contract.ResidentIn{CellRef: r.ref(), Rung: 1, Token: r.rt.token}, Run: run, From: 0, To: items,
	}
}

// untilHeard lasts until the activity that it is called in has told that it
// lives, which one that is over in a moment never does.
func (r *rig) untilHeard() {
	select {
	case <-r.heard:
	case <-time.After(time.Minute):
	}
}

// do runs one attempt of an activity.
func do[T any](r *rig, name string, in any) (T, error) {
	r.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(hush{})
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: r.ctx})
	env.SetWorkerStopChannel(r.stop)
	var mu sync.Mutex
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		mu.Lock()
		defer mu.Unlock()
		var raw map[string]any
		if err := details.Get(&raw); err == nil {
			if len(r.beats) == 0 {
				close(r.heard)
			}
			r.beats = append(r.beats, fmt.Sprint(raw))
		}
	})
	RegisterHost(env, r.host)
	RegisterControl(env, &Control{Store: r.store, Temporal: r.temporal, Heartbeat: 7 * time.Second}, &Results{Store: r.store})
	value, err := env.ExecuteActivity(name, in)
	mu.Lock()
	defer mu.Unlock()
	var out T
	if err != nil {
		return out, err
	}
	if value.HasValue() {
		require.NoError(r.t, value.Get(&out))
	}
	return out, nil
}

// must runs one attempt that succeeds.
func must[T any](r *rig, name string, in any) T {
	r.t.Helper()
	out, err := do[T](r, name, in)
	require.NoError(r.t, err)
	return out
}

// calls reads what is stored of the first epoch.
func (r *rig) calls() []bench.Call {
	r.t.Helper()
	calls, err := r.store.Calls(context.Background(), r.cell.ID, 1)
	require.NoError(r.t, err)
	return calls
}

// ends lists how the segments of the first epoch ended and what they hold.
func (r *rig) ends() []string {
	r.t.Helper()
	segments, err := r.store.Segments(context.Background(), r.cell.ID, 1)
	require.NoError(r.t, err)
	var out []string
	for _, s := range segments {
		out = append(out, fmt.Sprintf("run %d segment %d: %s, %d calls", s.Run, s.No, s.End, s.Calls))
	}
	return out
}

// begun counts the calls that were begun and those that were stored.
func (r *rig) begun() (begun, stored int) {
	r.t.Helper()
	begun, stored, err := r.store.CallCounts(context.Background(), r.cell.Sweep)
	require.NoError(r.t, err)
	return begun, stored
}
