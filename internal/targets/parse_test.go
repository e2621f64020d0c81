package targets

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]struct {
		metric   bench.MetricName
		stat     bench.Stat
		op       Op
		limit    float64
		written  string
		currency string
		where    []Filter
	}{
		"tokens_per_wh p95 >= 250":                      {bench.MetricTokensPerWh, bench.StatP95, AtLeast, 250, "250 tokens/Wh", "", nil},
		"latency_s p95 <= 2":                            {bench.MetricLatency, bench.StatP95, AtMost, 2, "2 s", "", nil},
		"latency_s p95<=500ms":                          {bench.MetricLatency, bench.StatP95, AtMost, 0.5, "500 ms", "", nil},
		"  latency   p50 ≤ 2.5\ts ":                     {bench.MetricLatency, bench.StatP50, AtMost, 2.5, "2.5 s", "", nil},
		"weighted_score mean >= 0.6":                    {bench.MetricWeightedScore, bench.StatMean, AtLeast, 0.6, "0.6", "", nil},
		"weighted_score mean > 60 %":                    {bench.MetricWeightedScore, bench.StatMean, Above, 0.6, "60 %", "", nil},
		"energy_j_per_call mean <= 5":                   {bench.MetricEnergy, bench.StatMean, AtMost, 5, "5 J", "", nil},
		"energy_j_per_call mean < 1e-2 Wh":              {bench.MetricEnergy, bench.StatMean, Below, 36, "0.01 Wh", "", nil},
		"tokens_per_j mean ≥ 1":                         {bench.MetricTokensPerJoule, bench.StatMean, AtLeast, 1, "1 tokens/J", "", nil},
		"cost_per_100_calls mean <= 0.01 SEK":           {bench.MetricCostPer100, bench.StatMean, AtMost, 0.01, "0.01 SEK", "SEK", nil},
		"cost_per_call mean <= 0.01":                    {bench.MetricCostPerCall, bench.StatMean, AtMost, 0.01, "0.01", "", nil},
		"runtime_memory_peak_bytes mean <= 2 GiB":       {bench.MetricRuntimeMemory, bench.StatMean, AtMost, 2 << 30, "2 GiB", "", nil},
		"net_energy_j_per_call mean >= -1":              {bench.MetricNetEnergy, bench.StatMean, AtLeast, -1, "-1 J", "", nil},
		"tokens_per_wh p95 >= 250 where language=sv":    {bench.MetricTokensPerWh, bench.StatP95, AtLeast, 250, "250 tokens/Wh", "", []Filter{{"language", "sv"}}},
		`ttft_s p99 <= 1 where model="a, b" , load = x`: {bench.MetricTTFT, bench.StatP99, AtMost, 1, "1 s", "", []Filter{{"model", "a, b"}, {"load_pattern", "x"}}},
		"latency_s mean <= 2 where model=hf.co/a/b:Q4*": {bench.MetricLatency, bench.StatMean, AtMost, 2, "2 s", "", []Filter{{"model", "hf.co/a/b:Q4*"}}},
	} {
		got, err := Parse(rule)
		require.NoError(t, err, rule)
		require.Equal(t, want.metric, got.Metric.Name, rule)
		require.Equal(t, want.stat, got.Stat, rule)
		require.Equal(t, want.op, got.Op, rule)
		require.InDelta(t, want.limit, got.Limit, 1e-12*max(1, math.Abs(want.limit)), rule)
		require.Equal(t, want.written, got.Written, rule)
		require.Equal(t, want.currency, got.Currency, rule)
		require.Equal(t, want.where, got.Where, rule)
		require.Equal(t, evened(rule), got.String())
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]struct {
		column, says, mend string
	}{
		"":                                                   {"column 1", "it is empty", "tokens_per_wh p95 >= 250"},
		"tokens_per_hw p95 >= 250":                           {"column 1", `no metric is called "tokens_per_hw"`, "did you mean tokens_per_wh?"},
		"zzz p95 >= 250":                                     {"column 1", `"zzz"`, "latency_s, ttft_s"},
		"latency_s p9 <= 2":                                  {"column 11", `latency_s has no "p9"`, "did you mean p95?"},
		"weighted_score p95 >= 0.5":                          {"column 16", `has no "p95"`, "write one of mean"},
		"latency_s <= 2":                                     {"column 11", "which of latency_s", "mean, p50, p95, p99"},
		"latency_s p95 2":                                    {"column 15", "a comparison is expected", ">=, <=, >, <"},
		"latency_s p95 = 2":                                  {"column 15", "a comparison is expected", ">=, <=, >, <"},
		"latency_s p95 =< 2":                                 {"column 15", "a comparison is expected", ">=, <=, >, <"},
		"latency_s p95 <=":                                   {"column 17", "a value is expected", "METRIC STAT OP VALUE"},
		"latency_s p95 <= two":                               {"column 18", `"two" is not a number`, "decimal point"},
		"latency_s p95 <= NaN":                               {"column 18", `"NaN" is not a number`, "decimal point"},
		"latency_s p95 <= 1e999":                             {"column 18", "not a number", "decimal point"},
		"latency_s p95 <= 0x10":                              {"column 18", "not a number", "decimal point"},
		"latency_s p95 <= 2,5":                               {"column 19", `"," is not expected after the value`, "where KEY=VALUE"},
		"latency_s p95 <= 2 J":                               {"column 20", `latency_s is not in "J"`, "s, ms"},
		"latency_s p95 <= 2J":                                {"column 19", `latency_s is not in "J"`, "s, ms"},
		"cost_per_call mean <= 2 kr":                         {"column 25", `is not in "kr"`, "three letters"},
		"weighted_score mean >= 60":                          {"column 24", "between 0 and 1", "60 %"},
		"latency_s p95 <= 2 s wher a=b":                      {"column 22", `"wher"`, "where KEY=VALUE"},
		"latency_s p95 <= 2 where":                           {"column 25", "not said", "language=sv"},
		"latency_s p95 <= 2 where lang=":                     {"column 26", `a "lang"`, "did you mean language?"},
		"latency_s p95 <= 2 where language=":                 {"column 35", "value of language", "language=sv"},
		"latency_s p95 <= 2 where language sv":               {"column 35", "= is expected", "language=sv"},
		"latency_s p95 <= 2 where language=sv en":            {"column 38", `"en" is not expected`, "quotation marks"},
		"latency_s p95 <= 2 where host=a, host=b":            {"column 34", "host is named twice", "a rule for each"},
		"latency_s p95 <= 2 where host=a,":                   {"column 33", "not said", "where KEY=VALUE"},
		`latency_s p95 <= 2 where model="a`:                  {"column 32", "not closed", "another"},
		"latency_s p95 <= 2\nwhere model=a":                  {"column 19", "not printable", "METRIC"},
		"latency_s p95 <= \xff":                              {"column 18", "not printable", "METRIC"},
		"latency_s p95 <= " + strings.Repeat("9", MaxLength): {"column 401", "longer than 400", "shorten"},
	} {
		_, err := Parse(rule)
		require.Error(t, err, rule)
		require.Equal(t, fault.Invalid, fault.KindOf(err), rule)
		require.Contains(t, err.Error(), want.column+":", rule)
		require.Contains(t, err.Error(), want.says, rule)
		require.Contains(t, fault.HintOf(err), want.mend, rule)
	}
}

func TestParseAllRefusesTogether(t *testing.T) {
	t.Parallel()
	rules, err := ParseAll([]string{"latency_s p95 <= 2", "nothing mean > 1"})
	require.Error(t, err)
	require.Nil(t, rules)
	rules, err = ParseAll([]string{"latency_s p95 <= 2", "weighted_score mean >= 0.6"})
	require.NoError(t, err)
	require.Len(t, rules, 2)
}

func TestEveryMetricCanBeNamed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range Metrics() {
		require.NotEmpty(t, m.What, m.Name)
		require.NotEmpty(t, m.units, m.Name)
		for _, name := range append([]string{string(m.Name)}, m.Aliases...) {
			require.False(t, seen[name], "%s stands twice", name)
			seen[name] = true
			for _, s := range m.Stats {
				for _, u := range m.units {
					r, err := Parse(name + " " + string(s) + " <= 0 " + strings.Replace(u.name, anyCurrency, "EUR", 1))
					require.NoError(t, err)
					require.Equal(t, m.Name, r.Metric.Name)
				}
			}
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		pattern, text string
		want          bool
	}{
		{"sv", "sv", true},
		{"sv", "sv2", false},
		{"*", "", true},
		{"*", "any", true},
		{"a*", "ab", true},
		{"*b", "ab", true},
		{"a*b", "ab", true},
		{"a*b", "a", false},
		{"a*a", "a", false},
		{"a*c*e", "abcde", true},
		{"a*c*e", "abde", false},
		{"**", "x", true},
		{"", "x", false},
	} {
		require.Equal(t, one.want, matches(one.pattern, one.text), "%q %q", one.pattern, one.text)
	}
}

// FuzzParse holds that any text gives a rule whose text parses to the same
// rule, or one error with a hint.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"tokens_per_wh p95 >= 250", "latency_s p95<=500ms where language=sv", `ttft_s p99 <= 1 where model="a, b", host=*`,
		"weighted_score mean > 60 %", "cost_per_call mean <= 1 SEK", "latency_s p95 <= 1e999", `"`, ">==", "latency_s p95 <= é",
		"\xff", "latency_s p95 <= 2 where model=\"\"", "power_w mean < .",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.NotEmpty(t, fault.HintOf(err))
			require.Less(t, len(err.Error()), 2000)
			return
		}
		require.False(t, math.IsNaN(r.Limit) || math.IsInf(r.Limit, 0))
		again, err := Parse(r.Text)
		require.NoError(t, err)
		require.Equal(t, r.Text, again.Text)
		require.InDelta(t, r.Limit, again.Limit, 0)
		require.Equal(t, r.Where, again.Where)
	})
}
