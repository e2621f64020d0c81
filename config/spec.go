package config

import "time"

// Spec says what a sweep measures: the cells are hosts × runtimes × models ×
// datasets × languages. It is made by ParseSpec or LoadSpec, which check it.
type Spec struct {
	// Name of the sweep; also the name of its folder of results. Letters, digits, dots, dashes and underscores, at most 64.
	Name string `json:"name" jsonschema:"required"`
	// Hosts that measure, each by the name its worker was started with; cells on different hosts run at the same time.
	Hosts []HostSpec `json:"hosts" jsonschema:"required,minItems=1"`
	// Runtimes that serve the models, with their generation settings.
	Runtimes []RuntimeSpec `json:"runtimes" jsonschema:"required,minItems=1"`
	// Models to measure. A plain name stands for a model with the defaults.
	Models []ModelSpec `json:"models" jsonschema:"required,minItems=1"`
	// Task that is asked and scored.
	Task TaskSpec `json:"task" jsonschema:"required"`
	// Datasets that the task asks about; each dataset and language is a cell of its own.
	Datasets []DatasetSpec `json:"datasets" jsonschema:"required,minItems=1"`
	// LoadPattern says how calls follow each other.
	LoadPattern LoadPatternSpec `json:"load_pattern"`
	// Runs is how often each cell is repeated; intervals are taken over runs. 1 to 1000.
	Runs int `json:"runs" jsonschema:"minimum=1,maximum=1000"`
	// Phases sets the windows without calls.
	Phases PhaseSpec `json:"phases"`
	// Meters says what is read while measuring.
	Meters MeterSpec `json:"meters"`
	// Prices behind money and carbon. Left out, no money or carbon is reported.
	Prices *PriceSpec `json:"prices,omitempty"`
	// Order of the cells on each host: planned (as written), shuffled (by the seed, so that drift of the host does not favour what comes first), blocked (the cells of a model on a runtime together, blocks and the cells in them shuffled) or alternated (shuffled, and cells take turns of a few runs each, back and forth: A B, B A, A B …).
	Order string `json:"order" jsonschema:"enum=planned,enum=shuffled,enum=blocked,enum=alternated"`
	// RunsPerTurn is how many runs of a cell are made before it is the next one's turn; at most as many as there are runs. Only with the order alternated.
	RunsPerTurn int `json:"runs_per_turn,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// Seed of the generation and of the order.
	Seed int64 `json:"seed"`
	// Priority of the sweep among others on a host: 1 goes first, 5 last. It may be changed later and is no part of what makes the sweep another one.
	Priority int `json:"priority,omitempty" jsonschema:"minimum=1,maximum=5"`
	// Targets are rules that the results are judged by, METRIC STAT OP VALUE, such as tokens_per_wh p95 >= 250; each is met, missed or not decided. They are no part of what makes the sweep another one: a new target measures nothing again.
	Targets []string `json:"targets,omitempty"`

	source string      // as the user wrote it
	name   string      // of the source, for messages
	opts   SpecOptions // what it was read with
}

// HostSpec is a machine that measures. In YAML a plain name is enough.
type HostSpec struct {
	// Name of the host, as given to its worker. Lower-case letters, digits, dots and dashes, at most 63.
	Name string `json:"name" jsonschema:"required"`
}

// RuntimeSpec is a server of models and how it is asked.
type RuntimeSpec struct {
	// Name of the runtime, as listed in the settings of the hosts.
	Name string `json:"name" jsonschema:"required"`
	// Kind of runtime: ollama.
	Kind string `json:"kind" jsonschema:"required,enum=ollama"`
	// Temperature of sampling; 0 always takes the likeliest token. 0 to 2.
	Temperature float64 `json:"temperature" jsonschema:"minimum=0,maximum=2"`
	// TopK keeps the k likeliest tokens.
	TopK int `json:"top_k" jsonschema:"minimum=1,maximum=1000000"`
	// TopP keeps the likeliest tokens that together have this probability. Above 0, at most 1.
	TopP float64 `json:"top_p" jsonschema:"exclusiveMinimum=0,maximum=1"`
	// RepeatPenalty lowers the chance of tokens already said; 1 does nothing. Above 0, at most 2.
	RepeatPenalty float64 `json:"repeat_penalty" jsonschema:"exclusiveMinimum=0,maximum=2"`
	// MaxOutputTokens caps an answer; must be less than the context of every model.
	MaxOutputTokens int `json:"max_output_tokens" jsonschema:"minimum=1,maximum=16777216"`
	// CallTimeout ends a call that takes longer; the call counts as failed. 1s to 24h.
	CallTimeout time.Duration `json:"call_timeout"`
	// PromptCache allows the runtime to reuse the beginning of an earlier prompt. False puts a unique line before every prompt.
	PromptCache bool `json:"prompt_cache"`
	// Threads of the CPU to use; 0 lets the runtime choose.
	Threads int `json:"threads,omitempty" jsonschema:"minimum=0,maximum=4096"`
}

// ModelSpec is a model and how it is loaded. In YAML a plain name is enough.
type ModelSpec struct {
	// Name of the model as the runtime knows it, e.g. deepseek-r1:1.5B.
	Name string `json:"name" jsonschema:"required"`
	// GGUF is a model file to register under the name: a path relative to the spec, or builtin:FILE. Left out, the model is pulled by name.
	GGUF string `json:"gguf,omitempty" jsonschema:"minLength=1"`
	// Template of the prompt for a GGUF, in the runtime's syntax.
	Template string `json:"template,omitempty"`
	// Digest pins the model: a load of another digest is refused. Left out, what the runtime has is accepted and recorded.
	Digest string `json:"digest,omitempty"`
	// ContextTokens is the context to load with; prompt and answer must fit.
	ContextTokens int `json:"context_tokens" jsonschema:"minimum=16,maximum=16777216"`
	// Ladder of ways to load the model, tried in order until one fits.
	Ladder []RungSpec `json:"ladder" jsonschema:"minItems=1,maxItems=32"`
	// Hosts restricts the model to these hosts; left out, all of them.
	Hosts []string `json:"hosts,omitempty" jsonschema:"minItems=1"`
	// Runtimes restricts the model to these runtimes; left out, all of them.
	Runtimes []string `json:"runtimes,omitempty" jsonschema:"minItems=1"`

	ggufHash string // SHA-256 of the file behind GGUF
}

// RungSpec is one way to load a model.
type RungSpec struct {
	// Name of the rung, shown while loading.
	Name string `json:"name" jsonschema:"required"`
	// GPULayers is how many layers go to GPUs: -1 lets the runtime choose, 0 is CPU only.
	GPULayers int `json:"gpu_layers" jsonschema:"minimum=-1,maximum=10000"`
	// ContextTokens of this rung; 0 keeps the model's.
	ContextTokens int `json:"context_tokens,omitempty" jsonschema:"minimum=0,maximum=16777216"`
	// BatchTokens is how many prompt tokens are read at once; 0 keeps the runtime's.
	BatchTokens int `json:"batch_tokens,omitempty" jsonschema:"minimum=0,maximum=16777216"`
}

// TaskSpec is what is asked and scored.
type TaskSpec struct {
	// Name of the task: icd10.
	Name string `json:"name" jsonschema:"required,enum=icd10"`
	// MaxCodes is how many codes of an answer count. 1 to 20.
	MaxCodes int `json:"max_codes" jsonschema:"minimum=1,maximum=20"`
	// CodeList is the list against which codes are checked for existence; left out, they are not checked.
	CodeList string `json:"code_list,omitempty"`
}

// DatasetSpec is a set of journals and the part of it that is asked.
type DatasetSpec struct {
	// Name of the dataset: demo-journals is built in, others need format and path.
	Name string `json:"name" jsonschema:"required"`
	// Format of the files at path: wattsweep-jsonl, openchart-se, codiesp or csv; builtin for a built-in dataset.
	Format string `json:"format,omitempty" jsonschema:"enum=builtin,enum=wattsweep-jsonl,enum=openchart-se,enum=codiesp,enum=csv"`
	// Path of the file or folder, relative to the spec.
	Path string `json:"path,omitempty"`
	// CodeSystem of the gold codes, such as ICD-10-SE; needed for files that do not say it (csv, a lone .jsonl).
	CodeSystem string `json:"code_system,omitempty"`
	// Languages to ask in: sv, en, es, de. Each is a cell of its own.
	Languages []string `json:"languages" jsonschema:"required,minItems=1"`
	// Limit asks only the first so many journals; 0 asks all.
	Limit int `json:"limit,omitempty" jsonschema:"minimum=0,maximum=10000000"`

	contentHash string // SHA-256 of what lies at Path or of the built-in set
}

// LoadPatternSpec says how calls follow each other.
type LoadPatternSpec struct {
	// Kind of pattern: sequential, one call after the other.
	Kind string `json:"kind" jsonschema:"enum=sequential"`
}

// PhaseSpec sets the windows without calls.
type PhaseSpec struct {
	// Baseline is how long the host is watched with nothing loaded; the floor for all subtraction. Up to 1h.
	Baseline time.Duration `json:"baseline"`
	// Idle is how long it is watched with the model loaded but not asked. Up to 1h.
	Idle time.Duration `json:"idle"`
	// WarmUpCalls are made and thrown away before measuring. 0 to 1000.
	WarmUpCalls int `json:"warm_up_calls" jsonschema:"minimum=0,maximum=1000"`
	// CoolDown is how long the host rests with nothing loaded before a cell's first window; power and temperature are recorded. Up to 1h. Left out, it does not rest.
	CoolDown time.Duration `json:"cool_down,omitempty"`
	// ClearCaches drops the kernel's caches of files before each load, so that every load reads from disk; needs a worker with root's rights on Linux. Where they cannot be dropped, each load says why. Left out, they stay as found.
	ClearCaches bool `json:"clear_caches,omitempty"`
	// ThermalGate holds each run back until the host has cooled down. Left out, no run waits.
	ThermalGate *ThermalGateSpec `json:"thermal_gate,omitempty"`
}

// ThermalGateSpec says how cool a host must be before a run begins.
type ThermalGateSpec struct {
	// BelowC is the temperature in °C that every temperature sensor must be below. Above 0, at most 150.
	BelowC float64 `json:"below_c" jsonschema:"required,exclusiveMinimum=0,maximum=150"`
	// Timeout is how long a run waits at most; then it begins all the same, and says so. 1s to 2h.
	Timeout time.Duration `json:"timeout"`
}

// MeterSpec says what is read while measuring. A meter that a host lacks is told in its facts with the reason, and refuses nothing.
type MeterSpec struct {
	// Interval between samples. 1ms to 1m.
	Interval time.Duration `json:"interval"`
	// Host reads CPU and memory of the host and the runtime.
	Host bool `json:"host"`
	// NVML reads every NVIDIA GPU of a host: power, energy counter, memory, utilisation, clocks, temperature, processes.
	NVML bool `json:"nvml"`
	// RAPL reads the energy counters of CPU packages and memory.
	RAPL bool `json:"rapl"`
	// Hwmon reads the kernel's power monitors: AMD and Intel GPUs, Grace, Jetson.
	Hwmon bool `json:"hwmon"`
	// Wall reads the PDUs, smart plugs and BMCs that the settings of a host name.
	Wall bool `json:"wall"`
	// ForeignProcess says what becomes of a window in which a process on the GPU was not the runtime's: flag keeps its energy, marked; void gives it none.
	ForeignProcess string `json:"foreign_process" jsonschema:"enum=flag,enum=void"`
	// Estimate makes energy from CPU time and stated watts; every figure from it is marked estimated.
	Estimate *EstimateSpec `json:"estimate,omitempty"`
}

// EstimateSpec states the watts behind an energy estimate.
type EstimateSpec struct {
	// IdlePowerW is the power of the whole host doing nothing, in watt.
	IdlePowerW float64 `json:"idle_power_w" jsonschema:"required,minimum=0,maximum=1000000"`
	// PowerPerBusyCoreW is the power each busy core adds, in watt.
	PowerPerBusyCoreW float64 `json:"power_per_busy_core_w" jsonschema:"required,minimum=0,maximum=1000000"`
	// Source says where the watts come from; printed beside every figure made of them.
	Source string `json:"source" jsonschema:"required"`
	// RelAccuracy is by which share the watts may be off, e.g. 0.5; it is in the uncertainty of every figure made of them. 0 states nothing, and figures say so.
	RelAccuracy float64 `json:"rel_accuracy,omitempty" jsonschema:"minimum=0,maximum=1"`
}

// PriceSpec states the assumptions behind money and carbon.
type PriceSpec struct {
	// EnergyPerKWh is the price of a kilowatt hour in the currency.
	EnergyPerKWh float64 `json:"energy_per_kwh" jsonschema:"required,minimum=0,maximum=1000000000"`
	// Currency is three capital letters as in ISO 4217, e.g. SEK.
	Currency string `json:"currency" jsonschema:"required"`
	// PUE is energy drawn by the building per energy drawn by the host. 1 to 10.
	PUE float64 `json:"pue" jsonschema:"minimum=1,maximum=10"`
	// CarbonGPerKWh is the carbon intensity of the grid in gram CO2e per kilowatt hour; 0 reports no carbon.
	CarbonGPerKWh float64 `json:"carbon_g_per_kwh,omitempty" jsonschema:"minimum=0,maximum=100000"`
	// CarbonSource says where the carbon intensity comes from.
	CarbonSource string `json:"carbon_source,omitempty"`
}
