package hwmon

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// tree writes files below class/hwmon and links each monitor to its device.
func tree(t testing.TB, devices map[string]string, files map[string]string) Options {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, "class", "hwmon", path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	}
	for monitor, device := range devices {
		target := filepath.Join(root, "devices", device)
		require.NoError(t, os.MkdirAll(target, 0o755))
		require.NoError(t, os.Symlink(target, filepath.Join(root, "class", "hwmon", monitor, "device")))
	}
	return Options{SysFS: root, Simulated: true}
}

func grace(t testing.TB) Options {
	return tree(t, nil, map[string]string{
		"hwmon0/name": "power_meter", "hwmon0/power1_average": "312000000", "hwmon0/power1_oem_info": "Module Power Socket 0", "hwmon0/power1_average_interval": "50",
		"hwmon1/name": "power_meter", "hwmon1/power1_average": "101000000", "hwmon1/power1_oem_info": "Grace Power Socket 0", "hwmon1/power1_average_interval": "50",
		"hwmon2/name": "power_meter", "hwmon2/power1_average": "53000000", "hwmon2/power1_oem_info": "CPU Power Socket 0", "hwmon2/power1_average_interval": "50",
		"hwmon3/name": "power_meter", "hwmon3/power1_average": "18000000", "hwmon3/power1_oem_info": "SysIO Power Socket 0",
		"hwmon4/name": "nvme", "hwmon4/power1_average": "5",
	})
}

func twoGPUs(t testing.TB) Options {
	return tree(t, map[string]string{"hwmon1": "0000:03:00.0", "hwmon2": "0000:c3:00.0", "hwmon10": "0000:04:00.0"}, map[string]string{
		"hwmon1/name": "amdgpu", "hwmon1/power1_average": "43000000", "hwmon1/power1_label": "PPT",
		"hwmon2/name": "xe", "hwmon2/energy1_input": "7000000", "hwmon2/energy1_label": "pkg", "hwmon2/energy2_input": "9000000", "hwmon2/energy2_label": "card",
		"hwmon10/name": "amdgpu", "hwmon10/power1_input": "12000000",
	})
}

func jetsonBoard(t testing.TB) Options {
	return tree(t, map[string]string{"hwmon3": "1-0040"}, map[string]string{
		"hwmon3/name": "ina3221", "hwmon3/in1_label": "VDD_IN", "hwmon3/in1_input": "5000", "hwmon3/curr1_input": "3000",
		"hwmon3/in2_label": "VDD_CPU_GPU_CV", "hwmon3/in2_input": "5000", "hwmon3/curr2_input": "1200", "hwmon3/in7_label": "sum of shunt voltages", "hwmon3/in7_input": "1",
	})
}

func opened(t testing.TB, o Options) *Meter {
	t.Helper()
	m, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func sample(t testing.TB, m *Meter) map[string]bench.Reading {
	t.Helper()
	dst := make([]bench.Reading, len(m.Channels()))
	require.NoError(t, m.Read(t.Context(), func() time.Duration { return time.Second }, dst))
	byName := map[string]bench.Reading{}
	for i, c := range m.Channels() {
		byName[strings.TrimPrefix(c.Name, "hwmon.")] = dst[i]
	}
	return byName
}

func TestConforms(t *testing.T) {
	for name, tree := range map[string]func(testing.TB) Options{"grace": grace, "gpus": twoGPUs, "jetson": jetsonBoard} {
		t.Run(name, func(t *testing.T) {
			metertest.Run(t, func(t *testing.T) meters.Meter { return opened(t, tree(t)) })
		})
	}
}

func TestMachines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   Options
		values map[string]float64
		parts  map[string]bench.Part // what each is counted as; PartNone also for what is a part of another
	}{
		"grace": {
			grace(t),
			map[string]float64{"acpi.module0.power": 312, "acpi.grace0.power": 101, "acpi.cpu0.power": 53, "acpi.sysio0.power": 18},
			map[string]bench.Part{"acpi.module0.power": bench.PartNone, "acpi.grace0.power": bench.PartCPU, "acpi.cpu0.power": bench.PartNone, "acpi.sysio0.power": bench.PartNone},
		},
		"gpus": {
			twoGPUs(t),
			map[string]float64{"amdgpu.0000_03_00_0.power": 43, "amdgpu.0000_04_00_0.power": 12, "xe.0000_c3_00_0.energy": 9},
			map[string]bench.Part{"amdgpu.0000_03_00_0.power": bench.PartGPU, "amdgpu.0000_04_00_0.power": bench.PartGPU, "xe.0000_c3_00_0.energy": bench.PartGPU},
		},
		"jetson": {
			jetsonBoard(t),
			map[string]float64{"ina3221.VDD_IN.power": 15, "ina3221.VDD_CPU_GPU_CV.power": 6},
			map[string]bench.Part{"ina3221.VDD_IN.power": bench.PartGPU, "ina3221.VDD_CPU_GPU_CV.power": bench.PartNone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := opened(t, c.opts)
			got := sample(t, m)
			require.Len(t, got, len(c.values))
			devices := map[string]bool{}
			for _, ch := range m.Channels() {
				short := strings.TrimPrefix(ch.Name, "hwmon.")
				require.InDelta(t, c.values[short], got[short].Value, 1e-9, short)
				part := ch.Scope.Part()
				if ch.PartOf != "" {
					require.Contains(t, got, strings.TrimPrefix(ch.PartOf, "hwmon."), "the whole is there")
					part = bench.PartNone
				}
				require.Equal(t, c.parts[short], part, short)
				require.False(t, devices[ch.Device])
				devices[ch.Device] = true
				require.True(t, ch.Simulated)
			}
		})
	}
	first := opened(t, grace(t)).Channels()[0]
	require.Equal(t, 50*time.Millisecond, first.Window)
	require.Contains(t, first.Method, "Module Power Socket 0")
	require.Equal(t, "hwmon.amdgpu.0000_04_00_0.power", opened(t, twoGPUs(t)).Channels()[2].Name, "hwmon10 comes after hwmon2")
}

func TestValuesThatAreNone(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]int{
		"": reasonGarbage, "-1": reasonGarbage, "x": reasonGarbage, "1 2": reasonGarbage, "4294967295000": reasonSentinel, "4294967295": reasonSentinel,
		"18446744073709551615": reasonSentinel, "99999999999": reasonRange, "9999999999999999999999999": reasonGarbage,
	} {
		m := opened(t, tree(t, nil, map[string]string{"hwmon0/name": "amdgpu", "hwmon0/power1_average": text}))
		r := sample(t, m)["amdgpu.hwmon0.power"]
		require.Equal(t, bench.ReadingOutOfRange, r.State, "%q", text)
		require.Equal(t, reasons()[reason], m.Reasons()[r.Reason], "%q", text)
		require.Zero(t, r.Value)
	}
	m := opened(t, grace(t))
	require.NoError(t, m.rails[0].files[0].Close())
	r := sample(t, m)["acpi.module0.power"]
	require.Equal(t, bench.ReadingMissing, r.State)
	require.Equal(t, reasons()[reasonFailed], m.Reasons()[r.Reason])
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no monitors":   {SysFS: t.TempDir()},
		"other drivers": tree(t, nil, map[string]string{"hwmon0/name": "nvme", "hwmon0/power1_average": "5000000", "hwmon1/name": "amdgpu"}),
	} {
		_, err := New(o)
		missing, ok := errors.AsType[*meters.Missing](err)
		require.True(t, ok, "%s: %v", name, err)
		require.NotEmpty(t, missing.Mend)
	}
	lone := opened(t, tree(t, nil, map[string]string{"hwmon0/name": "power_meter", "hwmon0/power1_average": "53000000", "hwmon0/power1_oem_info": "CPU Power Socket 0"}))
	require.Empty(t, lone.Channels()[0].PartOf, "a part whose whole is not told stands for itself")
	server := opened(t, tree(t, nil, map[string]string{"hwmon0/name": "power_meter", "hwmon0/power1_average": "253000000"}))
	require.Equal(t, bench.ScopePSU, server.Channels()[0].Scope)
}

func FuzzWhole(f *testing.F) {
	for _, seed := range []string{"43000000\n", "4294967295000\n", "", "-5", "18446744073709551615"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, why, ok := whole(text)
		if !ok {
			require.Less(t, int(why), len(reasons()))
			return
		}
		want, err := strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), 10, 64)
		require.NoError(t, err)
		require.Equal(t, want, v)
	})
}
