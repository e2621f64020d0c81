package bench

import "time"

// CellConfig is everything that decides how a cell is measured. It is stored
// with the cell and hashed into its id, so a changed setting is another cell.
type CellConfig struct {
	Model   ModelConfig   `json:"model"`
	Runtime RuntimeConfig `json:"runtime"`
	Dataset DatasetConfig `json:"dataset"`
	Task    TaskConfig    `json:"task"`
	Runs    int           `json:"runs"`
	Phases  PhaseConfig   `json:"phases"`
	Meters  MeterConfig   `json:"meters"`
	Prices  PriceConfig   `json:"prices"`
	Seed    int64         `json:"seed"`
	// RunsPerTurn is how many runs are made before the host goes on to the next
	// cell, so that cells alternate; 0 makes all runs in one turn.
	RunsPerTurn int `json:"runs_per_turn,omitempty"`
}

// ModelConfig names a model and how to get it.
type ModelConfig struct {
	Name string `json:"name"` // as the runtime knows it, e.g. deepseek-r1:1.5B
	// GGUF is a model file that the runtime registers instead of pulling; its
	// path is relative to the spec or "builtin:<file>" for the demo's models.
	GGUF     string `json:"gguf,omitempty"`
	GGUFHash string `json:"gguf_sha256,omitempty"`
	Template string `json:"template,omitempty"` // prompt template for a GGUF, the runtime's syntax
	Digest   string `json:"digest,omitempty"`   // pins the model; empty accepts what the runtime has
	// ContextTokens is the context to load with; the prompt and answer must fit.
	ContextTokens int    `json:"context_tokens"`
	Ladder        []Rung `json:"ladder"`
}

// Rung is one strategy of a load ladder, tried in order.
type Rung struct {
	Name string `json:"name"`
	// GPULayers is how many layers to place on GPUs: -1 lets the runtime
	// choose, 0 is CPU only.
	GPULayers     int `json:"gpu_layers"`
	ContextTokens int `json:"context_tokens,omitempty"` // 0 keeps the model's
	BatchTokens   int `json:"batch_tokens,omitempty"`   // 0 keeps the runtime's
}

// RuntimeConfig names a runtime and its generation settings.
type RuntimeConfig struct {
	Name            string        `json:"name"`
	Kind            string        `json:"kind"` // ollama
	Temperature     float64       `json:"temperature"`
	TopK            int           `json:"top_k"`
	TopP            float64       `json:"top_p"`
	RepeatPenalty   float64       `json:"repeat_penalty"`
	MaxOutputTokens int           `json:"max_output_tokens"`
	Threads         int           `json:"threads,omitempty"` // 0 lets the runtime choose
	CallTimeout     time.Duration `json:"call_timeout_ns"`
	// PromptCache allows the runtime to reuse a cached prefix. False puts a
	// unique nonce line before every prompt.
	PromptCache bool `json:"prompt_cache"`
}

// DatasetConfig names a dataset and the part of it that is asked.
type DatasetConfig struct {
	Name   string `json:"name"`             // demo-journals, or a name of the user's own
	Format string `json:"format,omitempty"` // builtin, wattsweep-jsonl, openchart-se, codiesp, csv
	Path   string `json:"path,omitempty"`
	// CodeSystem of the gold codes where the files do not say it.
	CodeSystem string `json:"code_system,omitempty"`
	Language   string `json:"language"`
	// Hash is the SHA-256 of the dataset's content, set when the dataset is
	// read into the store.
	Hash  string `json:"sha256,omitempty"`
	Limit int    `json:"limit,omitempty"` // 0 asks all
}

// TaskConfig names a task and its rules.
type TaskConfig struct {
	Name     string `json:"name"` // icd10
	MaxCodes int    `json:"max_codes"`
	CodeList string `json:"code_list"` // name of the list against which codes are checked
}

// PhaseConfig sets how long windows without calls last.
type PhaseConfig struct {
	Baseline    time.Duration `json:"baseline_ns"`
	Idle        time.Duration `json:"idle_ns"`
	WarmUpCalls int           `json:"warm_up_calls"`
	// CoolDown is how long the host rests with nothing loaded before the cell's
	// first window; 0 does not wait.
	CoolDown time.Duration `json:"cool_down_ns,omitempty"`
	// ClearCaches drops the kernel's caches of files before the model is
	// loaded, so that each load reads from disk.
	ClearCaches bool `json:"clear_caches,omitempty"`
	// ThermalGate is waited for before each run; nil waits for nothing.
	ThermalGate *ThermalGate `json:"thermal_gate,omitempty"`
}

// MeterConfig says which meters to read and how. What a host lacks is told in
// its facts, with the reason.
type MeterConfig struct {
	Interval time.Duration   `json:"interval_ns"`
	Host     bool            `json:"host"`
	NVML     bool            `json:"nvml"`  // every NVIDIA GPU of the host
	RAPL     bool            `json:"rapl"`  // CPU packages and memory
	Hwmon    bool            `json:"hwmon"` // the kernel's power monitors: AMD and Intel GPUs, Grace, Jetson
	Wall     bool            `json:"wall"`  // the PDUs, plugs and BMCs in the host's settings
	Estimate *EstimateConfig `json:"estimate,omitempty"`
	// Foreign says what a process on the GPU that is not the runtime's does to
	// the windows it was seen in.
	Foreign ForeignPolicy `json:"foreign_process,omitempty"`
}

// ForeignPolicy is what becomes of a window in which a foreign process was on
// the GPU.
type ForeignPolicy string

// The policies.
const (
	ForeignFlag ForeignPolicy = "flag" // the figure stands, marked
	ForeignVoid ForeignPolicy = "void" // the window has no energy
)

// ThermalGate holds a run back until the host has cooled down.
type ThermalGate struct {
	BelowC  float64       `json:"below_c"` // every temperature channel, °C
	Timeout time.Duration `json:"timeout_ns"`
}

// EstimateConfig states the watts behind an energy estimate.
type EstimateConfig struct {
	IdlePowerW        float64 `json:"idle_power_w"`          // the whole host, doing nothing
	PowerPerBusyCoreW float64 `json:"power_per_busy_core_w"` // added per core-second of CPU time
	Source            string  `json:"source"`                // where the watts come from
	// RelAccuracy is the stated limit of the error of the watts, as a share; 0
	// is not stated.
	RelAccuracy float64 `json:"rel_accuracy,omitempty"`
}

// PriceConfig states the assumptions behind money and carbon.
type PriceConfig struct {
	EnergyPerKWh    float64 `json:"energy_per_kwh"`
	Currency        string  `json:"currency"`
	PUE             float64 `json:"pue"`
	CarbonGPerKWh   float64 `json:"carbon_g_per_kwh,omitempty"`
	CarbonGPerKWhBy string  `json:"carbon_source,omitempty"`
}

// Cell is one point of a sweep's matrix with all that decides its measurement.
type Cell struct {
	ID     CellID      `json:"id"`
	Sweep  SweepID     `json:"sweep"`
	Seq    int         `json:"seq"` // planned place in the sweep, 1-based
	At     Coordinates `json:"at"`
	Config CellConfig  `json:"config"`
}

// Plan is a sweep resolved into cells, ready to be stored.
type Plan struct {
	Sweep    SweepID `json:"sweep"`
	Name     string  `json:"name"`
	SpecYAML string  `json:"spec_yaml"` // as the user wrote it
	Seed     int64   `json:"seed"`
	Cells    []Cell  `json:"cells"`
	// Order says how the cells were put in order: planned, shuffled, blocked or
	// alternated.
	Order string `json:"order"`
	// Targets are the rules that the results are judged by, as written. They
	// are no part of the sweep's id: a new target measures nothing again.
	Targets []string `json:"targets,omitempty"`
	// Priority is that of the sweep among others on a host, 1 first to 5 last.
	Priority int `json:"priority"`
}
