package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// made gives the facts of a channel as survey does, from a set present value.
func made(meter string, c bench.Channel, value, powerW float64, why string) channelFacts {
	seen := present{powerW: powerW, why: why}
	if why == "" {
		seen.value = &value
	}
	return describe(meter, c, seen)
}

func sampleDiagnosis() diagnosis {
	gpu := bench.Channel{
		Name: "gpu0.power", Unit: bench.UnitWatt, Scope: bench.ScopeGPU, Sensor: bench.SensorAveraged, Device: "GPU-a", Simulated: true,
		Window: time.Second, WindowBasis: "watched: 1 s fits best", UpdatePeriod: 100 * time.Millisecond, PeriodBasis: "found from 30 renewals in 3s",
		Resolution: 0.001, RelAccuracy: 0.05, AccuracyNote: "data sheet",
	}
	energy := gpu
	energy.Name, energy.Unit, energy.Sensor, energy.Counter, energy.Window, energy.WindowBasis = "gpu0.energy", bench.UnitJoule, bench.SensorCounter, true, 0, ""
	outlet := bench.Channel{
		Name: "pdu.rack3.power", Unit: bench.UnitWatt, Scope: bench.ScopeOutlet, Sensor: bench.SensorInstant, Device: "pdu:A:4",
		Resolution: 10, Floor: 115, FloorBasis: "0.5 A at 230 V", AbsAccuracy: 10,
	}
	facts := []channelFacts{
		made("nvml.gpu0", gpu, 143.2, 143.2, ""), made("nvml.gpu0", energy, 5e6, nan(), ""),
		made("nvml.gpu0", bench.Channel{Name: "gpu0.temperature", Unit: bench.UnitCelsius, Sensor: bench.SensorInstant, Resolution: 1}, 41, nan(), ""),
		made("pdu.rack3", outlet, 0, nan(), "below the floor of the device (0.5 A)"),
	}
	open := []meters.Meter{fixed{"nvml.gpu0", []bench.Channel{gpu, energy}}, fixed{"pdu.rack3", []bench.Channel{outlet}}}
	for i := range facts {
		expectFor(&facts[i], open, facts, func(c bench.Channel, powerW float64, window time.Duration) (float64, string) {
			if c.Counter {
				return 0.021, "sensor accuracy and edges"
			}
			return 0.034, "sensor accuracy, resolution, edges"
		})
	}
	return diagnosis{
		Checks: append([]finding{{What: "wattsweep", OK: true, Detail: "test"}}, meterFindings(open, []*meters.Missing{
			{Meter: "rapl", Why: "no power capping", Mend: "a virtual machine has none"},
			{Meter: "pdu.b", Why: "192.0.2.9:161 does not answer", Mend: "is SNMP on?"},
		})...),
		Channels: facts,
	}
}

func nan() float64 { return presentOf(bench.Channel{}, nil, nil).powerW }

// fixed is a meter that is only described.
type fixed struct {
	name     string
	channels []bench.Channel
}

func (f fixed) Name() string              { return f.name }
func (f fixed) Channels() []bench.Channel { return f.channels }
func (f fixed) Reasons() []string         { return nil }
func (f fixed) Read(context.Context, func() time.Duration, []bench.Reading) error {
	return metertest.ErrFailed
}
func (f fixed) Close() error { return nil }

// The listing of doctor, in its three forms (rewrite with go test
// ./internal/cli -run TestDoctor -update). A PDU in the settings that does not
// answer is a failure; a machine without RAPL is not.
func TestDoctorPrints(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"table", "csv", "json"} {
		var out bytes.Buffer
		err := sampleDiagnosis().print(&out, format)
		require.EqualError(t, err, "1 of 5 checks found something missing")
		golden(t, "doctor."+format, out.String())
	}
	var out bytes.Buffer
	whole := sampleDiagnosis()
	whole.all = true
	require.Error(t, whole.print(&out, "table"))
	golden(t, "doctor-all.table", out.String())
	out.Reset()
	var back diagnosis
	_ = sampleDiagnosis().print(&out, "json") // its failure is judged above
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	require.Len(t, back.Channels, 4)
	require.Nil(t, back.Channels[3].Present, "below the floor is no zero")

	d := sampleDiagnosis()
	d.Checks = d.Checks[:len(d.Checks)-1]
	require.NoError(t, d.print(&out, "table"))
}

func TestDoctorSaysWhereNoEnergyIsTold(t *testing.T) {
	t.Parallel()
	found := meterFindings([]meters.Meter{fixed{"host", []bench.Channel{{Name: "host.cpu", Unit: bench.UnitPercent}}}}, nil)
	require.Len(t, found, 2)
	require.True(t, found[1].OK)
	require.Contains(t, found[1].Mend, "meters.estimate")
}

// The survey samples open meters and states what an energy will be worth.
func TestSurvey(t *testing.T) {
	t.Parallel()
	open := []meters.Meter{
		metertest.NewScripted(metertest.Script{Name: "a", Power: metertest.Constant(100)}),
		metertest.NewScripted(metertest.Script{Name: "b", Power: metertest.Constant(7), Gaps: []metertest.Span{{To: time.Hour}}}),
	}
	var windows []time.Duration
	facts, err := survey(t.Context(), open, 400*time.Millisecond, func(c bench.Channel, powerW float64, window time.Duration) (float64, string) {
		require.InDelta(t, 100, powerW, 1, c.Name)
		windows = append(windows, window)
		return 0.01, "because"
	})
	require.NoError(t, err)
	require.Len(t, facts, 4)
	require.Equal(t, []time.Duration{surveyWindow, surveyWindow}, windows)
	require.InDelta(t, 100, *facts[0].Present, 1e-9)
	require.InDelta(t, 0.01, *facts[0].ExpectedU95, 0)
	require.True(t, facts[0].Simulated)
	require.Nil(t, facts[2].Present)
	require.Equal(t, "scripted gap", facts[2].PresentMissing)
	require.Nil(t, facts[2].ExpectedU95)
	require.NotEmpty(t, facts[2].ExpectedBasis)
	none, err := survey(t.Context(), nil, time.Hour, nil)
	require.NoError(t, err)
	require.Empty(t, none)
}
