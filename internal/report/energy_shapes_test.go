package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// energyShapes are results whose energy is there in part, or odd.
func energyShapes() map[string]bench.Results {
	change := func(do func(c *bench.CellResult)) bench.Results {
		r := measured()
		for i := range r.Cells {
			do(&r.Cells[i])
		}
		return r
	}
	return map[string]bench.Results{
		"no curves": change(func(c *bench.CellResult) { c.Curves, c.CurvesMissing = nil, "no trace was stored" }),
		"empty curves": change(func(c *bench.CellResult) {
			c.Curves = []bench.Curve{{Channel: "x", Unit: bench.UnitWatt}, {Channel: "y", Unit: bench.UnitCelsius}}
		}),
		"one point": change(func(c *bench.CellResult) {
			for i := range c.Curves {
				c.Curves[i].Points = c.Curves[i].Points[:1]
			}
		}),
		"nothing read": change(func(c *bench.CellResult) {
			for i := range c.Curves {
				for j := range c.Curves[i].Points {
					p := &c.Curves[i].Points[j]
					p.Mean, p.Min, p.Max, p.CumulativeJ = nil, nil, nil, nil
				}
			}
		}),
		"temperature alone": change(func(c *bench.CellResult) {
			c.Curves = slices.DeleteFunc(c.Curves, func(k bench.Curve) bool { return k.Unit == bench.UnitWatt })
		}),
		"many channels": change(func(c *bench.CellResult) {
			if len(c.Curves) > 0 {
				c.Curves = slices.Repeat(c.Curves, 5)
			}
		}),
		"estimate alone": resultsOf(measured().Cells[2:]),
		"rest below zero": change(func(c *bench.CellResult) {
			if r := c.Reconciliation; r != nil {
				*r.GPUJ = r.WallJ * 1.1
				r.RestJ = r.WallJ - *r.GPUJ - *r.CPUJ
				r.RestShare = r.RestJ / r.WallJ
			}
		}),
		"zero energies": change(func(c *bench.CellResult) {
			c.Phases, c.EnergyByPhase = nil, slices.Clone(c.EnergyByPhase)
			for i := range c.EnergyByPhase {
				c.EnergyByPhase[i].EnergyJ, c.EnergyByPhase[i].Uncertainty = ptr(0.0), nil
			}
			if c.Reconciliation != nil {
				c.Reconciliation = &bench.Reconciliation{Verdict: "nothing"}
			}
		}),
		"sampling without ticks": change(func(c *bench.CellResult) { c.Sampling = []bench.SamplingQuality{{Meter: "m"}} }),
		"trend unknown":          change(func(c *bench.CellResult) { c.Trends = []bench.Trend{{Verdict: "odd"}, {}} }),
	}
}

func TestEnergyShapesRender(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	for name, r := range energyShapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var page, text bytes.Buffer
			require.NoError(t, HTML(&page, r, HTMLOptions{}))
			require.NoError(t, Table(&text, r, FormatTable))
			requireOffline(t, page.String())
			for _, bad := range []string{"NaN", "Inf", "%!"} {
				require.NotContains(t, page.String(), bad)
				require.NotContains(t, text.String(), bad)
			}
			require.NoError(t, schema.Validate(decoded(t, r)))
			for _, write := range []func(*bytes.Buffer) error{
				func(b *bytes.Buffer) error { return PhasesCSV(b, r) },
				func(b *bytes.Buffer) error { return MetricsCSV(b, r) },
				func(b *bytes.Buffer) error { return CurvesCSV(b, r) },
			} {
				var out bytes.Buffer
				require.NoError(t, write(&out))
				require.NotContains(t, out.String(), "NaN")
			}
		})
	}
}

// Names from meters, papers and flags are foreign text.
func TestHostileEnergyNamesAreInert(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "\x1b[31mred\u202e\x00", `{{.}}`, strings.Repeat("x", 3000),
	} {
		r := measured()
		for i := range r.Cells {
			c := &r.Cells[i]
			for j := range c.WhitePaper {
				m := &c.WhitePaper[j]
				m.Name, m.Unit, m.Basis, m.Missing = name, name, name, name
			}
			for j := range c.Trends {
				c.Trends[j].Quantity, c.Trends[j].Unit, c.Trends[j].Verdict, c.Trends[j].Missing = name, name, name, name
			}
			for j := range c.Sampling {
				c.Sampling[j].Meter = name
			}
			for j := range c.Curves {
				c.Curves[j].Points[0].Phase, c.Curves[j].Part = bench.Phase(name), bench.Part(name)
			}
			for j := range c.EnergyByPhase {
				c.EnergyByPhase[j].Flags = []string{name}
			}
			for j := range c.Energies {
				c.Energies[j].Flags = []string{name}
				c.Energies[j].Uncertainty.Parts[0].Name, c.Energies[j].Uncertainty.Parts[0].Basis = name, name
			}
			if c.Reconciliation != nil {
				c.Reconciliation.Verdict, c.Reconciliation.Channels = name, name
			}
		}
		h := &r.Provenance.Hosts[1]
		h.Meters[1].Device, h.Meters[1].PeriodBasis, h.Meters[1].FloorBasis = name, name, name
		h.GPUFacts[0].Name, h.GPUFacts[0].MIG, h.GPUFacts[0].Missing = name, name, map[string]string{name: name}
		var page, text bytes.Buffer
		require.NoError(t, HTML(&page, r, HTMLOptions{}))
		requireOffline(t, page.String())
		require.NoError(t, Table(&text, r, FormatTable))
		for _, bad := range []string{"\x1b", "\u202e", "\x00"} {
			require.NotContains(t, page.String()+text.String(), bad)
		}
	}
}

// A page of hundreds of cells with long curves stays one that opens at once,
// and says what it leaves out.
func TestPageStaysSmall(t *testing.T) {
	t.Parallel()
	r := many(400)
	long := bench.Curve{Channel: "gpu0.power", Unit: bench.UnitWatt, Part: bench.PartGPU}
	for i := range 600 {
		v := 300 + 40*float64(i%17)
		long.Points = append(long.Points, bench.Point{
			At: day(14, 0).Add(time.Duration(i) * time.Second), Mean: ptr(v), Min: ptr(v - 9), Max: ptr(v + 9),
			CumulativeJ: ptr(float64(i) * 300), Phase: bench.PhaseInference,
		})
	}
	for i := range r.Cells {
		r.Cells[i].Curves = []bench.Curve{long, long, long, long}
	}
	var page, results bytes.Buffer
	require.NoError(t, HTML(&page, r, HTMLOptions{}))
	require.NoError(t, JSON(&results, r))
	require.Less(t, page.Len(), 8<<20)
	require.Equal(t, courseBudget/4, strings.Count(page.String(), `<details class="course"`))
	require.Contains(t, page.String(), "The curves of 50 more cells are left out to keep this page small; curves.csv holds them.")
	require.Contains(t, page.String(), "Tables and charts hold the first 200 of 400 cells; cells.csv")
	require.Contains(t, results.String(), curvesElsewhere)
	require.NotContains(t, results.String(), "cumulative_j\": 300")
}

func TestThinKeepsGapsAndExtremes(t *testing.T) {
	t.Parallel()
	var points []bench.Point
	for i := range 100 {
		p := bench.Point{At: day(14, 0).Add(time.Duration(i) * time.Second), Mean: ptr(1.0), Min: ptr(1.0), Max: ptr(1.0)}
		if i == 31 {
			p.Max = ptr(99.0)
		}
		if i == 70 {
			p.Mean, p.Min, p.Max = nil, nil, nil
		}
		points = append(points, p)
	}
	steps := thin(points, day(14, 0), 20)
	require.Len(t, steps, 20)
	highest, gaps := 0.0, 0
	for _, s := range steps {
		if s.max == nil {
			gaps++
			continue
		}
		highest = max(highest, *s.max)
	}
	require.InDelta(t, 99, highest, 0)
	require.Equal(t, 1, gaps)
	require.Len(t, stretches(steps, meanOf), 2, "the gap stays open")
	require.Len(t, thin(points, day(14, 0), 1000), 100)
	require.Empty(t, thin(nil, day(14, 0), 10))
	require.Equal(t, []int{12, 27, 42}, spaced([]int{12, 13, 40}, 15, 10, 60))
	require.Equal(t, []int{15, 30, 45}, spaced([]int{30, 40, 44}, 15, 10, 45))
}
