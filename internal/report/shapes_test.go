package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// shapes are results of every size and fate.
func shapes() map[string]bench.Results {
	one, bare := sample(), sample()
	one = resultsOf(one.Cells[:1])
	unlucky := resultsOf([]bench.CellResult{
		stopped("a", "sv", bench.StateFailed, "the runtime ended"), stopped("b", "sv", bench.StateUnfit, "too large"),
		stopped("c", "en", bench.StateQueued, ""), stopped("d", "en", bench.StateCancelled, "cancelled by the user"),
	})
	bare.Cells = []bench.CellResult{stopped("a", "sv", bench.StateRunning, "still running")}
	bare.Provenance = bench.Provenance{}
	bare.Sweep.FinishedAt = nil
	return map[string]bench.Results{
		"none": {Sweep: bench.SweepInfo{ID: "00", State: bench.StateQueued}}, "no cells": resultsOf(nil), "one": one,
		"sample": sample(), "measured": measured(), "many": many(200), "all stopped": unlucky, "bare": bare, "judged": judged(),
	}
}

func TestShapesRender(t *testing.T) {
	t.Parallel()
	for name, r := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, format := range []Format{FormatTable, FormatJSON, FormatCSV} {
				var out bytes.Buffer
				require.NoError(t, Table(&out, r, format))
				require.NotEmpty(t, out.String())
			}
			var out bytes.Buffer
			require.NoError(t, HTML(&out, r, HTMLOptions{}))
			requireOffline(t, out.String())
			require.True(t, strings.HasSuffix(out.String(), "</html>\n"))
			require.NotContains(t, out.String(), "NaN")
			require.NotContains(t, out.String(), "%!")
			for _, c := range r.Cells {
				require.Contains(t, out.String(), c.Model)
			}
			require.NotEmpty(t, Findings(r))
		})
	}
}

// requireOffline holds that nothing in a page can load or run.
func requireOffline(t *testing.T, page string) {
	t.Helper()
	tags, quoted := regexp.MustCompile(`<[a-zA-Z][^>]*>`), regexp.MustCompile(`"[^"]*"`)
	loads := regexp.MustCompile(`(?i)^<(script|link|iframe|img|image|use|object|embed|base|form|video|audio|source)\b` +
		`|\s(src|srcset|action|data|poster|style|ping|xlink:href|on[a-z]+)\s*=|'`)
	leaves := regexp.MustCompile(`(?i)\shref="([^#"][^"]*)?"`)
	for _, tag := range tags.FindAllString(page, -1) {
		bare := quoted.ReplaceAllString(tag, `""`) // names of the tag and its attributes
		if loads.MatchString(bare) || leaves.MatchString(tag) {
			t.Fatalf("the page can load, run or leave: %s", tag)
		}
	}
	style, _, found := strings.Cut(page, "</style>")
	require.True(t, found)
	require.NotRegexp(t, `(?i)url\(|@import|http`, style[strings.Index(style, "<style>"):])
	require.Equal(t, 1, strings.Count(page, "<style>"))
	require.True(t, strings.HasPrefix(page, "<!doctype html>"))
	require.Contains(t, page, `content="default-src 'none'; style-src 'unsafe-inline'; img-src data:`)
}

func TestHostileNamesAreInert(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</title></style><script>`,
		"javascript:alert(1)", "\x1b[31mred\x1b]8;;http://x\x07", "\u202egnp.exe", "name\nwith\x00lines",
		strings.Repeat("x", 5000),
		"{{.Secret}}", "\xff\xfe", "]]>", "",
	} {
		r := sample()
		for i := range r.Cells {
			c := &r.Cells[i]
			c.Model, c.Runtime, c.CodeList, c.Language, c.Dataset = name, name, name, name+c.Language, name
			if c.ModelFacts == nil {
				c.LatencyMissing, c.Reason, c.LoadAttempts[0].Reason = name+"r", name+"r", name
				continue
			}
			c.ModelFacts.Family, c.ModelFacts.Digest, c.Cost.Currency = name, name+"d", name+"c"
			c.Energy.Basis = name + "b"
		}
		r.Sweep.Name = name
		r.Provenance.Hosts[0].Kernel, r.Provenance.Datasets[0].Licence = name, name
		r.Provenance.Method = []string{name}
		pairs := samplePairs()
		pairs.PairedDifferences[0].At.Model = name
		var page, text bytes.Buffer
		require.NoError(t, HTML(&page, r, pairs))
		requireOffline(t, page.String())
		require.NoError(t, Table(&text, r, FormatTable))
		require.NotContains(t, text.String()+page.String(), "\x1b")
		require.NotContains(t, text.String()+page.String(), "\u202e")
		require.NotContains(t, page.String(), "\x00")
	}
}

func TestWordsOfBasis(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Provenance.Simulated = true
	r.Cells[0].Energy.Simulated = true
	r.Cells[1].Energy.Estimated, r.Cells[1].Energy.Method, r.Cells[1].Cost.Estimated = false, bench.EnergyCounter, false
	r.Cells[1].Energy.Channel, r.Cells[1].Energy.Part, r.Cells[1].Energy.UncertaintyMissing = "rapl.package0", bench.PartCPU, ""
	r.Cells[1].Energy.Uncertainty, r.Cells[1].Energy.NetUncertainty = budgetFor(1.2, 0.02), budgetFor(1.2, 0.03)
	r.Provenance.Hosts[0].Meters = append(r.Provenance.Hosts[0].Meters, gpuMeters()[3])
	var table, page, csv bytes.Buffer
	require.NoError(t, Table(&table, r, FormatTable))
	require.NoError(t, HTML(&page, r, HTMLOptions{}))
	require.NoError(t, Table(&csv, r, FormatCSV))
	require.Contains(t, table.String(), "1.10 (estimated, simulated)")
	require.Regexp(t, `1\.200 ± 0\.037 +1\.29`, table.String(), "a measured figure stands alone, with its doubt")
	require.Contains(t, table.String(), "2.30 (estimated)")
	require.Contains(t, page.String(), "Energy per call, J (partly estimated or simulated)")
	require.Contains(t, page.String(), "come from a made-up source")
	require.Contains(t, csv.String(), ",measured,")
	require.Contains(t, csv.String(), `,"estimated, simulated",`)
}

// What a figure lacks of its parts has its reason on the page and in the CSV.
func TestPartsSayWhyTheyAreMissing(t *testing.T) {
	t.Parallel()
	r := sample()
	e, s := r.Cells[0].Energy, r.Cells[0].Latency
	e.CI95Low, e.CI95High, e.CIMissing = nil, nil, "one run"
	e.NetMean, e.NetMeanMissing = nil, "no baseline of estimate.power was measured"
	s.SD, s.SDMissing = nil, "one value has no spread"
	var page, csv bytes.Buffer
	require.NoError(t, HTML(&page, r, HTMLOptions{}))
	require.NoError(t, Table(&csv, r, FormatCSV))
	for _, text := range []string{
		">one run <small>interval of energy per call of ", ">no baseline of estimate.power was measured <small>net energy per call of ",
		">one value has no spread <small>spread of latency of ",
	} {
		require.Contains(t, page.String(), text)
	}
	for _, text := range []string{
		"energy_j_per_call.ci95: one run", "energy_j_per_call.net_mean: no baseline of estimate.power was measured",
		"latency_s.sd: one value has no spread",
	} {
		require.Contains(t, csv.String(), text)
	}
}

func TestFormatUnknown(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, Table(&bytes.Buffer{}, sample(), "yaml"), `output format "yaml" is unknown`)
}
