package drift_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/drift"
)

// noise is how a simulated host scatters, as shares; session is what journals do
// differently on the two sides.
type noise struct{ run, call, session float64 }

// world makes cells whose truth is known.
type world struct {
	r        *rand.Rand
	cells    int
	runs     int
	journals int
	noise    noise
	restless float64 // share of answers that are others each time
}

// side measures the world once; times and energies are those of the truth times
// factor.
func (w world) side(factor float64) []drift.Cell {
	var out []drift.Cell
	for c := range w.cells {
		cell := drift.Cell{
			ID: bench.CellID(fmt.Sprint("c", c)), At: bench.Coordinates{Host: "h", Model: fmt.Sprint("m", c)}, State: bench.StateDone,
			Energy: drift.Energy{Part: bench.PartGPU, Channel: "gpu0.energy"},
		}
		own := make([]float64, w.journals)
		for j := range own {
			own[j] = w.r.NormFloat64() * w.noise.session
		}
		for run := range w.runs {
			clock, power := w.r.NormFloat64()*w.noise.run, w.r.NormFloat64()*w.noise.run
			for j := range w.journals {
				long := 0.5 + float64(j%7)/3 // journals differ, and pairing takes that out
				latency := factor * long * math.Exp(own[j]+clock+w.r.NormFloat64()*w.noise.call)
				energy := latency * 300 * math.Exp(power+w.r.NormFloat64()*w.noise.call)
				cell.Calls = append(cell.Calls, w.call(run+1, j, latency, energy))
			}
		}
		out = append(out, cell)
	}
	return out
}

func (w world) call(run, j int, latency, energy float64) drift.Call {
	ttft := latency / 5 * math.Exp(w.r.NormFloat64()*w.noise.call)
	tokens, weighted, exact := 20.0, float64(j%5)/4, float64(j%2)
	if w.r.Float64() < w.restless {
		weighted, exact = w.r.Float64(), float64(w.r.IntN(2))
	}
	return drift.Call{
		Run: run, Journal: fmt.Sprint("j", j), OK: true, LatencyS: &latency, TTFTS: &ttft, OutputTokens: &tokens,
		EnergyJ: &energy, Weighted: &weighted, Exact: &exact,
	}
}

// Runs that differ among themselves are no drift: over all figures together, at
// most one report in twenty may claim some, however much runs scatter.
func TestNoiseOfRunsIsNoDrift(t *testing.T) {
	t.Parallel()
	const reports = 300
	for i, c := range []struct {
		name        string
		runs, cells int
		noise       noise
	}{
		{"typical", 3, 2, noise{run: 0.015, call: 0.05}},
		{"runs scatter far beyond the tolerance", 3, 2, noise{run: 0.12, call: 0.05}},
		{"two runs", 2, 2, noise{run: 0.12, call: 0.05}},
		{"ten runs", 10, 1, noise{run: 0.12, call: 0.05}},
		{"journals differ between sides, too", 3, 1, noise{run: 0.05, call: 0.05, session: 0.3}},
		{"many cells", 3, 4, noise{run: 0.12, call: 0.05}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := world{rand.New(rand.NewPCG(7, uint64(i))), c.cells, c.runs, 20, c.noise, 0.1}
			alarms := 0
			for range reports {
				if drift.Compare(w.side(1), w.side(1), drift.Options{Tolerance: 0.01}).Verdict == drift.Drifted {
					alarms++
				}
			}
			share := float64(alarms) / reports
			t.Logf("false alarms: %.1f %% of reports with %d figures", 100*share, 8*c.cells)
			// 5 % and three standard errors of the simulation.
			require.LessOrEqual(t, share, 0.05+3*math.Sqrt(0.05*0.95/reports))
		})
	}
}

// Without the spread of runs in the interval the same data would be called
// drift nearly always: the simulation bites.
func TestNoiseOfRunsWouldBeDriftByCallsAlone(t *testing.T) {
	t.Parallel()
	w := world{rand.New(rand.NewPCG(8, 1)), 1, 1, 60, noise{run: 0.12, call: 0.02}, 0.1}
	far := 0
	for range 100 {
		f := figure(t, drift.Compare(w.side(1), w.side(1), drift.Options{}), drift.Latency)
		require.Equal(t, drift.Undecided, f.Verdict)
		require.Equal(t, "one run on each side: how runs differ among themselves is not known", f.Missing)
		if math.Abs(*f.Shift) > 4*0.02/math.Sqrt(30) { // four standard errors over calls
			far++
		}
	}
	require.Greater(t, far, 80)
}

// A shift of 10 % is found beyond a tolerance of 5 % with five runs of 60
// journals at typical noise, and mostly with three; one of the tolerance itself
// is no drift, however well it is known.
func TestShiftsBeyondTheToleranceAreFound(t *testing.T) {
	t.Parallel()
	const reports = 200
	for i, c := range []struct {
		runs        int
		shift       float64
		least, most float64 // share of reports that say drifted
	}{
		{3, 1.10, 0.60, 1},
		{5, 1.10, 0.97, 1},
		{3, 1.15, 0.97, 1},
		{3, 1.05, 0, 0.05 + 3*0.0154},
		{5, 1.05, 0, 0.05 + 3*0.0154},
		{5, 1 / 1.05, 0, 0.05 + 3*0.0154},
	} {
		t.Run(fmt.Sprintf("%d runs, %g", c.runs, c.shift), func(t *testing.T) {
			t.Parallel()
			w := world{rand.New(rand.NewPCG(9, uint64(i))), 1, c.runs, 60, noise{run: 0.01, call: 0.05}, 0.01}
			drifted, calm := 0, 0
			for range reports {
				r := drift.Compare(w.side(1), w.side(c.shift), drift.Options{})
				if r.Verdict == drift.Drifted {
					drifted++
					require.NotEmpty(t, r.Text)
				}
				if figure(t, r, drift.Weighted).Verdict == drift.Steady {
					calm++
				}
			}
			found, steady := float64(drifted)/reports, float64(calm)/reports
			t.Logf("found: %.1f %%; the score, which did not move, steady: %.1f %%", 100*found, 100*steady)
			require.GreaterOrEqual(t, found, c.least)
			require.LessOrEqual(t, found, c.most)
			require.GreaterOrEqual(t, steady, 0.8)
		})
	}
}

// What is called drift lies wholly beyond the tolerance: an interval of +0.1 to
// +12 % is not, though it tells that there is a shift and its middle is beyond.
func TestDriftIsWhollyBeyondTheTolerance(t *testing.T) {
	t.Parallel()
	e := math.Exp
	runs := func(by, spread float64) drift.Cell {
		return plain([]float64{e(by - spread), e(1 + by - spread)}, []float64{e(by), e(1 + by)}, []float64{e(by + spread), e(1 + by + spread)})
	}
	f := figure(t, drift.Compare([]drift.Cell{runs(0, 0.025)}, []drift.Cell{runs(0.06, 0.025)}, drift.Options{}), drift.Latency)
	require.Greater(t, *f.Low, 0.)
	require.Greater(t, *f.Shift, 0.05)
	require.Equal(t, drift.Undecided, f.Verdict, "%s", f.Interval())
	f = figure(t, drift.Compare([]drift.Cell{runs(0, 0.002)}, []drift.Cell{runs(0.06, 0.002)}, drift.Options{}), drift.Latency)
	require.Equal(t, drift.Drifted, f.Verdict, "%s", f.Interval())
}

// Cells that were asked for otherwise are not compared, and the reason names
// what differs.
func TestOtherSettingsAreNotCompared(t *testing.T) {
	t.Parallel()
	set := func(id string, tokens string) drift.Cell {
		c := plain([]float64{1, 2, 3}, []float64{1.1, 2.1, 3.1})
		c.ID, c.Settings = bench.CellID(id), map[string]string{"runtime.max_output_tokens": tokens, "seed": "1"}
		return c
	}
	other := set("b", "128")
	other.Settings["runtime.threads"] = "4"
	r := drift.Compare([]drift.Cell{set("a", "64")}, []drift.Cell{other}, drift.Options{Tolerance: 0.5})
	require.Empty(t, r.Cells)
	require.Equal(t, drift.Undecided, r.Verdict)
	require.Len(t, r.Missing, 1)
	require.Equal(t, "it was measured with other settings than the baseline: runtime.max_output_tokens (64 → 128), runtime.threads (not set → 4)",
		r.Missing[0].Reason)
	_, alarm := r.Alarming()
	require.False(t, alarm)
	r = drift.Compare([]drift.Cell{set("a", "64")}, []drift.Cell{other, set("c", "64")}, drift.Options{Tolerance: 0.5})
	require.Len(t, r.Cells, 1, "of two cells in one place the one that is set alike")
	require.Equal(t, bench.CellID("c"), r.Cells[0].Now)
	require.Equal(t, bench.CellID("b"), r.Missing[0].Cell)
}

// A host that does what it did is called steady.
func TestSteadyIsFound(t *testing.T) {
	t.Parallel()
	const reports = 200
	w := world{rand.New(rand.NewPCG(10, 1)), 1, 5, 60, noise{run: 0.005, call: 0.03}, 0}
	steady := 0
	for range reports {
		if drift.Compare(w.side(1), w.side(1), drift.Options{}).Verdict == drift.Steady {
			steady++
		}
	}
	t.Logf("steady: %.1f %%", 100*float64(steady)/reports)
	require.GreaterOrEqual(t, steady, reports*80/100)
}

func figure(t *testing.T, r drift.Report, m drift.Metric) drift.Figure {
	t.Helper()
	require.NotEmpty(t, r.Cells)
	i := slices.IndexFunc(r.Cells[0].Figures, func(f drift.Figure) bool { return f.Metric == m })
	require.GreaterOrEqual(t, i, 0, "%s is not compared", m)
	return r.Cells[0].Figures[i]
}

// plain is a cell of latencies by run and journal.
func plain(latency ...[]float64) drift.Cell {
	c := drift.Cell{ID: "c", At: bench.Coordinates{Host: "h"}, State: bench.StateDone}
	for run, list := range latency {
		for j, v := range list {
			c.Calls = append(c.Calls, drift.Call{Run: run + 1, Journal: fmt.Sprint("j", j), OK: true, LatencyS: &v})
		}
	}
	return c
}

// By hand: two runs of two journals. Run effects ±0.1 before and ±0.05 now (log
// scale), no other noise: s² = 0.02 and 0.005, pooled 0.0125, A = 0.0125 with 2
// degrees of freedom; t = 4.3027.
func TestShiftByHand(t *testing.T) {
	t.Parallel()
	e := math.Exp
	before := plain([]float64{e(0.1), e(1.1)}, []float64{e(-0.1), e(0.9)})
	now := plain([]float64{e(0.25), e(1.25)}, []float64{e(0.15), e(1.15)})
	f := figure(t, drift.Compare([]drift.Cell{before}, []drift.Cell{now}, drift.Options{}), drift.Latency)
	require.InDelta(t, e(0.5), *f.Before, 1e-9)
	require.InDelta(t, e(0.7), *f.Now, 1e-9)
	require.InDelta(t, e(0.2)-1, *f.Shift, 1e-9)
	half := 4.302652729749464 * math.Sqrt(0.0125)
	require.InDelta(t, e(0.2-half)-1, *f.Low, 1e-9)
	require.InDelta(t, e(0.2+half)-1, *f.High, 1e-9)
	// With two degrees of freedom P(T > t) = (1 − t/√(2+t²))/2; the tolerance is
	// ln 1.05, and both tails count.
	tail := func(x float64) float64 { x /= math.Sqrt(0.0125); return (1 - x/math.Sqrt(2+x*x)) / 2 }
	require.InDelta(t, tail(0.2-math.Log(1.05))+tail(0.2+math.Log(1.05)), *f.P, 1e-9)
	require.Equal(t, []int{2, 2, 2}, []int{f.Journals, f.RunsBefore, f.RunsNow})
	require.Equal(t, drift.Undecided, f.Verdict)
}

// A model at temperature 0 gives every run the same scores: the spread is then
// that of the journals.
func TestScoresThatRepeatAreJudgedOverJournals(t *testing.T) {
	t.Parallel()
	scored := func(wrong int) drift.Cell {
		c := drift.Cell{ID: "c", State: bench.StateDone}
		for run := range 3 {
			for j := range 60 {
				v := 1.0
				if j < wrong {
					v = 0
				}
				c.Calls = append(c.Calls, drift.Call{Run: run + 1, Journal: strconv.Itoa(j), OK: true, Weighted: &v})
			}
		}
		return c
	}
	for wrong, want := range map[int]drift.Verdict{0: drift.Steady, 2: drift.Undecided, 30: drift.Drifted, 60: drift.Drifted} {
		r := drift.Compare([]drift.Cell{scored(0)}, []drift.Cell{scored(wrong)}, drift.Options{})
		f := figure(t, r, drift.Weighted)
		require.Equal(t, want, f.Verdict, "%d of 60 answers are wrong now: %s %s", wrong, f.Percent(), f.Interval())
		require.InDelta(t, -float64(wrong)/60, *f.Shift, 1e-9)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	t.Parallel()
	good := plain([]float64{1, 2, 3}, []float64{1.1, 2.1, 3.1})
	named := func(c drift.Cell, host string, state bench.State, reason string) drift.Cell {
		c.At.Host, c.ID, c.State, c.Reason = host, bench.CellID(host), state, reason
		return c
	}
	baseline := []drift.Cell{named(good, "a", "done", ""), named(good, "b", "done", ""), named(good, "gone", "done", "")}
	now := []drift.Cell{named(good, "a", "done", ""), named(good, "b", "failed", "no driver"), named(good, "new", "done", "")}
	r := drift.Compare(baseline, now, drift.Options{Tolerance: 0.5})
	require.Len(t, r.Cells, 1)
	require.Equal(t, drift.Steady, r.Cells[0].Verdict)
	require.Equal(t, drift.Undecided, r.Verdict, "cells are missing")
	require.Equal(t, []drift.Missing{
		{At: now[1].At, Cell: "b", Side: drift.SideNow, State: "failed", Reason: "the cell is failed: no driver"},
		{At: baseline[2].At, Cell: "gone", Side: drift.SideNow, Reason: "the cell is not in the later sweep"},
		{At: now[2].At, Cell: "new", Side: drift.SideBaseline, Reason: "the baseline has no such cell"},
	}, r.Missing)
	_, alarm := r.Alarming()
	require.True(t, alarm, "a reference cell that fails is told")

	require.Equal(t, drift.Undecided, drift.Compare(nil, nil, drift.Options{}).Verdict)
	one := figure(t, drift.Compare([]drift.Cell{plain([]float64{1}, []float64{1})}, []drift.Cell{plain([]float64{2}, []float64{2})}, drift.Options{}), drift.Latency)
	require.Equal(t, "1 journal(s) have a value on both sides; two are the least", one.Missing)
	r = drift.Compare([]drift.Cell{good}, []drift.Cell{{ID: "x", At: good.At, State: bench.StateDone}}, drift.Options{})
	require.Equal(t, "there is none now", figure(t, r, drift.Latency).Missing)
	require.Equal(t, drift.Undecided, r.Verdict)
}

// Energies are compared only where the same source told them.
func TestEnergiesOfOtherSources(t *testing.T) {
	t.Parallel()
	w := world{rand.New(rand.NewPCG(11, 1)), 1, 3, 10, noise{run: 0.01, call: 0.01}, 0}
	before, now := w.side(1), w.side(1)
	now[0].Energy = drift.Energy{Channel: "host.estimated_power", Estimated: true}
	f := figure(t, drift.Compare(before, now, drift.Options{}), drift.EnergyPer)
	require.Equal(t, "energy is told by host.estimated_power (estimated) now and was by gpu0.energy: they are not the same quantity", f.Missing)
	require.True(t, f.Estimated)
	require.Nil(t, f.Shift)
	now[0].Energy = before[0].Energy
	now[0].Energy.Simulated = true
	f = figure(t, drift.Compare(before, now, drift.Options{}), drift.EnergyPer)
	require.Equal(t, "energy is told by gpu0.energy (simulated) now and was by gpu0.energy: they are not the same quantity", f.Missing)
	require.Nil(t, f.Shift)
	now[0].Energy = drift.Energy{Channel: "host.estimated_power", Estimated: true}
	before[0].Energy = now[0].Energy
	r := drift.Compare(before, now, drift.Options{})
	require.NotNil(t, figure(t, r, drift.EnergyPer).Shift)
	require.True(t, r.Estimated)
}

func TestWhatChanged(t *testing.T) {
	t.Parallel()
	layers := func(n int) *int { return &n }
	gpu := drift.GPU{UUID: "GPU-1", Name: "H100", Driver: "550.1", VBIOS: "96", PowerLimitW: 700, ECC: "on"}
	before := drift.Conditions{
		Kernel: "6.1", Driver: "550.1", Runtime: "ollama 0.6.5", RuntimeEnv: []string{"B=1", "A=1"}, ModelDigest: "sha256:aaaaaaaaaaaaaaaa",
		PromptHash: "p", DatasetHash: "d", WorkerBuild: "0.1", Rung: "1: all", LayersGPU: layers(81),
		GPUs: []drift.GPU{gpu, {UUID: "GPU-2", Name: "H100"}}, StartC: map[string]float64{"gpu0.temperature": 30, "gpu1.temperature": 20},
	}
	now := before
	now.RuntimeEnv = []string{"A=1", "B=1"} // the same in another order
	now.Kernel, now.Driver, now.ModelDigest, now.Rung, now.LayersGPU = "6.8", "560.2", "sha256:bbbbbbbbbbbbbbbb", "2: 60", layers(60)
	changed := gpu
	changed.PowerLimitW, changed.VBIOS, changed.Driver = 500, "97", "560.2"
	now.GPUs = []drift.GPU{changed, {UUID: "GPU-3", Name: "H100"}}
	now.StartC = map[string]float64{"gpu0.temperature": 38, "other": 90}
	side := func(c drift.Conditions) []drift.Cell {
		cell := plain([]float64{1, 2}, []float64{1, 2})
		cell.Conditions = c
		return []drift.Cell{cell}
	}
	r := drift.Compare(side(before), side(now), drift.Options{})
	require.Equal(t, []drift.Change{
		{What: "kernel", Before: "6.1", Now: "6.8"},
		{What: "driver", Before: "550.1", Now: "560.2"},
		{What: "model digest", Before: "aaaaaaaaaaaa", Now: "bbbbbbbbbbbb"},
		{What: "rung of the load ladder", Before: "1: all", Now: "2: 60"},
		{What: "layers on GPU", Before: "81", Now: "60"},
		{What: "driver of H100", Before: "550.1", Now: "560.2"},
		{What: "VBIOS of H100", Before: "96", Now: "97"},
		{What: "power limit of H100", Before: "700 W", Now: "500 W"},
		{What: "GPU", Before: "H100 GPU-2", Now: "gone"},
		{What: "GPU", Before: "not there", Now: "H100 GPU-3"},
		{What: "temperature at start", Before: "30.0 °C", Now: "38.0 °C"},
	}, r.Changes())
	require.Equal(t, &drift.Temperatures{Before: 30, Now: 38, Channels: 1}, r.Cells[0].StartC)
	require.Contains(t, r.Text, "changed: kernel, driver, model digest")
	require.Equal(t, "driver: not known → 1", drift.Change{What: "driver", Now: "1"}.String())
}

// Whatever is compared, a report can be written as JSON, turning the sides round
// turns the shift round, and the order of calls is of no account.
func TestCompareProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		call := rapid.Custom(func(t *rapid.T) drift.Call {
			number := func(name string) *float64 {
				return rapid.Ptr(rapid.OneOf(rapid.Float64(), rapid.Float64Range(0.1, 10)), true).Draw(t, name)
			}
			return drift.Call{
				Run: rapid.IntRange(1, 4).Draw(t, "run"), Journal: strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "journal")), OK: rapid.Bool().Draw(t, "ok"),
				LatencyS: number("latency"), EnergyJ: number("energy"), OutputTokens: number("tokens"),
			}
		})
		calls := rapid.SliceOfN(call, 0, 40)
		a := drift.Cell{ID: "a", State: bench.StateDone, Calls: calls.Draw(t, "before")}
		b := drift.Cell{ID: "b", State: bench.StateDone, Calls: calls.Draw(t, "now")}
		r := drift.Compare([]drift.Cell{a}, []drift.Cell{b}, drift.Options{})
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		back := drift.Compare([]drift.Cell{b}, []drift.Cell{a}, drift.Options{})
		for i, f := range r.Cells[0].Figures {
			other := back.Cells[0].Figures[i]
			if f.P != nil && other.P != nil && math.Abs(*f.P-*other.P) > 1e-6 {
				t.Fatalf("%s: p %g, turned round %g", f.Metric, *f.P, *other.P)
			}
		}
	})
}
