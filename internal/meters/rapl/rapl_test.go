package rapl

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
)

// machine writes a tree of testdata as a /sys and a /proc, and gives options
// for it. Colons in file names would keep Go from packing this module, so the
// trees are lists.
func machine(t testing.TB, name, vendor string) Options {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	require.NoError(t, err)
	root := t.TempDir()
	opts := Options{SysFS: filepath.Join(root, "sys"), ProcFS: filepath.Join(root, "proc"), Simulated: true}
	for l := range strings.Lines(string(text)) {
		if path, value, ok := strings.Cut(strings.TrimSuffix(l, "\n"), " = "); ok {
			write(t, filepath.Join(opts.SysFS, "class", "powercap", path), value+"\n")
		}
	}
	write(t, filepath.Join(opts.ProcFS, "cpuinfo"), "processor\t: 0\nvendor_id\t: "+vendor+"\ncpu family\t: 6\n")
	return opts
}

func write(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func (o Options) counter(folder string) string {
	return filepath.Join(o.SysFS, "class", "powercap", folder, "energy_uj")
}

func opened(t testing.TB, opts Options) *Meter {
	t.Helper()
	m, err := New(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func sample(t testing.TB, m *Meter, at time.Duration) map[string]bench.Reading {
	t.Helper()
	dst := make([]bench.Reading, len(m.Channels()))
	require.NoError(t, m.Read(t.Context(), func() time.Duration { return at }, dst))
	byName := map[string]bench.Reading{}
	for i, c := range m.Channels() {
		byName[c.Name] = dst[i]
	}
	return byName
}

func names(m *Meter) []string {
	var all []string
	for _, c := range m.Channels() {
		all = append(all, c.Name)
	}
	return all
}

func TestConforms(t *testing.T) {
	for _, tree := range []string{"intel-client", "intel-server", "intel-dies", "amd-zen", "hostile", "dead"} {
		t.Run(tree, func(t *testing.T) {
			metertest.Run(t, func(t *testing.T) meters.Meter { return opened(t, machine(t, tree, vendorIntel)) })
		})
	}
}

func TestMachines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vendor string
		want   map[string]float64 // J
		scopes map[string]bench.Scope
		wrapAt map[string]float64
	}{
		"intel-client": {
			vendorIntel,
			map[string]float64{"rapl.package0": 203938.420215, "rapl.dram0": 53421.987001, "rapl.psys": 150000.123456},
			map[string]bench.Scope{"rapl.package0": bench.ScopePackage, "rapl.dram0": bench.ScopeDRAM, "rapl.psys": bench.ScopePlatform},
			map[string]float64{"rapl.package0": 262143.328850},
		},
		"intel-server": {
			vendorIntel,
			map[string]float64{"rapl.package0": 61204.981233, "rapl.package1": 187263.540912, "rapl.dram0": 40187.263549, "rapl.dram1": 13872.63549},
			nil,
			map[string]float64{"rapl.package1": 262143.328850, "rapl.dram1": 65712.999613},
		},
		"intel-dies": {
			vendorIntel,
			map[string]float64{"rapl.package0die0": 61204.981233, "rapl.package0die1": 71204.981233, "rapl.dram0die0": 40187.263549, "rapl.dram0die1": 30187.263549, "rapl.psys1": 150000.123456},
			nil, nil,
		},
		"amd-zen": {vendorAMD, map[string]float64{"rapl.package0": 48276.354901}, nil, map[string]float64{"rapl.package0": 65532.610987}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := opened(t, machine(t, name, c.vendor))
			got := sample(t, m, time.Second)
			require.Len(t, got, len(c.want), "%v", names(m))
			devices := map[string]bool{}
			for _, ch := range m.Channels() {
				require.InDelta(t, c.want[ch.Name], got[ch.Name].Value, 1e-6, ch.Name)
				require.Equal(t, bench.ReadingOK, got[ch.Name].State)
				require.True(t, ch.Simulated)
				require.False(t, devices[ch.Device], "each counter is a device of its own")
				devices[ch.Device] = true
				if scope, ok := c.scopes[ch.Name]; ok {
					require.Equal(t, scope, ch.Scope)
				}
				if at, ok := c.wrapAt[ch.Name]; ok {
					require.InDelta(t, at, ch.WrapAt, 1e-6)
				}
			}
		})
	}
	amd := opened(t, machine(t, "amd-zen", vendorAMD)).Channels()[0]
	require.InDelta(t, 15.26e-6, amd.Resolution, 1e-8)
	require.Contains(t, amd.AccuracyNote, "modelled")
	psys := opened(t, machine(t, "intel-client", vendorIntel)).Channels()[2]
	require.Zero(t, psys.Scope.Part(), "psys overlaps package and memory: it is no part of the sum")
	require.Zero(t, psys.RelAccuracy)
	unknown := opened(t, machine(t, "amd-zen", "HygonGenuine")).Channels()[0]
	require.Zero(t, unknown.RelAccuracy)
	require.NotEmpty(t, unknown.AccuracyNote)
}

// denied refuses the counters whose path holds one of parts.
func denied(parts ...string) opener {
	return func(path string) (source, error) {
		for _, p := range parts {
			if strings.Contains(path, p) {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
			}
		}
		return os.Open(path)
	}
}

func TestNoPermission(t *testing.T) {
	t.Parallel()
	_, err := open(machine(t, "intel-server", vendorIntel), denied("energy_uj"))
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, missing.Why, "permission")
	require.Contains(t, missing.Mend, "udev")

	m, err := open(machine(t, "intel-server", vendorIntel), denied("intel-rapl:1/"))
	require.NoError(t, err, "one counter that can be read is a meter")
	defer m.Close()
	got := sample(t, m, time.Second)
	require.Len(t, got, 4, "the counter that cannot be read stays listed")
	require.Equal(t, bench.ReadingMissing, got["rapl.package1"].State)
	require.Equal(t, "no permission to read this energy counter", m.Reasons()[got["rapl.package1"].Reason])
	require.Equal(t, bench.ReadingOK, got["rapl.package0"].State)

	// The same package by memory-mapped registers steps in.
	m, err = open(machine(t, "intel-client", vendorIntel), denied("intel-rapl:0/"))
	require.NoError(t, err)
	defer m.Close()
	require.Equal(t, []string{"rapl.package0", "rapl.dram0", "rapl.psys"}, names(m))
	require.InDelta(t, 203938.4199, sample(t, m, time.Second)["rapl.package0"].Value, 1e-6)
	require.Contains(t, m.Channels()[0].Method, "intel-rapl-mmio:0")
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(empty, "class", "powercap"), 0o755))
	listed := t.TempDir()
	write(t, filepath.Join(listed, "class", "powercap", "intel-rapl:0", "name"), "package-0\n")
	for name, sys := range map[string]string{
		"no powercap": t.TempDir(), "empty": empty, "no processor": machine(t, "other", "").SysFS, "no counter": listed,
	} {
		_, err := New(Options{SysFS: sys})
		missing, ok := errors.AsType[*meters.Missing](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, Name, missing.Meter)
		require.NotEmpty(t, missing.Why)
		require.NotEmpty(t, missing.Mend)
	}
}

func TestHostileValuesAreNeverEnergy(t *testing.T) {
	t.Parallel()
	m := opened(t, machine(t, "hostile", vendorIntel))
	got := sample(t, m, time.Second)
	for name, reason := range map[string]int{
		"rapl.package0": reasonSentinel, "rapl.package1": reasonSentinel, "rapl.package2": reasonGarbage, "rapl.package3": reasonGarbage,
		"rapl.package4": reasonBeyond, "rapl.package5": reasonGarbage, "rapl.package6": reasonGarbage,
	} {
		require.Equal(t, bench.ReadingOutOfRange, got[name].State, name)
		require.Equal(t, m.Reasons()[reason], m.Reasons()[got[name].Reason], name)
	}
	require.Equal(t, bench.ReadingMissing, got["rapl.package8"].State)
	for _, name := range []string{"rapl.package7", "rapl.package9"} { // a range that is none
		require.InDelta(t, 1, got[name].Value, 1e-9)
		for _, c := range m.Channels() {
			if c.Name == name {
				require.Zero(t, c.WrapAt)
				require.Contains(t, c.Method, "tells no range")
			}
		}
	}
	require.Len(t, got, 10, "what is no package is not read: %v", names(m))
}

func TestDeadCounterIsNoZero(t *testing.T) {
	t.Parallel()
	m := opened(t, machine(t, "dead", vendorIntel))
	require.Equal(t, bench.ReadingOK, sample(t, m, time.Second)["rapl.package0"].State)
	for i := range 3 {
		r := sample(t, m, time.Duration(2+i)*time.Second)["rapl.package0"]
		require.Equal(t, bench.ReadingStale, r.State)
		require.Equal(t, reasons()[reasonStill], m.Reasons()[r.Reason])
	}
}

// broken fails or gives more than a counter does.
type broken struct{ text string }

func (b broken) ReadAt(p []byte, _ int64) (int, error) {
	if b.text == "" {
		return 0, errors.New("no such device")
	}
	return copy(p, b.text), io.EOF
}
func (broken) Close() error { return nil }

func TestCounterThatGoesAway(t *testing.T) {
	t.Parallel()
	m, err := open(machine(t, "amd-zen", vendorAMD), func(string) (source, error) { return broken{}, nil })
	require.NoError(t, err)
	r := sample(t, m, time.Second)["rapl.package0"]
	require.Equal(t, bench.ReadingMissing, r.State)
	require.Equal(t, reasons()[reasonFailed], m.Reasons()[r.Reason])
	m.domains[0].file = broken{strings.Repeat("1", 100)}
	require.Equal(t, bench.ReadingOutOfRange, sample(t, m, time.Second)["rapl.package0"].State)
}

func TestPace(t *testing.T) {
	t.Parallel()
	opts := machine(t, "amd-zen", vendorAMD)
	m := opened(t, opts)
	require.Zero(t, m.Interval(), "the sampler's own")
	require.Equal(t, 32766*time.Millisecond, m.MaxInterval().Truncate(time.Millisecond), "65,532 J at twice 1,000 W")

	opts.Interval = time.Minute
	m = opened(t, opts)
	require.Equal(t, m.MaxInterval(), m.Interval())
	require.Contains(t, m.Channels()[0].Method, "instead of the 1m0s that was asked for")
	opts.Interval = time.Millisecond
	m = opened(t, opts)
	require.Equal(t, MinInterval, m.Interval())
	opts.Interval = 50 * time.Millisecond
	m = opened(t, opts)
	require.Equal(t, 50*time.Millisecond, m.Interval())
	require.NotContains(t, m.Channels()[0].Method, "instead of")

	opts.MaxPowerW = 250
	require.Equal(t, 131*time.Second, opened(t, opts).MaxInterval().Truncate(time.Second))
	for _, w := range []float64{-1, math.NaN(), math.Inf(1), 1e9} {
		opts.MaxPowerW = w
		_, err := New(opts)
		require.Equal(t, fault.Invalid, fault.KindOf(err), "%g W", w)
		require.NotEmpty(t, fault.HintOf(err))
	}
	opts.MaxPowerW, opts.Interval = 0, -1
	_, err := New(opts)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

func FuzzMicrojoules(f *testing.F) {
	for _, seed := range []string{"203938420215\n", "", "\n", "-1", "12 34", "18446744073709551615", "18446744073709551616", "00000000000000000001"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := microjoules(text)
		want, err := strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), 10, 64)
		if ok {
			require.NoError(t, err)
			require.Equal(t, want, got)
		} else if err == nil {
			require.Greater(t, len(text), 20, "%q is a counter", text)
		}
		d := domain{file: broken{string(text)}, rangeUJ: 262143328850}
		if r := d.read(func() time.Duration { return 1 }); r.Has() {
			require.InDelta(t, float64(got)/1e6, r.Value, 1e-6)
			require.LessOrEqual(t, r.Value, 262143.328850)
		}
		_ = counterRange(string(text))
	})
}

func FuzzZones(f *testing.F) {
	f.Add("intel-rapl:0", "package-0", "intel-rapl:0:2", "dram")
	f.Add("intel-rapl-mmio:0", "package-0-die-1", "intel-rapl:1", "psys-1")
	f.Fuzz(func(t *testing.T, folder0, name0, folder1, name1 string) {
		var all []zone
		for _, p := range [][2]string{{folder0, name0}, {folder1, name1}} {
			if z, ok := parseFolder(p[0]); ok {
				z.name = p[1]
				all = append(all, z)
			}
		}
		for _, z := range classify(all) {
			require.Regexp(t, `^(package\d+(die\d+)?|dram(\d+(die\d+)?)?|psys\d*)$`, z.key())
		}
	})
}
