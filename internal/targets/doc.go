// Package targets holds results against rules such as
//
//	tokens_per_wh p95 >= 250
//	latency_s p95 <= 2 where language=sv
//	weighted_score mean >= 0.6
//	energy_j_per_call mean <= 5
//
// A rule is METRIC STAT OP VALUE [UNIT] [where KEY=VALUE, KEY=VALUE …]. Metrics
// lists what may be named, with its unit and its stats. OP is one of >=, <=, >
// and <. Without a unit the value is in the metric's own. Scope keys are host,
// runtime, model, task, dataset, language and load_pattern; several must all
// hold; a * in a value stands for any text; a value with a space, a comma or
// an operator in it is put in double quotes.
//
// A percentile is one of calls. Of a rate of which more is better (tokens per
// Wh, tokens per second) percentiles run from the best call down: p95 is what
// 95 % of the calls reach. Of all others p95 is what 95 % of the calls stay
// within.
//
// A rule is judged cell by cell against the 95 % interval of the figure: it
// passes only where the whole interval lies on the good side, fails only where
// the whole interval lies on the bad side, and is not decided in between. One
// run decides nothing: how a figure repeats is not seen in it.
//
// The package is pure: it reads bench results and knows nothing of where they
// come from.
package targets
