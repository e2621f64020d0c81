package report

import (
	"bytes"
	"html"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func TestPlusMinus(t *testing.T) {
	t.Parallel()
	for want, pair := range map[string][2]float64{
		"5.87 ± 0.31":            {5.8713, 0.3123},
		"5.9 ± 1.2":              {5.8713, 1.23},
		"343.1 ± 8.2":            {343.1, 8.2},
		"12300 ± 1200":           {12345, 1234},
		"12 ± 10":                {12.4, 9.96},
		"0.10 ± 0.10":            {0.1, 0.0996},
		"0.3 ± 1.2":              {0.3, 1.2},
		"−3.1 ± 4.2":             {-3.14, 4.2},
		"0 ± 1200":               {44, 1234},
		"0.0000 ± 0.0012":        {0, 0.00121},
		"(1.180 ± 0.052)×10⁻⁵":   {1.18e-5, 5.2e-7},
		"(3.00 ± 0.12)×10¹²":     {3e12, 1.2e11},
		"5.87 ± 0":               {5.8713, 0},
		"0.00368 ± 0.00021":      {0.003679, 0.000212},
		"1000000 ± 25":           {1e6, 25},
		"(−1.18 ± 0.12)×10⁻⁵":    {-1.18e-5, 1.2e-6},
		"66408.00000 ± 1.2×10⁻⁵": {66408, 0.0000119},
	} {
		require.Equal(t, want, plusMinus(pair[0], pair[1]))
	}
}

func FuzzPlusMinus(f *testing.F) {
	f.Add(5.87, 0.31)
	f.Add(-1e-300, 1e300)
	f.Add(0.0, 5e-324)
	f.Add(1e308, 1e-308)
	f.Fuzz(func(t *testing.T, v, half float64) {
		if v != v || half != half || v-v != 0 || half-half != 0 { // Verify refuses what is not finite
			t.Skip()
		}
		text := plusMinus(v, half)
		require.Contains(t, text, " ± ")
		require.NotContains(t, text, "NaN")
		require.Less(t, len(text), 60)
		require.NotContains(t, text, "Inf")
	})
}

// Every doubt about a figure is marked where the figure stands, and told.
func TestDoubtsAreMarked(t *testing.T) {
	t.Parallel()
	var page, text bytes.Buffer
	require.NoError(t, HTML(&page, measured(), HTMLOptions{}))
	require.NoError(t, Table(&text, measured(), FormatTable))
	require.Contains(t, text.String(), "366 ± 15 (simulated)†1†2†3")
	for _, doubt := range []string{
		"a foreign process (pid 4711) was on gpu0 in 1 of 10 windows", "disagree: +7.2 % against gpu0.power, limit 5 %",
		"samples cover 93.1 % of the windows, less than 95 %",
	} {
		require.Contains(t, text.String(), doubt)
		require.Contains(t, html.UnescapeString(page.String()), doubt)
	}
	require.Contains(t, page.String(), `366 ± 15<sup><a href="#doubt-1"`)
	require.Contains(t, page.String(), `id="doubt-3"`)
	require.Contains(t, text.String(), "the watts are stated, not measured, so their error is not known (1 cell: uncertainty")
	for _, said := range []string{"3 missed, 3 missing, 4 stale, 2 out of range", "measured: 512 renewals", "0.5 A at 230 V", "115 W"} {
		require.Contains(t, page.String(), said)
	}
}

// What a made-up source reaches says so in every table, chart and file.
func TestSimulatedIsSaidEverywhere(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	require.NoError(t, HTML(&page, measured(), HTMLOptions{}))
	sections := strings.Split(page.String(), `<section id="`)[1:]
	seen := 0
	for _, section := range sections {
		id, _, _ := strings.Cut(section, `"`)
		switch id {
		case "results", "charts", "energy", "power", "cumulative-energy", "energy-phases", "reconciliation", "uncertainty",
			"thesis", "provenance":
			require.Contains(t, section, "simulated", id)
			seen++
		}
	}
	require.Equal(t, 10, seen)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"phases":  func(b *bytes.Buffer) error { return PhasesCSV(b, measured()) },
		"metrics": func(b *bytes.Buffer) error { return MetricsCSV(b, measured()) },
		"curves":  func(b *bytes.Buffer) error { return CurvesCSV(b, measured()) },
		"cells":   func(b *bytes.Buffer) error { return Table(b, measured(), FormatCSV) },
		"json":    func(b *bytes.Buffer) error { return JSON(b, measured()) },
	} {
		var out bytes.Buffer
		require.NoError(t, write(&out))
		require.Contains(t, out.String(), "simulated", name)
	}
}

func TestNamesChannel(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"gpu0.power": true, "mean of gpu0.power over calls": true, "gpu0.power+gpu1.power": true, "read gpu0.power.": true,
		"gpu0.power.average": false, "xgpu0.power": false, "gpu0.power2": false, "": false, "gpu0.powergpu0.power": false,
		"agpu0.power gpu0.power": true,
	} {
		require.Equal(t, want, namesChannel(text, "gpu0.power"), text)
	}
}

func TestReadingStatesAreCounted(t *testing.T) {
	t.Parallel()
	require.Empty(t, statesText(bench.ReadingCounts{OK: 5}, 0))
	require.Equal(t, "1 missed, 2 missing, 3 stale, 4 reset, 5 wrapped, 6 out of range",
		statesText(bench.ReadingCounts{OK: 9, Missing: 2, Stale: 3, Reset: 4, Wrapped: 5, OutOfRange: 6}, 1))
}

func TestBudgetKinds(t *testing.T) {
	t.Parallel()
	u := budgetOf(
		bench.UncertaintyPart{Name: "gpu0.energy: sensor accuracy", Standard: 3, Type: "B"},
		bench.UncertaintyPart{Name: "gpu1.energy: sensor accuracy", Standard: 4, Type: "B"},
		bench.UncertaintyPart{Name: "repeats", Standard: 1, Type: "A"},
	)
	names := partNames([]budget{{e: bench.EnergyFigure{Uncertainty: u}}})
	require.Equal(t, []string{"sensor accuracy", "repeats"}, names)
	require.Equal(t, []kindShare{{"sensor accuracy", "B", 25}, {"repeats", "A", 1}}, kindsOf(u, names))
}
