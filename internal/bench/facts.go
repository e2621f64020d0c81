package bench

import "time"

// HostFacts describe the machine that measured.
type HostFacts struct {
	Host          string    `json:"host"`
	OS            string    `json:"os"`
	Kernel        string    `json:"kernel"`
	CPU           string    `json:"cpu"`
	Sockets       int       `json:"sockets"`
	Cores         int       `json:"cores"`
	Threads       int       `json:"threads"`
	MemoryBytes   int64     `json:"memory_bytes"`
	GPUs          []string  `json:"gpus"`
	GPUsMissing   string    `json:"gpus_missing,omitempty"` // why no GPU could be looked for or found
	Driver        string    `json:"driver,omitempty"`
	BootID        string    `json:"boot_id"`
	WorkerBuild   string    `json:"worker_build"`
	Runtime       string    `json:"runtime"` // name and version of the cell's runtime
	RuntimeEnv    []string  `json:"runtime_env,omitempty"`
	Meters        []Channel `json:"meters"`
	MetersMissing []string  `json:"meters_missing,omitempty"`
	SeenAt        time.Time `json:"seen_at"`
	// GPUFacts describe the GPUs as NVML knows them; empty without NVML.
	GPUFacts []GPUFacts `json:"gpu_facts,omitempty"`
	// Foreign lists the processes on the GPUs that were not the runtime's when
	// the host was inspected, by id, program and memory.
	Foreign []string `json:"foreign_processes,omitempty"`
}

// GPUFacts describe one GPU as NVML tells it. A fact that the device does not
// tell is empty, with the reason in Missing under the field's JSON name.
type GPUFacts struct {
	Index        int    `json:"index"`
	UUID         string `json:"uuid"` // its identity: the same UUID is the same GPU
	Name         string `json:"name"`
	Architecture string `json:"architecture"`
	Driver       string `json:"driver"`
	NVML         string `json:"nvml"`
	CUDA         string `json:"cuda,omitempty"`
	VBIOS        string `json:"vbios,omitempty"`
	PCIBus       string `json:"pci_bus,omitempty"`
	MemoryBytes  int64  `json:"memory_bytes,omitempty"`
	// UnifiedMemory says that the GPU uses the host's memory (GB10), whose
	// size then stands in MemoryBytes.
	UnifiedMemory bool              `json:"unified_memory,omitempty"`
	MIG           string            `json:"mig,omitempty"` // off, on with the number of instances, or not supported
	ECC           string            `json:"ecc,omitempty"`
	PowerLimitW   float64           `json:"power_limit_w,omitempty"`
	Missing       map[string]string `json:"missing,omitempty"`
	// Calls lists each NVML call that was tried with what came back.
	Calls []GPUCall `json:"calls,omitempty"`
}

// GPUCall is one line of the capability record.
type GPUCall struct {
	Name   string `json:"name"`
	Result string `json:"result"` // ok, not supported, no symbol, ...
}

// ModelFacts describe a model as the runtime reports it.
type ModelFacts struct {
	Name          string `json:"name"`
	Digest        string `json:"digest"`
	Family        string `json:"family"`
	Parameters    int64  `json:"parameters"` // number of weights, 0 unknown
	Quantisation  string `json:"quantisation"`
	Layers        int    `json:"layers"` // blocks, without the output layer
	ContextTokens int    `json:"context_tokens"`
	SizeBytes     int64  `json:"size_bytes"` // on disk
}

// Pulled says how a model reached the runtime.
type Pulled struct {
	Facts    ModelFacts    `json:"facts"`
	Bytes    int64         `json:"bytes"`   // transferred now; 0 when it was there already
	Elapsed  time.Duration `json:"took_ns"` // the white paper's pulling time
	Source   string        `json:"source"`  // registry, gguf, present
	Template string        `json:"template,omitempty"`
}

// LoadAttempt is one try of one rung of the ladder.
type LoadAttempt struct {
	Cell      CellID        `json:"cell"`
	Rung      int           `json:"rung"` // 1-based
	No        int           `json:"no"`   // try of this rung, 1-based over the life of the cell
	Name      string        `json:"name"`
	Settings  Rung          `json:"settings"`
	Outcome   string        `json:"outcome"` // loaded, out_of_memory, rejected, failed
	Reason    string        `json:"reason,omitempty"`
	StartedAt time.Time     `json:"started_at"`
	Elapsed   time.Duration `json:"took_ns"`
	Loaded    *Loaded       `json:"loaded,omitempty"`
	// Degraded says why warm-up doubted this load; empty when it did not.
	Degraded string `json:"degraded,omitempty"`
	// Caches says in what state the kernel's caches of files were before the
	// load: cleared, as found, or why they could not be cleared.
	Caches string `json:"caches,omitempty"`
}

// Loaded describes a model in memory.
type Loaded struct {
	Token         string `json:"token"` // changes with every load, boot and runtime restart
	SizeBytes     int64  `json:"size_bytes"`
	SizeVRAMBytes int64  `json:"size_vram_bytes"`
	ContextTokens int    `json:"context_tokens"`
	LayersTotal   int    `json:"layers_total"` // with the output layer
	LayersGPU     int    `json:"layers_gpu"`
	LayersSource  string `json:"layers_source"` // log, or estimated from the share of memory
	// ServerLoad is the load time by the server's own clock.
	ServerLoad time.Duration `json:"server_load_ns"`
}

// FitsOnGPU is the white paper's rule: all layers on the GPU.
func (l Loaded) FitsOnGPU() bool { return l.LayersTotal > 0 && l.LayersGPU == l.LayersTotal }
