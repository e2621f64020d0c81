package host

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// sensors writes files below class of a /sys and gives its root.
func sensors(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, "class", path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	}
	return root
}

func twoSockets() map[string]string {
	return map[string]string{
		"hwmon/hwmon0/name": "nvme", "hwmon/hwmon0/temp1_label": "Composite", "hwmon/hwmon0/temp1_input": "90000",
		"hwmon/hwmon1/name": "coretemp", "hwmon/hwmon1/temp1_label": "Package id 0", "hwmon/hwmon1/temp1_input": "45000",
		"hwmon/hwmon1/temp2_label": "Core 0", "hwmon/hwmon1/temp2_input": "99000",
		"hwmon/hwmon2/name": "coretemp", "hwmon/hwmon2/temp1_label": "Package id 1", "hwmon/hwmon2/temp1_input": "52000",
		"thermal/thermal_zone0/type": "x86_pkg_temp", "thermal/thermal_zone0/temp": "80000",
	}
}

func TestExtrasConform(t *testing.T) {
	metertest.Run(t, func(t *testing.T) meters.Meter {
		m, err := New(Options{Processes: itself, RefreshEvery: time.Hour, Harness: true, Temperature: true, SysFS: sensors(t, twoSockets())})
		require.NoError(t, err)
		require.Len(t, m.Channels(), 6)
		require.Empty(t, m.Missing())
		awaitLook(t, m)
		return m
	})
}

func TestTemperature(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  float64
		from  string
	}{
		"two sockets": {twoSockets(), 52, "coretemp"},
		"zen": {map[string]string{
			"hwmon/hwmon0/name": "k10temp", "hwmon/hwmon0/temp1_label": "Tctl", "hwmon/hwmon0/temp1_input": "82125",
			"hwmon/hwmon0/temp2_label": "Tdie", "hwmon/hwmon0/temp2_input": "55125", "hwmon/hwmon0/temp3_label": "Tccd1", "hwmon/hwmon0/temp3_input": "60000",
		}, 55.125, "k10temp Tdie"},
		"zen without die": {map[string]string{
			"hwmon/hwmon0/name": "k10temp", "hwmon/hwmon0/temp1_label": "Tctl", "hwmon/hwmon0/temp1_input": "41000",
		}, 41, "k10temp Tctl"},
		"zone":     {map[string]string{"thermal/thermal_zone3/type": "x86_pkg_temp", "thermal/thermal_zone3/temp": "39000", "thermal/thermal_zone0/type": "acpitz", "thermal/thermal_zone0/temp": "27800"}, 39, "x86_pkg_temp"},
		"arm":      {map[string]string{"thermal/thermal_zone0/type": "cpu-thermal", "thermal/thermal_zone0/temp": "48312"}, 48.312, "cpu-thermal"},
		"firmware": {map[string]string{"thermal/thermal_zone0/type": "acpitz", "thermal/thermal_zone0/temp": "41200", "thermal/thermal_zone1/type": "acpitz", "thermal/thermal_zone1/temp": "55500"}, 55.5, "whose place the firmware does not tell"},
		"below 0":  {map[string]string{"thermal/thermal_zone0/type": "cpu-thermal", "thermal/thermal_zone0/temp": "-5000"}, -5, "cpu-thermal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := New(Options{ProcFS: newMachine(t).folder, SysFS: sensors(t, c.files), Temperature: true})
			require.NoError(t, err)
			defer m.Close()
			channels := m.Channels()
			require.Equal(t, ChannelTemperature, channels[4].Name)
			require.Contains(t, channels[4].Method, c.from)
			dst := make([]bench.Reading, 5)
			require.NoError(t, m.Read(t.Context(), at(time.Second), dst))
			require.Equal(t, bench.ReadingOK, dst[4].State)
			require.InDelta(t, c.want, dst[4].Value, 1e-9)
		})
	}
}

func TestTemperatureThatIsNone(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"4294967295000", "-273150", "255000", "", "hot", "-40000"} {
		m, err := New(Options{
			ProcFS: newMachine(t).folder, Temperature: true,
			SysFS: sensors(t, map[string]string{"thermal/thermal_zone0/type": "x86_pkg_temp", "thermal/thermal_zone0/temp": value}),
		})
		require.NoError(t, err)
		defer m.Close()
		dst := make([]bench.Reading, 5)
		require.NoError(t, m.Read(t.Context(), at(time.Second), dst))
		require.Equal(t, bench.ReadingOutOfRange, dst[4].State, "%q", value)
		require.Equal(t, reasons()[reasonTemperatureRange], m.Reasons()[dst[4].Reason])
	}
	for name, files := range map[string]map[string]string{
		"virtual machine": nil,
		"other sensors":   {"hwmon/hwmon0/name": "nvme", "hwmon/hwmon0/temp1_input": "50000", "thermal/thermal_zone0/type": "iwlwifi_1", "thermal/thermal_zone0/temp": "50000"},
	} {
		m, err := New(Options{ProcFS: newMachine(t).folder, SysFS: sensors(t, files), Temperature: true})
		require.NoError(t, err, "a host without a sensor still has the other channels")
		defer m.Close()
		require.Len(t, m.Channels(), 4, name)
		require.Len(t, m.Missing(), 1)
		require.Equal(t, ChannelTemperature, m.Missing()[0].Meter)
		require.NotEmpty(t, m.Missing()[0].Mend)
	}
}

func TestHarnessCPU(t *testing.T) {
	t.Parallel()
	proc := newMachine(t)
	set := func(ticks int) {
		proc.write(t, "self/stat", "7 (worker) S 1 1 1 0 -1 0 0 0 0 0 "+strconv.Itoa(ticks)+" 0 0 0 20 0 1 0 1")
	}
	set(100)
	m, err := New(Options{ProcFS: proc.folder, Harness: true})
	require.NoError(t, err)
	defer m.Close()
	dst := make([]bench.Reading, 5)
	take := func(when time.Duration) bench.Reading {
		require.NoError(t, m.Read(t.Context(), at(when), dst))
		return dst[4]
	}
	require.Equal(t, reasons()[reasonFirst], m.Reasons()[take(time.Second).Reason])
	set(102) // 20 ms of two CPUs in one second
	require.InDelta(t, 1, take(2*time.Second).Value, 1e-9)
	require.Zero(t, take(3*time.Second).Value)
	require.Equal(t, bench.ReadingOK, dst[4].State, "nothing used is a reading")
	proc.write(t, "self/stat", "nonsense")
	require.Equal(t, reasons()[reasonHarness], m.Reasons()[take(4*time.Second).Reason])

	m, err = New(Options{ProcFS: newMachine(t).folder, Harness: true})
	require.NoError(t, err)
	defer m.Close()
	require.Len(t, m.Missing(), 1)
	require.Equal(t, ChannelHarnessCPU, m.Missing()[0].Meter)
}
