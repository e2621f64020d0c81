package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func channel(name string, unit bench.Unit, scope bench.Scope, device string) bench.Channel {
	return bench.Channel{Name: name, Unit: unit, Scope: scope, Device: device, Sensor: bench.SensorAveraged}
}

// readRow is a call on a host with two GPUs, each with two views of its power.
func readRow() CallRow {
	instant := channel("gpu0.power.instant", bench.UnitWatt, bench.ScopeGPU, "A")
	instant.Sensor = bench.SensorInstant
	summand := channel("pdu.outlet1", bench.UnitWatt, bench.ScopeOutlet, "p1")
	summand.PartOf = "pdu.outlets"
	row := CallRow{EnergyJ: ptr(300.0), Energy: &bench.EnergyFigure{Method: bench.EnergyTrapezoid}, EnergyMethod: bench.EnergyAttributed, Channels: []bench.Channel{
		channel("gpu0.power.average", bench.UnitWatt, bench.ScopeGPU, "A"), instant,
		channel("gpu1.power", bench.UnitWatt, bench.ScopeGPU, "B"),
		channel("gpu0.memory", bench.UnitByte, bench.ScopeGPU, "A"), channel("gpu1.memory", bench.UnitByte, bench.ScopeGPU, "B"),
		channel("gpu0.utilisation", bench.UnitPercent, bench.ScopeGPU, "A"),
		channel("gpu1.utilisation", bench.UnitPercent, bench.ScopeGPU, "B"),
		channel("gpu0.memory_utilisation", bench.UnitPercent, bench.ScopeGPU, "A"),
		channel("gpu0.temperature", bench.UnitCelsius, bench.ScopeGPU, "A"),
		channel("gpu1.temperature", bench.UnitCelsius, bench.ScopeGPU, "B"),
		channel("pdu.outlets", bench.UnitWatt, bench.ScopeOutlet, "p"), summand,
		channel("host.cpu", bench.UnitPercent, bench.ScopeHost, ""), channel("host.memory", bench.UnitByte, bench.ScopeHost, ""),
		channel("rapl.package0", bench.UnitWatt, bench.ScopePackage, "c"),
	}}
	for name, v := range map[string][2]float64{
		"gpu0.power.average": {400, 410}, "gpu0.power.instant": {420, 480}, "gpu1.power": {80, 90}, "gpu0.memory": {1e9, 2e9},
		"gpu1.memory": {3e9, 4e9}, "gpu0.utilisation": {90, 99}, "gpu1.utilisation": {10, 12}, "gpu0.memory_utilisation": {55, 56},
		"gpu0.temperature": {60, 61}, "gpu1.temperature": {40, 41}, "pdu.outlets": {700, 750}, "pdu.outlet1": {350, 375},
		"host.cpu": {12, 40}, "host.memory": {5e9, 6e9}, "unknown": {1, 1},
	} {
		row.Readings = append(row.Readings, bench.CallReading{Channel: name, Mean: ptr(v[0]), Peak: ptr(v[1]), Samples: 9})
	}
	row.Readings = append(row.Readings, bench.CallReading{Channel: "rapl.package0", Missing: "not readable"})
	return row
}

func TestCallsShowWhatMetersShowed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, CallsCSV(&out, one(readRow())))
	got := readCalls(t, out.Bytes())[0]
	for column, want := range map[string]string{
		"energy_j": "300", "energy_is": "measured", "gpu_power_mean_w": "500", "gpu_power_peak_w": "570",
		"wall_power_mean_w": "700", "cpu_power_mean_w": "", "power_is": "measured", "gpu_memory_mean_bytes": "4e+09",
		"gpu_memory_peak_bytes": "6e+09", "gpu_utilisation_mean_percent": "50", "gpu_temperature_peak_c": "61",
		"host_cpu_mean_percent": "12", "host_memory_mean_bytes": "5e+09", "readings_missing": "rapl.package0: not readable",
	} {
		require.Equal(t, want, got[column], column)
	}
}

func TestCallsWithoutReadings(t *testing.T) {
	t.Parallel()
	row := readRow()
	row.Readings, row.EnergyJ = nil, nil
	var out bytes.Buffer
	require.NoError(t, CallsCSV(&out, one(row)))
	got := readCalls(t, out.Bytes())[0]
	for _, column := range []string{"energy_is", "power_is", "gpu_power_mean_w", "gpu_memory_peak_bytes", "readings_missing"} {
		require.Empty(t, got[column], column)
	}
}

// One GPU that was not read leaves no sum, rather than a smaller one; what is
// simulated says so.
func TestCallsAddUpNothingThatIsMissing(t *testing.T) {
	t.Parallel()
	row := readRow()
	for i := range row.Readings {
		if row.Readings[i].Channel == "gpu1.power" {
			row.Readings[i].Mean, row.Readings[i].Missing = nil, "GPU is lost"
		}
		if row.Readings[i].Channel == "pdu.outlets" {
			row.Readings[i].EnergyJ = ptr(300.0)
		}
	}
	for i := range row.Channels {
		row.Channels[i].Simulated = row.Channels[i].Name == "pdu.outlets"
	}
	var out bytes.Buffer
	require.NoError(t, CallsCSV(&out, one(row)))
	got := readCalls(t, out.Bytes())[0]
	require.Empty(t, got["gpu_power_mean_w"])
	require.Equal(t, "570", got["gpu_power_peak_w"])
	require.Equal(t, "simulated", got["power_is"])
	require.Equal(t, "simulated", got["energy_is"])
	row.Readings, row.Energy = nil, nil
	require.Empty(t, row.energyWord(), "nothing is called measured that nobody vouches for")
	require.Contains(t, got["readings_missing"], "gpu1.power: GPU is lost")
}
