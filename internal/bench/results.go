package bench

import "time"

// Results is what a sweep found: the content of results.json. A figure that
// does not exist is nil, with the reason in the field of the same name with
// _missing.
type Results struct {
	Sweep      SweepInfo    `json:"sweep"`
	Provenance Provenance   `json:"provenance"`
	Cells      []CellResult `json:"cells"`
	// Targets is how the sweep stands to its targets; absent without any.
	Targets *TargetResults `json:"targets,omitempty"`
	// Control is what people asked of the sweep while it ran, in order.
	Control []ControlEvent `json:"control,omitempty"`
	// Turns is the order in which the cells were measured, host by host.
	Turns []Turn `json:"turns,omitempty"`
}

// SweepInfo names a sweep and where it stands.
type SweepInfo struct {
	ID         SweepID    `json:"id"`
	Name       string     `json:"name"`
	State      State      `json:"state"`
	SpecHash   string     `json:"spec_hash"`
	CreatedAt  time.Time  `json:"created_at"`
	FinishedAt *time.Time `json:"finished_at"`
	Cells      int        `json:"cells"`
	CellsDone  int        `json:"cells_done"`
	Seed       int64      `json:"seed"`
	Owner      string     `json:"owner,omitempty"`
	// Order is how the cells were put in order: planned, shuffled, blocked or
	// alternated, by Seed.
	Order    string `json:"order,omitempty"`
	Priority int    `json:"priority,omitempty"` // 1 first to 5 last, among sweeps on a host
	Pause    *Pause `json:"pause,omitempty"`    // nil while it goes on
	// Superseded counts the published results that were measured anew; they are
	// kept and no longer count.
	Superseded int `json:"superseded_results,omitempty"`
}

// Provenance is what a reviewer needs to trust or repeat the figures.
type Provenance struct {
	Wattsweep   string        `json:"wattsweep"` // version and commit
	GeneratedAt time.Time     `json:"generated_at"`
	Hosts       []HostFacts   `json:"hosts"`
	Datasets    []DatasetInfo `json:"datasets"`
	Method      []string      `json:"method"`    // sentences on how figures were made
	Estimated   bool          `json:"estimated"` // some figure rests on a stated assumption
	Simulated   bool          `json:"simulated"` // some figure comes from a made-up source
}

// DatasetInfo pins a dataset.
type DatasetInfo struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Hash       string `json:"sha256"`
	CodeSystem string `json:"code_system"`
	Licence    string `json:"licence"`
	Journals   int    `json:"journals"`
}

// Summary is a distribution. Interval bounds are 95 %; IntervalOver says over
// what they were taken (runs, or calls of one run).
type Summary struct {
	Mean         float64  `json:"mean"`
	SD           *float64 `json:"sd"` // nil below two values
	CI95Low      *float64 `json:"ci95_low"`
	CI95High     *float64 `json:"ci95_high"`
	P50          float64  `json:"p50"`
	P95          float64  `json:"p95"`
	P99          float64  `json:"p99"`
	N            int      `json:"n"`
	IntervalOver string   `json:"interval_over"`
	CIMissing    string   `json:"ci95_missing,omitempty"`
	SDMissing    string   `json:"sd_missing,omitempty"`
}

// Estimate is a mean with its 95 % interval.
type Estimate struct {
	Mean         float64  `json:"mean"`
	CI95Low      *float64 `json:"ci95_low"`
	CI95High     *float64 `json:"ci95_high"`
	N            int      `json:"n"`
	IntervalOver string   `json:"interval_over"`
	CIMissing    string   `json:"ci95_missing,omitempty"`
}

// EnergyFigure is joules per call with how they were made.
type EnergyFigure struct {
	Mean           float64      `json:"mean"`
	CI95Low        *float64     `json:"ci95_low"`
	CI95High       *float64     `json:"ci95_high"`
	CIMissing      string       `json:"ci95_missing,omitempty"`
	NetMean        *float64     `json:"net_mean"` // less baseline power × duration; nil without a baseline
	NetMeanMissing string       `json:"net_mean_missing,omitempty"`
	Method         EnergyMethod `json:"method"`
	Channel        string       `json:"channel"`
	Coverage       float64      `json:"coverage"`
	Estimated      bool         `json:"estimated"`
	Simulated      bool         `json:"simulated"`
	Basis          string       `json:"basis"` // in words: what was read, and which calls were left out

	Part Part `json:"part"` // what the energy covers: wall, gpu, cpu; empty for an estimate
	// Uncertainty of Mean and of NetMean, in J per call: sensor, edges,
	// baseline and, over two or more runs, repeats. Nil with the reason.
	Uncertainty        *Uncertainty  `json:"uncertainty,omitempty"`
	NetUncertainty     *Uncertainty  `json:"net_uncertainty,omitempty"`
	UncertaintyMissing string        `json:"uncertainty_missing,omitempty"`
	Disagreement       *Disagreement `json:"disagreement,omitempty"` // over all windows, J in all
	Flags              []string      `json:"flags,omitempty"`
	// AboveIdleMean is the energy per call less that of the loaded but idle
	// host over the same time.
	AboveIdleMean        *float64 `json:"above_idle_mean"`
	AboveIdleMeanMissing string   `json:"above_idle_mean_missing,omitempty"`
	// BaselinePowerW and IdlePowerW are the mean power with nothing loaded, and
	// loaded but not asked.
	BaselinePowerW *float64 `json:"baseline_power_w"`
	IdlePowerW     *float64 `json:"idle_power_w"`
}

// PhaseEnergy is one line of the energy account of a cell: a phase as one part
// of the host saw it, over all its windows.
type PhaseEnergy struct {
	Phase       Phase         `json:"phase"`
	Part        Part          `json:"part"`
	Channel     string        `json:"channel"` // the channels added up
	Windows     int           `json:"windows"`
	Window      time.Duration `json:"window_ns"` // their length together
	EnergyJ     *float64      `json:"energy_j"`
	NetJ        *float64      `json:"net_j"` // less baseline power × window
	MeanPowerW  *float64      `json:"mean_power_w"`
	Method      EnergyMethod  `json:"method,omitempty"`
	Coverage    float64       `json:"coverage"`
	Uncertainty *Uncertainty  `json:"uncertainty,omitempty"` // of EnergyJ
	Estimated   bool          `json:"estimated,omitempty"`
	Simulated   bool          `json:"simulated,omitempty"`
	Flags       []string      `json:"flags,omitempty"`
	Missing     string        `json:"missing,omitempty"`
}

// Reconciliation is the line wall = GPU + CPU + rest over the inference windows
// in which all three were told.
type Reconciliation struct {
	Window  time.Duration `json:"window_ns"`
	WallJ   float64       `json:"wall_j"`
	GPUJ    *float64      `json:"gpu_j"` // nil where no GPU was read
	CPUJ    *float64      `json:"cpu_j"` // nil where no package was read
	RestJ   float64       `json:"rest_j"`
	RestU95 *float64      `json:"rest_u95_j"` // nil where a part's uncertainty is not known
	// RestShare is rest over wall. Supplies, fans, drives and what has no meter
	// are in it; below 0 within its uncertainty it is an error of a meter.
	RestShare float64 `json:"rest_share"`
	Verdict   string  `json:"verdict"` // in words
	Channels  string  `json:"channels"`
	Estimated bool    `json:"estimated,omitempty"`
	Simulated bool    `json:"simulated,omitempty"`
}

// Metric is a figure under the name that another work gave it, so that results
// compare.
type Metric struct {
	Name    string   `json:"name"`
	Value   *float64 `json:"value"`
	Text    string   `json:"text,omitempty"` // of a metric that is a name, such as a model's
	Unit    string   `json:"unit"`
	U95     *float64 `json:"u95,omitempty"`
	Basis   string   `json:"basis"`             // how it was made, in words
	Missing string   `json:"missing,omitempty"` // why Value is nil
	// Estimated and Simulated mark what rests on such a channel.
	Estimated bool `json:"estimated,omitempty"`
	Simulated bool `json:"simulated,omitempty"`
}

// Trend is how a quantity moved inside the runs of a cell.
type Trend struct {
	Quantity string `json:"quantity"` // latency, power, temperature, with the channel
	Unit     string `json:"unit"`
	Run      int    `json:"run"`
	// Slope is Theil and Sen's, in Unit per hour, with its 95 % bounds.
	Slope     *float64 `json:"slope_per_h"`
	SlopeLow  *float64 `json:"slope_low_per_h"`
	SlopeHigh *float64 `json:"slope_high_per_h"`
	Change    *float64 `json:"change"`  // relative, over the run by the slope
	PValue    *float64 `json:"p_value"` // Mann and Kendall
	N         int      `json:"n"`
	Verdict   string   `json:"verdict"` // steady, drifting, undecided, too few values
	Missing   string   `json:"missing,omitempty"`
}

// Curve is the course of a cell over time, thinned for drawing.
type Curve struct {
	Channel   string  `json:"channel"`
	Unit      Unit    `json:"unit"`
	Part      Part    `json:"part"`
	Estimated bool    `json:"estimated,omitempty"`
	Simulated bool    `json:"simulated,omitempty"`
	Points    []Point `json:"points"`
}

// Point is one step of a curve: time-weighted mean and extremes over it, and,
// of power, the energy since the beginning. Nil where nothing was measured.
type Point struct {
	At          time.Time `json:"at"` // middle of the step
	Mean        *float64  `json:"mean"`
	Min         *float64  `json:"min"`
	Max         *float64  `json:"max"`
	CumulativeJ *float64  `json:"cumulative_j,omitempty"`
	Phase       Phase     `json:"phase,omitempty"`
}

// SamplingQuality is how sampling one meter went, over a window or a cell. Over
// a cell, LateP50 is the windows' weighted by their samples, LateP99 that of the
// worst window.
type SamplingQuality struct {
	Meter    string        `json:"meter"`
	Interval time.Duration `json:"interval_ns"`
	Samples  int64         `json:"samples"` // ticks taken
	Missed   int64         `json:"missed"`
	Dropped  int64         `json:"dropped"` // lost because memory was full
	LateP50  time.Duration `json:"late_p50_ns"`
	LateP99  time.Duration `json:"late_p99_ns"`
	LateMax  time.Duration `json:"late_max_ns"`
	// StoredBytes is what the trace takes in the database.
	StoredBytes int64 `json:"stored_bytes"`
}

// CostFigure is money with its assumptions in words.
type CostFigure struct {
	Amount    float64 `json:"amount"`
	Currency  string  `json:"currency"`
	Basis     string  `json:"basis"`
	Estimated bool    `json:"estimated"`
}

// TokenCounts are means per call.
type TokenCounts struct {
	Prompt float64 `json:"prompt"`
	Output float64 `json:"output"`
}

// F1Figures are precision, recall and F1 at one level of the code.
type F1Figures struct {
	MicroPrecision float64 `json:"micro_precision"`
	MicroRecall    float64 `json:"micro_recall"`
	MicroF1        float64 `json:"micro_f1"`
	MacroF1        float64 `json:"macro_f1"` // mean over journals
}

// CellResult is one row of the results.
type CellResult struct {
	Cell  CellID `json:"cell"`
	State State  `json:"state"`
	// Reason says why a cell is unfit or failed.
	Reason string `json:"reason,omitempty"`
	Coordinates
	Runs        int            `json:"runs"`
	Calls       int            `json:"calls"`
	FailedCalls int            `json:"failed_calls"`
	Outcomes    map[string]int `json:"outcomes"`
	Segments    int            `json:"segments"`
	Remeasured  int            `json:"remeasured_calls"`

	Latency                *Summary     `json:"latency_s"`
	LatencyMissing         string       `json:"latency_s_missing,omitempty"`
	TTFT                   *Summary     `json:"ttft_s"`
	TTFTMissing            string       `json:"ttft_s_missing,omitempty"`
	InterToken             *Summary     `json:"inter_token_s"`
	InterTokenMissing      string       `json:"inter_token_s_missing,omitempty"`
	Tokens                 *TokenCounts `json:"tokens"`
	TokensMissing          string       `json:"tokens_missing,omitempty"`
	TokensPerSecond        *Estimate    `json:"tokens_per_s"`
	TokensPerSecondMissing string       `json:"tokens_per_s_missing,omitempty"`

	WeightedScore        *Estimate  `json:"weighted_score"`
	WeightedScoreMissing string     `json:"weighted_score_missing,omitempty"`
	ExactMatch           *Estimate  `json:"exact_match"` // first code is one of the true codes
	ExactMatchMissing    string     `json:"exact_match_missing,omitempty"`
	ExactAt5             *Estimate  `json:"exact_match_at_5"`
	ExactAt5Missing      string     `json:"exact_match_at_5_missing,omitempty"`
	FullCode             *F1Figures `json:"full_code"`
	Category             *F1Figures `json:"category"`
	Chapter              *F1Figures `json:"chapter"`
	F1Missing            string     `json:"f1_missing,omitempty"`
	NoCodeShare          *float64   `json:"no_code_share"`
	UnknownShare         *float64   `json:"unknown_code_share"`
	CodeList             string     `json:"code_list"`
	// SharesMissing says why the two shares are nil.
	SharesMissing string `json:"shares_missing,omitempty"`

	Energy                  *EnergyFigure `json:"energy_j_per_call"`
	EnergyMissing           string        `json:"energy_j_per_call_missing,omitempty"`
	TokensPerJoule          *float64      `json:"tokens_per_joule"`
	TokensPerJouleMissing   string        `json:"tokens_per_joule_missing,omitempty"`
	EnergyPerCorrect        *float64      `json:"energy_j_per_correct"` // exact match at 1
	EnergyPerCorrectMissing string        `json:"energy_j_per_correct_missing,omitempty"`
	// Energies has a figure for every part of the host that was measured; the
	// one in Energy is among them.
	Energies              []EnergyFigure    `json:"energies"`
	EnergyOfCalls         *Summary          `json:"energy_j_of_calls"` // over calls, each its attributed share
	EnergyOfCallsMissing  string            `json:"energy_j_of_calls_missing,omitempty"`
	TokensPerWh           *Summary          `json:"tokens_per_wh"` // over calls, by their attributed energy
	TokensPerWhMissing    string            `json:"tokens_per_wh_missing,omitempty"`
	EnergyPerWord         *float64          `json:"energy_j_per_word"`
	EnergyPerWordMissing  string            `json:"energy_j_per_word_missing,omitempty"`
	EnergyByPhase         []PhaseEnergy     `json:"energy_by_phase"`
	Reconciliation        *Reconciliation   `json:"reconciliation"`
	ReconciliationMissing string            `json:"reconciliation_missing,omitempty"`
	WhitePaper            []Metric          `json:"white_paper"` // its Appendices D and E
	Thesis                []Metric          `json:"thesis"`
	Trends                []Trend           `json:"trends"`
	Sampling              []SamplingQuality `json:"sampling"`
	Curves                []Curve           `json:"curves"`
	CurvesMissing         string            `json:"curves_missing,omitempty"`

	Cost          *CostFigure `json:"cost_per_100_calls"`
	CostMissing   string      `json:"cost_per_100_calls_missing,omitempty"`
	CarbonG       *float64    `json:"co2e_g_per_100_calls"`
	CarbonMissing string      `json:"co2e_g_per_100_calls_missing,omitempty"`

	HostCPU           *float64 `json:"host_cpu_percent"`
	HostCPUMissing    string   `json:"host_cpu_percent_missing,omitempty"`
	HostMemory        *float64 `json:"host_memory_bytes"`
	HostMemoryMissing string   `json:"host_memory_bytes_missing,omitempty"`
	ProcMemory        *float64 `json:"runtime_memory_peak_bytes"`
	ProcMemoryMissing string   `json:"runtime_memory_peak_bytes_missing,omitempty"`

	ModelFacts        *ModelFacts    `json:"model_facts"`
	ModelFactsMissing string         `json:"model_facts_missing,omitempty"`
	Pull              *Pulled        `json:"pull"`
	PullMissing       string         `json:"pull_missing,omitempty"`
	Loaded            *Loaded        `json:"loaded"`
	LoadedMissing     string         `json:"loaded_missing,omitempty"`
	LoadAttempts      []LoadAttempt  `json:"load_attempts"`
	Phases            []PhaseReading `json:"phases"`
	// Intervals are the figures that targets are judged by; only those that a
	// target of the sweep names.
	Intervals   []FigureInterval `json:"intervals,omitempty"`
	PromptHash  string           `json:"prompt_template_sha256"`
	DatasetHash string           `json:"dataset_sha256"`
	StartedAt   *time.Time       `json:"started_at"`
	FinishedAt  *time.Time       `json:"finished_at"`
}
