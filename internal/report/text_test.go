package report

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"0": sig(0, 3), "0.610": sig(0.61, 3), "12.4": sig(12.4, 3), "2223": sig(2223.4, 3), "0.00368": sig(0.00368, 3),
		"1.18×10⁻⁵": sig(1.1792e-5, 3), "3.00×10¹²": sig(3e12, 3),
		"−0.500": sig(-0.5, 3), "−1.00×10⁻¹⁰": sig(-1e-10, 3),
		"0.00": fixed(-0.001, 2), "−0.03": fixed(-0.03, 2),
		"0.10–0.20": span(0.1, 0.2, two), "−0.10 to 0.20": span(-0.1, 0.2, two),
		"1\u202f234\u202f567": count(1234567), "999": count(999), "−1\u202f000": count(-1000),
		"80.0 ms": seconds(80 * time.Millisecond), "2m3s": seconds(123 * time.Second),
		"1.90 s":               seconds(1900 * time.Millisecond),
		"sha256:abcdefabcdef…": short("sha256:abcdefabcdefabcdef"), "abc": short("abc"), "70.0 B": parameters(70e9),
		"a, b and c": sentenceList([]string{"a", "b", "c"}), "1 cell": plural(1, "cell"), "0 cells": plural(0, "cell"),
	} {
		require.Equal(t, want, got)
	}
}

func TestAxes(t *testing.T) {
	t.Parallel()
	labels := func(a axis) (out []string) {
		for _, tick := range a.ticks {
			out = append(out, tick.Label)
		}
		return out
	}
	require.Equal(t, []string{"0.00", "0.25", "0.50", "0.75", "1.00"}, labels(unitAxis(0, 100)))
	require.Equal(t, []string{"0", "2", "4", "6"}, labels(newAxis([]float64{1.2, 5.7}, 0, 100)))
	require.Equal(t, []string{"0.1", "1", "10", "100", "1000"}, labels(newAxis([]float64{0.2, 740}, 0, 100)))
	require.Equal(t, []string{"0.0", "0.1", "0.2", "−0.1", "−0.2"}, labels(aroundZero([]float64{-0.17, 0.02}, 0, 100))[:5])
	for _, values := range [][]float64{
		nil, {0}, {0, 0}, {5e-324}, {1e-300, 1e300}, {math.MaxFloat64}, {-1}, {1e-9, 2e-9}, {0, 1e12},
	} {
		a := newAxis(values, 1, 80)
		require.Less(t, len(a.ticks), 30)
		for _, v := range values {
			share := a.share(v)
			require.True(t, share >= 0 && share <= 1, "%v on %+v", v, a)
		}
	}
}

func TestAxisKeepsOrder(t *testing.T) {
	t.Parallel()
	for _, a := range []axis{
		newAxis([]float64{1, 5}, 1, 80), newAxis([]float64{0.1, 900}, 1, 80), aroundZero([]float64{-3, 2}, 1, 80),
	} {
		require.Less(t, a.share(0.5), a.share(1.0))
		require.Less(t, a.share(1.0), a.share(2.0))
	}
}
