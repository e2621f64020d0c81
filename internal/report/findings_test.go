package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func TestFindings(t *testing.T) {
	t.Parallel()
	said := Findings(sample())
	require.Len(t, said, 3)
	require.Equal(t, "In Swedish, wattsweep-icd10-3m was the most accurate of 3 models: weighted score 0.66 "+
		"(95\u00a0% 0.61–0.71), at 4.90\u00a0J per call (estimated) and a median latency of 0.610\u00a0s.", said[0])
	require.Contains(t, said[1], "cannot be told apart from wattsweep-icd10-0.8m")
	require.Equal(t, "1 of 7 cells was not measured to the end: 1 unfit.", said[2])
}

func TestFindingsClaimNothingTheyCannotShow(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Cells = r.Cells[:6]
	for i := range r.Cells {
		e := r.Cells[i].WeightedScore
		e.CI95Low, e.CI95High, e.CIMissing = nil, nil, "one run"
	}
	all := strings.Join(Findings(r), " ")
	require.NotContains(t, all, "most accurate")
	require.Contains(t, all, "without an interval no difference can be claimed")

	wide := sample()
	for i := range wide.Cells[:6] {
		e := wide.Cells[i].WeightedScore
		e.CI95Low, e.CI95High = ptr(0.0), ptr(1.0)
	}
	all = strings.Join(Findings(wide), " ")
	require.NotContains(t, all, "most accurate")
	require.Contains(t, all, "cannot be told apart from wattsweep-icd10-0.8m and wattsweep-icd10-0.2m")
}

func TestFindingsOfOtherSweeps(t *testing.T) {
	t.Parallel()
	unscored := resultsOf(sample().Cells[:2])
	for i := range unscored.Cells {
		unscored.Cells[i].WeightedScore, unscored.Cells[i].WeightedScoreMissing = nil, "no labels"
	}
	cases := map[string]struct {
		r    bench.Results
		want string
	}{
		"empty":    {resultsOf(nil), "This sweep has no cells yet, so there is nothing to report."},
		"one":      {resultsOf(sample().Cells[:1]), "In Swedish, wattsweep-icd10-0.2m reached a weighted score of 0.31"},
		"stopped":  {resultsOf(sample().Cells[6:]), "The only cell of this sweep has no figure yet."},
		"unscored": {unscored, "Of 2 cells, 2 were measured and none has a weighted score"},
		"hosts":    {many(200), "cannot be told apart from"},
	}
	for name, c := range cases {
		said := Findings(c.r)
		require.Contains(t, strings.Join(said, " "), c.want, name)
		require.LessOrEqual(t, len(said), maxFindings+2, name)
	}
}

func TestPairReading(t *testing.T) {
	t.Parallel()
	read := func(low, high *float64) string {
		return pairReading(PairedDifference{A: "sv", B: "en", Difference: &bench.Estimate{CI95Low: low, CI95High: high}})
	}
	require.Equal(t, "Swedish is higher", read(ptr(0.01), ptr(0.2)))
	require.Equal(t, "Swedish is lower", read(ptr(-0.2), ptr(-0.01)))
	require.Equal(t, "cannot be told apart", read(ptr(-0.2), ptr(0.01)))
	require.Equal(t, "cannot be told apart", read(ptr(0.0), ptr(0.01)))
	require.Equal(t, "no interval, so no difference is claimed", read(nil, nil))
}
