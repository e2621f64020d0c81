package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/harness"
	"github.com/wattsweep/wattsweep/test/nvmlstub"
	"github.com/wattsweep/wattsweep/test/snmpagent"
)

// The true powers of the test's host: what its GPU draws and what its outlets
// deliver, in watt.
const (
	gpuW  = 300.0
	wallW = 500.0
)

// energyLab is a lab whose worker loads a stand-in for NVIDIA's library by the
// true path, and asks a real snmpd over UDP.
func energyLab(t *testing.T, host string, gpu nvmlstub.GPU) *harness.Lab {
	t.Helper()
	harness.NeedServers(t)
	agent := snmpagent.Start(t, snmpagent.Config{Descr: "simulated strip", Objects: []snmpagent.Object{
		{OID: "1.3.6.1.4.1.318.9999.1.0", Type: "gauge", Value: func(time.Time) string { return "2000" }},
		{OID: "1.3.6.1.4.1.318.9999.2.0", Type: "gauge", Value: func(time.Time) string { return "3000" }},
	}})
	pdus := `[{name: rack1, address: "` + agent.Address + `", community: public, interval: 50ms, refresh: 100ms, objects: [
		{name: power, oid: 1.3.6.1.4.1.318.9999.1.0, unit: W, scale: 0.1, rel_accuracy: 0.01, resolution: 0.1},
		{name: power_b, oid: 1.3.6.1.4.1.318.9999.2.0, unit: W, scale: 0.1, rel_accuracy: 0.01, resolution: 0.1}]}]`
	return harness.NewLab(t, host,
		"WATTSWEEP_METERS_NVML_LIBRARY="+nvmlstub.Build(t),
		nvmlstub.Env+"="+nvmlstub.Write(t, nvmlstub.Config{Driver: "570.00 (simulated)", CUDA: 12040, GPUs: []nvmlstub.GPU{gpu}}),
		"WATTSWEEP_METERS_PDUS="+pdus)
}

func steadyGPU() nvmlstub.GPU {
	gpu := nvmlstub.H100(0)
	gpu.Power, gpu.Update, gpu.EnergyUpdate = nvmlstub.Constant(gpuW), 20*time.Millisecond, 20*time.Millisecond
	return gpu
}

// energySpec is one cell with runs long enough for windows of their own.
func energySpec() string {
	text := spec("energy", "{name: demo-journals, languages: [sv], limit: 60}", "2", "2048")
	text = strings.Replace(text, "baseline: 1s, idle: 1s", "baseline: 3s, idle: 3s", 1)
	// Real goes before simulated, so that an estimate would be the headline.
	text = strings.Replace(text, "  estimate: {idle_power_w: 20, power_per_busy_core_w: 8, source: stated by the test}\n", "", 1)
	return strings.Replace(text, "  interval: 10ms\n", "  interval: 20ms\n  nvml: true\n  wall: true\n", 1)
}

// A host with a GPU and two outlets: joules of either agree with the truth
// within what they say of themselves, the counter with the integral, and wall =
// GPU + rest. All of it is marked as simulated, to the last file.
func TestEnergyOfGPUAndWall(t *testing.T) {
	lab := energyLab(t, "e2e-energy", steadyGPU())
	lab.Must("run", lab.Spec(energySpec()), "--wait")
	// The target has a row of its own in every file, and is certain to be met.
	lab.Must("report", "energy", "--dir", "out", "--target", "energy_j_per_call mean <= 1000000")
	results := readResults(t, filepath.Join(lab.Dir, "out", "results.json"))
	require.Len(t, results.Cells, 1)
	cell := results.Cells[0]
	require.Equal(t, bench.StateDone, cell.State, cell.Reason)

	windowsTellTheTruth(t, cell)
	parts := map[bench.Part]bench.EnergyFigure{}
	for _, e := range cell.Energies {
		if !e.Estimated {
			parts[e.Part] = e
		}
	}
	for part, watts := range map[bench.Part]float64{bench.PartGPU: gpuW, bench.PartWall: wallW} {
		e, ok := parts[part]
		require.True(t, ok, "no energy of %q among %+v", part, cell.Energies)
		require.True(t, e.Simulated)
		require.NotNil(t, e.Uncertainty, e.UncertaintyMissing)
		require.NotNil(t, e.BaselinePowerW)
		require.InEpsilon(t, watts, *e.BaselinePowerW, 0.02)
		require.NotNil(t, e.NetMean, e.NetMeanMissing)
		require.LessOrEqual(t, abs(*e.NetMean), e.NetUncertainty.U95+0.02*e.Mean, "constant power leaves nothing above the baseline")
	}
	require.Equal(t, bench.PartWall, cell.Energy.Part, "the wall goes first")

	require.NotNil(t, cell.Reconciliation, cell.ReconciliationMissing)
	require.InEpsilon(t, (wallW-gpuW)/wallW, cell.Reconciliation.RestShare, 0.05, cell.Reconciliation.Verdict)
	checkDescribed(t, cell, results.Provenance.Hosts)
	curves, err := os.ReadFile(filepath.Join(lab.Dir, "out", "curves.csv"))
	require.NoError(t, err)
	for _, channel := range []string{"gpu0.power", "pdu.rack1.power", "gpu0.temperature"} {
		require.Greater(t, strings.Count(string(curves), channel), 20, channel)
	}
	simulatedEverywhere(t, filepath.Join(lab.Dir, "out"))

	lab.Must("export", "energy", "--format", "parquet", "--out", "traces")
	found, err := filepath.Glob(filepath.Join(lab.Dir, "traces", "*.parquet"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	table := lab.Must("doctor", "--quick")
	require.Contains(t, table, "nvml.gpu0")
	require.Contains(t, table, "pdu.rack1")
	require.Contains(t, lab.Must("meters", "--for", "1s", "--record", "now.csv"), "gpu0.power")
	recorded, err := os.ReadFile(filepath.Join(lab.Dir, "now.csv"))
	require.NoError(t, err)
	require.Contains(t, string(recorded), "simulated")
}

// windowsTellTheTruth holds each window's joules against power × time.
func windowsTellTheTruth(t *testing.T, cell bench.CellResult) {
	t.Helper()
	truth := map[string]float64{"gpu0.power": gpuW, "gpu0.energy": gpuW, "pdu.rack1.power": wallW}
	told := map[string]int{}
	for _, p := range cell.Phases {
		watts, ok := truth[p.Channel.Name]
		if !ok || p.EnergyJ == nil {
			continue
		}
		told[p.Channel.Name]++
		want := watts * p.Window.Seconds()
		require.NotNil(t, p.Uncertainty, p.Channel.Name)
		require.LessOrEqual(t, abs(*p.EnergyJ-want), p.Uncertainty.U95, "%s over %s of %s: %g J, true %g J ± %g", p.Channel.Name,
			p.Window, p.Phase, *p.EnergyJ, want, p.Uncertainty.U95)
		if p.Window >= 2*time.Second { // the edges weigh little
			require.InEpsilon(t, want, *p.EnergyJ, 0.03)
		}
		require.Equal(t, p.Samples, p.States.OK)
		if p.Channel.Name == "gpu0.energy" && p.Window >= 2*time.Second { // long enough for both
			require.NotNil(t, p.Disagreement, "counter and integral stand side by side")
			require.False(t, p.Disagreement.Exceeded, "%+v", p.Disagreement)
		}
	}
	for channel := range truth {
		require.GreaterOrEqual(t, told[channel], 3, "windows of %s with an energy: baseline, and two runs", channel)
	}
}

// checkDescribed looks at what a reviewer asks for beside the joules.
func checkDescribed(t *testing.T, cell bench.CellResult, hosts []bench.HostFacts) {
	t.Helper()
	require.Len(t, hosts, 1)
	require.Len(t, hosts[0].GPUFacts, 1)
	gpu := hosts[0].GPUFacts[0]
	require.Equal(t, "570.00 (simulated)", gpu.Driver)
	require.NotEmpty(t, gpu.Calls)
	for _, c := range hosts[0].Meters {
		if c.Name == "gpu0.power" {
			require.NotEmpty(t, c.PeriodBasis)
			require.NotEmpty(t, c.AccuracyNote)
		}
	}
	require.NotEmpty(t, cell.Sampling)
	for _, s := range cell.Sampling {
		require.Positive(t, s.StoredBytes, s.Meter)
	}
	metrics := map[string]bench.Metric{}
	for _, m := range append(cell.WhitePaper, cell.Thesis...) {
		metrics[m.Name] = m
		require.True(t, m.Value != nil || m.Missing != "" || m.Text != "", "%s has neither value nor reason", m.Name)
	}
	require.NotEmpty(t, metrics)
	phases := map[bench.Phase]bool{}
	for _, e := range cell.EnergyByPhase {
		phases[e.Phase] = true
	}
	for _, phase := range []bench.Phase{bench.PhaseBaseline, bench.PhaseStartup, bench.PhaseIdle, bench.PhaseInference, bench.PhaseShutdown} {
		require.True(t, phases[phase], "no energy line of phase %s", phase)
	}
}

// simulatedEverywhere looks for the word in every file of a report.
func simulatedEverywhere(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(entries), 6)
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		require.Contains(t, string(body), "simulated", e.Name())
	}
}

// A process that is not the runtime's on the GPU flags the figures made while
// it was there, or voids them where the spec says so.
func TestForeignProcessOnTheGPU(t *testing.T) {
	gpu := steadyGPU()
	gpu.Processes = []nvmlstub.Process{{PID: os.Getpid(), Bytes: 1 << 30}}
	lab := energyLab(t, "e2e-foreign", gpu)
	for _, policy := range []string{"flag", "void"} {
		text := strings.Replace(energySpec(), "  wall: true\n", "  wall: false\n  foreign_process: "+policy+"\n", 1)
		text = strings.Replace(text, "name: energy", "name: foreign-"+policy, 1)
		text = strings.Replace(text, "runs: 2", "runs: 1", 1)
		lab.Must("run", lab.Spec(text), "--wait")
		lab.Must("report", "foreign-"+policy, "--dir", policy)
		results := readResults(t, filepath.Join(lab.Dir, policy, "results.json"))
		cell := results.Cells[0]
		require.Equal(t, bench.StateDone, cell.State, cell.Reason)
		require.NotEmpty(t, results.Provenance.Hosts[0].Foreign)
		var onGPU []bench.EnergyFigure
		for _, e := range cell.Energies {
			if e.Part == bench.PartGPU {
				onGPU = append(onGPU, e)
			}
		}
		if policy == "void" {
			require.Empty(t, onGPU, "a voided window has no energy")
			continue
		}
		require.Len(t, onGPU, 1)
		require.Contains(t, strings.Join(onGPU[0].Flags, " "), "foreign")
	}
}

func readResults(t *testing.T, path string) bench.Results {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var results bench.Results
	require.NoError(t, json.Unmarshal(raw, &results))
	return results
}

func abs(v float64) float64 { return max(v, -v) }
