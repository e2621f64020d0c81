package drift

import (
	"math"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Cell is one side's measurement of a reference cell.
type Cell struct {
	ID bench.CellID
	At bench.Coordinates
	// State is how the cell ended; one that is not done is not compared, and
	// Reason says why it is not.
	State      bench.State
	Reason     string
	Calls      []Call
	Energy     Energy
	Conditions Conditions
	// Settings are what of the cell's configuration decides what is measured,
	// by key; a long value stands as its hash. Only cells of the same settings
	// are compared.
	Settings map[string]string
}

// Call is one committed call. A figure that the call does not have is nil.
type Call struct {
	Run     int
	Journal string // id within the dataset
	OK      bool   // it was answered
	// LatencyS and TTFTS are the latency and the time to first token of an
	// answered call, in s.
	LatencyS, TTFTS *float64
	OutputTokens    *float64 // of an answered call, as the runtime counts them
	EnergyJ         *float64 // its share of the energy of its inference window, in J
	Weighted        *float64 // weighted score, 0 to 1
	Exact           *float64 // 1 when the first code is one of the true codes, else 0
}

// Energy says what told the energy of the calls. Only like is compared with
// like.
type Energy struct {
	Part      bench.Part
	Channel   string
	Estimated bool
	Simulated bool
	Missing   string // why there is none
}

// String names the source.
func (e Energy) String() string {
	text := e.Channel
	if e.Estimated {
		text += " (estimated)"
	}
	if e.Simulated {
		text += " (simulated)"
	}
	return text
}

// Conditions are what a cell was measured under, beside its configuration.
type Conditions struct {
	OS          string   `json:"os,omitempty"`
	Kernel      string   `json:"kernel,omitempty"`
	CPU         string   `json:"cpu,omitempty"`
	Driver      string   `json:"driver,omitempty"`
	Runtime     string   `json:"runtime,omitempty"` // name and version
	RuntimeEnv  []string `json:"runtime_env,omitempty"`
	WorkerBuild string   `json:"worker_build,omitempty"`
	ModelDigest string   `json:"model_digest,omitempty"`
	PromptHash  string   `json:"prompt_template_sha256,omitempty"`
	DatasetHash string   `json:"dataset_sha256,omitempty"`
	// Rung is the one that the calls were measured on, with its name, and
	// LayersGPU how many layers the runtime put on GPUs.
	Rung      string `json:"rung,omitempty"`
	LayersGPU *int   `json:"layers_gpu,omitempty"`
	GPUs      []GPU  `json:"gpus,omitempty"`
	// StartC is the mean of each temperature channel over the baseline phase,
	// in °C, by channel.
	StartC map[string]float64 `json:"start_c,omitempty"`
	// Simulated says that a temperature comes from a made-up source.
	Simulated bool `json:"simulated,omitempty"`
}

// GPU is what of a GPU may change between two sessions.
type GPU struct {
	UUID        string  `json:"uuid"`
	Name        string  `json:"name"`
	Driver      string  `json:"driver"`
	VBIOS       string  `json:"vbios,omitempty"`
	PowerLimitW float64 `json:"power_limit_w,omitempty"`
	ECC         string  `json:"ecc,omitempty"`
	MIG         string  `json:"mig,omitempty"`
}

// Metric names a figure that is compared.
type Metric string

// The metrics, as reports name them.
const (
	Latency     Metric = "latency_s"
	TTFT        Metric = "ttft_s"
	TokensPerS  Metric = "tokens_per_s" //nolint:gosec // a metric of tokens, no credential
	EnergyPer   Metric = "energy_j_per_call"
	TokensPerWh Metric = "tokens_per_wh" //nolint:gosec // a metric of tokens, no credential
	Weighted    Metric = "weighted_score"
	ExactMatch  Metric = "exact_match"
	OKShare     Metric = "ok_share"
)

// metric says how a metric is read off a call and compared.
type metric struct {
	name  Metric
	unit  string
	ratio bool // compared as a ratio, by logarithms; else as a difference
	watts bool // rests on the energy
	of    func(Call) *float64
}

const joulesPerWh = 3600

func metrics() []metric {
	return []metric{
		{Latency, "s", true, false, func(c Call) *float64 { return c.LatencyS }},
		{TTFT, "s", true, false, func(c Call) *float64 { return c.TTFTS }},
		{TokensPerS, "1/s", true, false, func(c Call) *float64 { return quotient(c.OutputTokens, c.LatencyS, 1) }},
		{EnergyPer, "J", true, true, func(c Call) *float64 { return c.EnergyJ }},
		{TokensPerWh, "1/Wh", true, true, func(c Call) *float64 { return quotient(c.OutputTokens, c.EnergyJ, joulesPerWh) }},
		{Weighted, "1", false, false, func(c Call) *float64 { return c.Weighted }},
		{ExactMatch, "1", false, false, func(c Call) *float64 { return c.Exact }},
		{OKShare, "1", false, false, func(c Call) *float64 {
			share := 0.0
			if c.OK {
				share = 1
			}
			return &share
		}},
	}
}

func quotient(a, b *float64, factor float64) *float64 {
	if a == nil || b == nil || *b <= 0 {
		return nil
	}
	q := *a / *b * factor
	return &q
}

// values reads a metric off a cell's calls, on the scale of comparison. What has
// no logarithm is left out: nothing lasts 0 s, and 0 J or 0 tokens have no
// ratio.
func (m metric) values(c Cell) []value {
	var out []value
	for _, call := range c.Calls {
		v := m.of(call)
		if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) || (m.ratio && *v <= 0) {
			continue
		}
		y := *v
		if m.ratio {
			y = math.Log(y)
		}
		out = append(out, value{call.Run, call.Journal, y})
	}
	return out
}
