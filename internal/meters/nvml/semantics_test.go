package nvml

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The rows of the published table, with what stands where it says nothing.
func TestSemanticsOf(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	ga100 := generation{arch: archAmpere, ga100: true}
	for _, c := range []struct {
		name           string
		of             generation
		driver         int
		from           source
		sensor         bench.Sensor
		window, period time.Duration
		basis          string
	}{
		{"hopper instant", generation{arch: archHopper}, 550, sourceInstant, bench.SensorInstant, 25 * ms, 100 * ms, "table for Hopper, driver > 530"},
		{"hopper average", generation{arch: archHopper}, 550, sourceAverage, bench.SensorAveraged, time.Second, 100 * ms, "table for Hopper"},
		{"hopper usage", generation{arch: archHopper}, 535, sourceUsage, bench.SensorAveraged, time.Second, 100 * ms, "table for Hopper"},
		{"hopper usage before the table", generation{arch: archHopper}, 525, sourceUsage, bench.SensorAveraged, time.Second, 100 * ms, "documentation"},
		{"ada usage", generation{arch: archAda}, 525, sourceUsage, bench.SensorAveraged, time.Second, 100 * ms, "driver < 530"},
		{"ada usage at 530", generation{arch: archAda}, 530, sourceUsage, bench.SensorInstant, 100 * ms, 100 * ms, "driver 530"},
		{"ampere instant", generation{arch: archAmpere}, 560, sourceInstant, bench.SensorInstant, 100 * ms, 100 * ms, "Ampere GA10x"},
		{"a100 usage", ga100, 550, sourceUsage, bench.SensorInstant, 25 * ms, 100 * ms, "GA100"},
		{"a100 average", ga100, 550, sourceAverage, bench.SensorAveraged, time.Second, 100 * ms, "no such field"},
		{"turing", generation{arch: archTuring}, 470, sourceUsage, bench.SensorInstant, 100 * ms, 100 * ms, "Turing"},
		{"volta", generation{arch: archVolta}, 470, sourceUsage, bench.SensorInstant, 10 * ms, 20 * ms, "Volta"},
		{"pascal", generation{arch: archPascal}, 470, sourceInstant, bench.SensorInstant, 10 * ms, 20 * ms, "Pascal"},
		{"maxwell", generation{arch: archMaxwell}, 470, sourceUsage, bench.SensorInstant, 0, 100 * ms, "time constant"},
		{"blackwell usage", generation{arch: archBlackwell}, 580, sourceUsage, bench.SensorAveraged, time.Second, 0, "not in the table"},
		{"blackwell instant", generation{arch: archBlackwell}, 580, sourceInstant, bench.SensorInstant, 0, 0, "not in the table"},
		{"unheard of", generation{arch: 99}, 999, sourceUsage, bench.SensorInstant, 0, 0, "unknown architecture is not in the table"},
	} {
		s := semanticsOf(c.of, c.driver, c.from)
		require.Equal(t, c.sensor, s.sensor, c.name)
		require.Equal(t, c.window, s.window, c.name)
		require.Equal(t, c.period, s.period, c.name)
		require.Contains(t, s.basis, c.basis, c.name)
	}
}

func TestIsGA100(t *testing.T) {
	t.Parallel()
	require.True(t, isGA100(archAmpere, 0x20B210DE, "NVIDIA A100-SXM4-80GB"))
	require.False(t, isGA100(archAmpere, 0x223010DE, "NVIDIA RTX A6000"))
	require.True(t, isGA100(archAmpere, 0, "NVIDIA A30"))
	require.False(t, isGA100(archAmpere, 0, "NVIDIA GeForce RTX 3080"))
	require.False(t, isGA100(archHopper, 0x20B210DE, "A100"))
}

func TestDriverMajor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"535.104.05": 535, "550 (simulated)": 550, "": 0, "x": 0, "-5": 0, ".5": 0, "99999999999999999999": 0,
	} {
		require.Equal(t, want, driverMajor(text), text)
	}
}

func TestFieldNumber(t *testing.T) {
	t.Parallel()
	f := func(kind uint32, bits uint64) *field {
		one := field{kind: kind}
		binary.LittleEndian.PutUint64(one.value[:], bits)
		return &one
	}
	minus := int64(-5)
	for name, c := range map[string]struct {
		f    *field
		want float64
		r    ret
	}{
		"double":               {f(0, math.Float64bits(2.5)), 2.5, retOK},
		"no number":            {f(0, math.Float64bits(math.NaN())), 0, retNotAvailable},
		"unsigned":             {f(1, 470123), 470123, retOK},
		"unsigned, upper dirt": {f(1, 7<<32|470123), 470123, retOK},
		"unsigned sentinel":    {f(1, sentinel32), 0, retNotAvailable},
		"long":                 {f(2, 1<<40), 1 << 40, retOK},
		"long long sentinel":   {f(3, sentinel64), 0, retNotAvailable},
		"signed":               {f(4, 9), 9, retOK},
		"signed, negative":     {f(4, uint64(minus)), 0, retNotAvailable},
		"int":                  {f(5, 12), 12, retOK},
		"int, negative":        {f(5, uint64(uint32(0xFFFFFFFF))), 0, retNotAvailable},
		"short":                {f(6, 65535), 65535, retOK},
		"unheard of":           {f(7, 1), 0, retNotAvailable},
		"refused":              {&field{ret: uint32(retNotSupported)}, 0, retNotSupported},
	} {
		got, r := c.f.number()
		require.Equal(t, c.r, r, name)
		require.InDelta(t, c.want, got, 0, name)
	}
}

func FuzzDriverMajor(f *testing.F) {
	f.Add("535.104.05")
	f.Fuzz(func(t *testing.T, version string) {
		require.GreaterOrEqual(t, driverMajor(version), 0)
	})
}

func FuzzFieldNumber(f *testing.F) {
	f.Add(uint32(3), uint64(sentinel64))
	f.Fuzz(func(t *testing.T, kind uint32, bits uint64) {
		one := field{kind: kind}
		binary.LittleEndian.PutUint64(one.value[:], bits)
		v, r := one.number()
		require.False(t, math.IsNaN(v) || math.IsInf(v, 0) || v < 0)
		require.True(t, r == retOK || v == 0)
	})
}
