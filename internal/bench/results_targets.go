package bench

// MetricName names a figure of a cell that a target may be set on. The names
// are those of results.json where the figure stands there under one.
type MetricName string

// The figures that carry an interval.
const (
	MetricLatency          MetricName = "latency_s"
	MetricTTFT             MetricName = "ttft_s"
	MetricInterToken       MetricName = "inter_token_s"
	MetricTokensPerSecond  MetricName = "tokens_per_s" //nolint:gosec // a metric of tokens, no credential
	MetricPromptTokens     MetricName = "prompt_tokens"
	MetricOutputTokens     MetricName = "output_tokens"
	MetricWeightedScore    MetricName = "weighted_score"
	MetricExactMatch       MetricName = "exact_match"
	MetricExactAt5         MetricName = "exact_match_at_5"
	MetricMicroPrecision   MetricName = "micro_precision"
	MetricMicroRecall      MetricName = "micro_recall"
	MetricMicroF1          MetricName = "micro_f1"
	MetricMacroF1          MetricName = "macro_f1"
	MetricCategoryMicroF1  MetricName = "category_micro_f1"
	MetricCategoryMacroF1  MetricName = "category_macro_f1"
	MetricChapterMicroF1   MetricName = "chapter_micro_f1"
	MetricChapterMacroF1   MetricName = "chapter_macro_f1"
	MetricNoCodeShare      MetricName = "no_code_share"
	MetricUnknownShare     MetricName = "unknown_code_share"
	MetricOKShare          MetricName = "ok_share"
	MetricEnergy           MetricName = "energy_j_per_call"
	MetricNetEnergy        MetricName = "net_energy_j_per_call"
	MetricEnergyPerToken   MetricName = "energy_j_per_token" //nolint:gosec // a metric of tokens, no credential
	MetricEnergyPerWord    MetricName = "energy_j_per_word"
	MetricEnergyPerCorrect MetricName = "energy_j_per_correct"
	MetricTokensPerJoule   MetricName = "tokens_per_joule" //nolint:gosec // a metric of tokens, no credential
	MetricTokensPerWh      MetricName = "tokens_per_wh"    //nolint:gosec // a metric of tokens, no credential
	MetricPower            MetricName = "power_w"
	MetricCostPerCall      MetricName = "cost_per_call"
	MetricCostPer100       MetricName = "cost_per_100_calls"
	MetricCarbonPerCall    MetricName = "co2e_g_per_call"
	MetricCarbonPer100     MetricName = "co2e_g_per_100_calls"
	MetricHostCPU          MetricName = "host_cpu_percent"
	MetricHostMemory       MetricName = "host_memory_bytes"
	MetricRuntimeMemory    MetricName = "runtime_memory_peak_bytes"
)

// Stat names what is taken of the values of a figure.
type Stat string

// The stats of a figure. Percentiles are over calls. Those of a rate of which
// more is better run from the best call down: p95 is what 95 % of calls reach.
const (
	StatMean Stat = "mean"
	StatP50  Stat = "p50"
	StatP95  Stat = "p95"
	StatP99  Stat = "p99"
)

// FigureKey names a stat of a metric.
type FigureKey struct {
	Metric MetricName
	Stat   Stat
}

// FigureInterval is a figure of a cell with the 95 % interval that a target is
// judged by. It holds what the measurement itself may be off, where that is
// known, beside the spread of what was measured.
type FigureInterval struct {
	Metric MetricName `json:"metric"`
	Stat   Stat       `json:"stat"`
	Unit   string     `json:"unit"`
	// Value is nil where the cell has no such figure; Missing says why.
	Value *float64 `json:"value"`
	// Low and High are the bounds. One of them may be nil alone: too few calls
	// bound a high percentile on one side only; Open says so.
	Low  *float64 `json:"ci95_low"`
	High *float64 `json:"ci95_high"`
	Over string   `json:"interval_over,omitempty"` // how the interval was made, in words
	Open string   `json:"open,omitempty"`
	// Missing says why there is no value or no interval at all.
	Missing string `json:"missing,omitempty"`
	Runs    int    `json:"runs"` // runs that the interval was made of
	N       int    `json:"n"`    // calls that it was made of
	// Independent is the number of independent calls that N calls on repeated
	// journals are worth; 0 where it was not needed.
	Independent float64 `json:"independent,omitempty"`
	// Freedom are the degrees of freedom of the interval, by which a failure is
	// tested where many figures are judged; 0 takes those of the normal one.
	Freedom float64 `json:"freedom,omitempty"`
	// MeasurementU95 is the half-width, at 95 %, of what the meters may be off,
	// in Unit; it is part of the bounds. 0 where no meter is involved.
	MeasurementU95 float64 `json:"measurement_u95,omitempty"`
	Estimated      bool    `json:"estimated,omitempty"`
	Simulated      bool    `json:"simulated,omitempty"`
}

// Verdict is what became of a target.
type Verdict string

// The verdicts. A target that is not decided needs more measuring, or a figure
// that the cell does not have.
const (
	VerdictPass      Verdict = "pass"
	VerdictFail      Verdict = "fail"
	VerdictUndecided Verdict = "not decided"
)

// Judgement is one target held against one cell.
type Judgement struct {
	Target string `json:"target"` // the rule as written
	Cell   CellID `json:"cell"`
	Coordinates
	Verdict Verdict `json:"verdict"`
	// Reason says in words why nothing was decided; empty where it was.
	Reason string `json:"reason,omitempty"`
	// Note says what the figure does not hold, such as failed calls.
	Note string `json:"note,omitempty"`
	// Limit is in the unit of Figure.
	Op     string         `json:"op"`
	Limit  float64        `json:"limit"`
	Figure FigureInterval `json:"figure"`
}

// TargetSummary is one target over all the cells that it is about.
type TargetSummary struct {
	Target    string  `json:"target"`
	Verdict   Verdict `json:"verdict"`
	Passed    int     `json:"passed"`
	Failed    int     `json:"failed"`
	Undecided int     `json:"not_decided"`
	// Reason says why a target that is about no cell is not decided.
	Reason string `json:"reason,omitempty"`
}

// TargetResults is how a sweep stands to its targets: it fails if one fails for
// one cell, passes if all pass for all cells, and is not decided otherwise.
type TargetResults struct {
	Verdict    Verdict         `json:"verdict"`
	Targets    []TargetSummary `json:"targets"`
	Judgements []Judgement     `json:"judgements"`
}
