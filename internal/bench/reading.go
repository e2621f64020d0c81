package bench

import "time"

// Unit names what a channel's values are in.
type Unit string

// The units a channel may have.
const (
	UnitWatt    Unit = "W"
	UnitJoule   Unit = "J"
	UnitPercent Unit = "%"
	UnitByte    Unit = "B"
	UnitCelsius Unit = "degC"
	UnitHertz   Unit = "Hz"
	UnitCount   Unit = "1"
	UnitAmpere  Unit = "A"
	UnitVolt    Unit = "V"
)

// Scope says what a channel's value covers.
type Scope string

// The scopes of a channel.
const (
	ScopeGPU     Scope = "gpu"
	ScopeModule  Scope = "module" // CPU and GPU together, as on Grace Hopper
	ScopeBoard   Scope = "board"
	ScopePackage Scope = "package" // a CPU socket
	ScopeDRAM    Scope = "dram"
	ScopeOutlet  Scope = "outlet"
	ScopeInlet   Scope = "inlet"
	ScopeHost    Scope = "host"    // the operating system's view of the machine
	ScopeProcess Scope = "process" // the runtime's processes
)

// Sensor says how a channel's value is made.
type Sensor string

// The sensor semantics of a channel.
const (
	SensorInstant  Sensor = "instant"
	SensorAveraged Sensor = "averaged" // over Channel.Window
	SensorCounter  Sensor = "counter"  // only rises, but for wrap and reset
	SensorEstimate Sensor = "estimated"
)

// Channel describes one series of a meter, such as gpu0.power.
type Channel struct {
	Name         string        `json:"name"`
	Unit         Unit          `json:"unit"`
	Scope        Scope         `json:"scope"`
	Sensor       Sensor        `json:"sensor"`
	Counter      bool          `json:"counter"`       // values accumulate
	Window       time.Duration `json:"window_ns"`     // averaging window, 0 when instant or unknown
	UpdatePeriod time.Duration `json:"period_ns"`     // how often the source renews its value; 0 when unknown
	Resolution   float64       `json:"resolution"`    // smallest step, in Unit
	Floor        float64       `json:"floor"`         // below this the source says nothing, in Unit
	WrapAt       float64       `json:"wrap_at"`       // counter range, 0 when it does not wrap
	Identity     string        `json:"identity"`      // serial, UUID or address of the source
	Estimated    bool          `json:"estimated"`     // derived from a stated assumption, not measured
	Simulated    bool          `json:"simulated"`     // from a made-up source, for tests
	Method       string        `json:"method"`        // how the value is made, in words for a report
	RelAccuracy  float64       `json:"rel_accuracy"`  // stated relative accuracy of the source (1 sigma ≈ half of it), 0 unknown
	AccuracyNote string        `json:"accuracy_note"` // where RelAccuracy comes from
}

// ReadingState says whether a reading holds a value. Zero is never a stand-in.
type ReadingState uint8

// The states of a reading.
const (
	ReadingOK ReadingState = iota
	ReadingMissing
	ReadingStale
	ReadingReset
	ReadingWrapped
	ReadingOutOfRange
)

// String names the state as stores and exports write it.
func (s ReadingState) String() string {
	switch s {
	case ReadingOK:
		return "ok"
	case ReadingMissing:
		return "missing"
	case ReadingStale:
		return "stale"
	case ReadingReset:
		return "reset"
	case ReadingWrapped:
		return "wrapped"
	case ReadingOutOfRange:
		return "out_of_range"
	default:
		return "unknown"
	}
}

// Reading is one sample of a channel.
type Reading struct {
	At     time.Duration // monotonic, since the host clock's anchor
	Value  float64       // in the channel's unit; meaningless unless State has a value
	State  ReadingState
	Reason uint8 // index into the meter's list of reasons when State is missing
}

// Has reports whether the reading carries a usable value.
func (r Reading) Has() bool { return r.State == ReadingOK || r.State == ReadingWrapped }

// EnergyMethod says how an energy figure was made.
type EnergyMethod string

// The methods of an energy figure.
const (
	EnergyCounter    EnergyMethod = "counter"    // difference of an energy counter
	EnergyTrapezoid  EnergyMethod = "trapezoid"  // integral of power samples
	EnergyEstimated  EnergyMethod = "estimated"  // CPU time × stated watts
	EnergyAttributed EnergyMethod = "attributed" // a share of the enclosing window
)

// PhaseReading is what one channel showed over one phase window.
type PhaseReading struct {
	Cell    CellID        `json:"cell"`
	Run     int           `json:"run"` // 0 when the phase belongs to the whole cell
	Phase   Phase         `json:"phase"`
	No      int           `json:"no"` // occurrence of the phase: segment number, rung attempt; 1-based
	Channel Channel       `json:"channel"`
	Started time.Time     `json:"started"`
	Window  time.Duration `json:"window_ns"`

	Samples  int     `json:"samples"`
	Missed   int     `json:"missed"`   // ticks that gave no sample
	Coverage float64 `json:"coverage"` // share of the window that samples cover, 0 to 1

	// Mean, Min and Max are time-weighted over the window, nil when no sample.
	Mean *float64 `json:"mean"`
	Min  *float64 `json:"min"`
	Max  *float64 `json:"max"`
	// EnergyJ is set on power and energy channels, with its method; nil with
	// Missing saying why.
	EnergyJ *float64     `json:"energy_j"`
	Method  EnergyMethod `json:"method,omitempty"`
	Missing string       `json:"missing,omitempty"`
}
