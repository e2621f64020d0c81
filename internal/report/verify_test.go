package report

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(r *bench.Results)
		where  string
	}{
		"no version":          {func(r *bench.Results) { r.Provenance.Wattsweep = "" }, "provenance.wattsweep"},
		"no method":           {func(r *bench.Results) { r.Provenance.Method = nil }, "provenance.method"},
		"no host":             {func(r *bench.Results) { r.Provenance.Hosts = nil }, "cells[0].host"},
		"no runtime version":  {func(r *bench.Results) { r.Provenance.Hosts[0].Runtime = "" }, "cells[0].runtime"},
		"GPU without driver":  {func(r *bench.Results) { r.Provenance.Hosts[0].GPUs = []string{"H100"} }, "cells[0].driver"},
		"no digest":           {func(r *bench.Results) { r.Cells[0].ModelFacts.Digest = "" }, "cells[0].model_facts.digest"},
		"no prompt hash":      {func(r *bench.Results) { r.Cells[0].PromptHash = "" }, "cells[0].prompt_template_sha256"},
		"no dataset hash":     {func(r *bench.Results) { r.Cells[0].DatasetHash = "" }, "cells[0].dataset_sha256"},
		"dataset not pinned":  {func(r *bench.Results) { r.Provenance.Datasets = nil }, "cells[0].dataset"},
		"energy method":       {func(r *bench.Results) { r.Cells[0].Energy.Method = "" }, "cells[0].energy_j_per_call.method"},
		"energy basis":        {func(r *bench.Results) { r.Cells[0].Energy.Basis = "" }, "cells[0].energy_j_per_call.basis"},
		"unknown meter":       {func(r *bench.Results) { r.Cells[0].Energy.Channel = "x" }, "cells[0].energy_j_per_call.channel"},
		"hidden estimate":     {func(r *bench.Results) { r.Cells[0].Energy.Estimated = false }, "cells[0].energy_j_per_call.estimated"},
		"estimate not told":   {func(r *bench.Results) { r.Provenance.Estimated = false }, "provenance.estimated"},
		"simulation not told": {func(r *bench.Results) { r.Cells[0].Energy.Simulated = true }, "provenance.simulated"},
		"no currency":         {func(r *bench.Results) { r.Cells[0].Cost.Currency = "" }, "cells[0].cost_per_100_calls.currency"},
		"no price":            {func(r *bench.Results) { r.Cells[0].Cost.Basis = "" }, "cells[0].cost_per_100_calls.basis"},
		"phase method":        {func(r *bench.Results) { r.Cells[0].Phases[0].Method = "" }, "cells[0].phases[0].method"},
		"no reason":           {func(r *bench.Results) { r.Cells[1].Latency = nil }, "cells[1].latency_s_missing"},
		"no interval":         {func(r *bench.Results) { r.Cells[0].Latency.CI95Low = nil }, "cells[0].latency_s.ci95_missing"},
		"no energy interval":  {func(r *bench.Results) { r.Cells[0].Energy.CI95Low = nil }, "cells[0].energy_j_per_call.ci95_missing"},
		"no net energy":       {func(r *bench.Results) { r.Cells[0].Energy.NetMean = nil }, "cells[0].energy_j_per_call.net_mean_missing"},
		"no spread":           {func(r *bench.Results) { r.Cells[0].TTFT.SD = nil }, "cells[0].ttft_s.sd_missing"},
		"half a sum unknown":  {func(r *bench.Results) { r.Cells[0].Energy.Channel += "+x" }, "cells[0].energy_j_per_call.channel"},
		"unfit, untold":       {func(r *bench.Results) { r.Cells[6].Reason = "" }, "cells[6].reason"},
		"not a number":        {func(r *bench.Results) { r.Cells[0].Latency.P95 = math.NaN() }, "cells[0].latency_s.p95"},
		"infinite":            {func(r *bench.Results) { r.Cells[0].HostCPU = ptr(math.Inf(1)) }, "cells[0].host_cpu_percent"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sample()
			require.NoError(t, Verify(r))
			c.change(&r)
			err := Verify(r)
			problems, ok := errors.AsType[*fault.Problems](err)
			require.True(t, ok, "%v", err)
			var places []string
			for _, p := range problems.List {
				require.NotEmpty(t, p.Mend)
				places = append(places, p.Where)
			}
			require.Contains(t, places, c.where)
			var out bytes.Buffer
			for _, format := range []Format{FormatTable, FormatJSON, FormatCSV} {
				require.Error(t, Table(&out, r, format))
			}
			require.Error(t, HTML(&out, r, HTMLOptions{}))
			require.Zero(t, out.Len(), "nothing is written")
		})
	}
}

// Energy of several cards names all their channels.
func TestVerifyKnowsSums(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Cells[0].Energy.Channel = "host.cpu+estimate.power"
	require.NoError(t, Verify(r))
}

func TestVerifyFindsTheRuntimesHost(t *testing.T) {
	t.Parallel()
	r := sample()
	other := r.Provenance.Hosts[0]
	other.Runtime = "nim 2.1"
	r.Provenance.Hosts = []bench.HostFacts{other, r.Provenance.Hosts[0]}
	require.Equal(t, "ollama 0.6.5", findHost(r.Provenance, r.Cells[0].Coordinates).Runtime)
}

func TestPairsAreVerified(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string]PairedDifference{
		"no reason":    {A: "sv", B: "en"},
		"not a number": {A: "sv", B: "en", Difference: &bench.Estimate{Mean: math.NaN()}},
		"effect":       {A: "sv", B: "en", Difference: &bench.Estimate{}, HedgesG: &bench.Estimate{Mean: math.Inf(1)}},
		"mcnemar":      {A: "sv", B: "en", Difference: &bench.Estimate{}, FirstCode: &RightOrWrong{OnlyA: -1}},
		"p value":      {A: "sv", B: "en", Difference: &bench.Estimate{}, FirstCode: &RightOrWrong{MidP: math.NaN()}},
		"mean":         {A: "sv", B: "en", MeanA: math.Inf(1), Difference: &bench.Estimate{}},
	} {
		err := HTML(&bytes.Buffer{}, sample(), HTMLOptions{PairedDifferences: []PairedDifference{pair}})
		_, ok := errors.AsType[*fault.Problems](err)
		require.True(t, ok, name)
	}
}

func TestJSONLeavesResultsAlone(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Cells[0].Outcomes, r.Provenance.Hosts[0].GPUs = nil, nil
	require.NoError(t, JSON(&bytes.Buffer{}, r))
	require.Nil(t, r.Cells[0].Outcomes)
	require.Nil(t, r.Provenance.Hosts[0].GPUs)
}
