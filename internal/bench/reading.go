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
	UnitVA      Unit = "VA" // apparent power
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
	// ScopePlatform is RAPL's psys: processor and other rails of the board. It
	// overlaps package and dram and is never added to them.
	ScopePlatform Scope = "platform"
	ScopePSU      Scope = "psu"    // a power supply as the BMC tells it, whose losses may be outside
	ScopeOutlet   Scope = "outlet" // the wall side of the host: outlets of a PDU, a smart plug
	ScopePhase    Scope = "phase"  // one phase or bank of a PDU, which may feed other machines too
	ScopeInlet    Scope = "inlet"  // a whole PDU or UPS, which may feed other machines too
	ScopeHost     Scope = "host"   // the operating system's view of the machine
	ScopeProcess  Scope = "process"
)

// Part says which line of the reconciliation wall = GPU + CPU + rest a scope
// belongs to.
type Part string

// The parts of a host's power.
const (
	PartWall Part = "wall"
	PartGPU  Part = "gpu"
	PartCPU  Part = "cpu" // packages and their memory
	PartNone Part = ""    // overlaps a part or is none
)

// Part gives the part of a host's power that the scope covers. A module (CPU
// and GPU together) counts as GPU. Phase and inlet count as wall, as whoever
// named the channel for the host says that it feeds this host.
func (s Scope) Part() Part {
	switch s {
	case ScopeInlet, ScopePhase, ScopeOutlet:
		return PartWall
	case ScopeGPU, ScopeModule, ScopeBoard:
		return PartGPU
	case ScopePackage, ScopeDRAM:
		return PartCPU
	default:
		return PartNone
	}
}

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
	Name    string `json:"name"`
	Unit    Unit   `json:"unit"`
	Scope   Scope  `json:"scope"`
	Sensor  Sensor `json:"sensor"`
	Counter bool   `json:"counter"` // values accumulate
	// Device is what the channel measures, e.g. a GPU's UUID or an outlet of a
	// PDU. Channels of one device are views of the same power: never added up,
	// and compared where more than one tells energy. Empty: the part of Name
	// before the last dot, with Identity.
	Device string `json:"device,omitempty"`
	// PartOf names the channel that this one is a summand of; it is shown but
	// not counted beside it.
	PartOf string `json:"part_of,omitempty"`

	Window       time.Duration `json:"window_ns"` // averaging window, 0 when instant or unknown
	WindowBasis  string        `json:"window_basis,omitempty"`
	UpdatePeriod time.Duration `json:"period_ns"` // how often the source renews its value; 0 when unknown
	PeriodBasis  string        `json:"period_basis,omitempty"`
	// Lag is how long after the fact the source shows a value, beyond what its
	// window and its update period explain; 0 with LagBasis empty is unknown.
	Lag      time.Duration `json:"lag_ns,omitempty"`
	LagBasis string        `json:"lag_basis,omitempty"`
	// Feed names the supply line that a wall channel watches, where that is
	// known: channels of one feed are views of the same power.
	Feed string `json:"feed,omitempty"`
	// StampError is the half-width of the doubt in a reading's stamp beyond
	// that of the update period, such as half a round trip.
	StampError time.Duration `json:"stamp_error_ns,omitempty"`

	Resolution float64 `json:"resolution"` // smallest step, in Unit
	Floor      float64 `json:"floor"`      // below this the source says nothing, in Unit
	FloorBasis string  `json:"floor_basis,omitempty"`
	WrapAt     float64 `json:"wrap_at"`   // counter range, 0 when it does not wrap
	Identity   string  `json:"identity"`  // serial, UUID or address of the source
	Estimated  bool    `json:"estimated"` // derived from a stated assumption, not measured
	Simulated  bool    `json:"simulated"` // from a made-up source, for tests
	Method     string  `json:"method"`    // how the value is made, in words for a report

	// RelAccuracy and AbsAccuracy are the limits of the source's error, as a
	// share of the value and in Unit; both apply together. 0 and 0: not stated.
	RelAccuracy  float64 `json:"rel_accuracy"`
	AbsAccuracy  float64 `json:"abs_accuracy,omitempty"`
	AccuracyNote string  `json:"accuracy_note"` // where they come from
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
	Reason uint8 // index into the meter's list of reasons, unless State is ok
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

	// States counts the readings inside the window by what they held.
	States ReadingCounts `json:"states"`
	// Uncertainty of EnergyJ, in J; nil without an energy.
	Uncertainty *Uncertainty `json:"uncertainty,omitempty"`
	// Disagreement of this channel with another view of the same device, nil
	// where there is none or either has no energy.
	Disagreement *Disagreement `json:"disagreement,omitempty"`
	// Flags are doubts about the window in words, such as a foreign process on
	// the GPU. A flagged figure stands, and says so.
	Flags []string `json:"flags,omitempty"`
}

// ReadingCounts counts readings by state. Ticks that left no reading are in
// none of them; PhaseReading.Missed counts those too.
type ReadingCounts struct {
	OK         int `json:"ok"`
	Missing    int `json:"missing,omitempty"`
	Stale      int `json:"stale,omitempty"`
	Reset      int `json:"reset,omitempty"`
	Wrapped    int `json:"wrapped,omitempty"`
	OutOfRange int `json:"out_of_range,omitempty"`
}

// Disagreement holds two energies of one device and window against each
// other, such as the difference of a counter and the integral of power.
type Disagreement struct {
	With     string  `json:"with"`     // channel
	EnergyJ  float64 `json:"energy_j"` // what that channel tells
	Relative float64 `json:"relative"` // (this − other) ÷ mean of both
	Limit    float64 `json:"limit"`
	Exceeded bool    `json:"exceeded"`
}

// DisagreementLimit is the relative difference between two energies of one
// device above which both are flagged (design: 5 %).
const DisagreementLimit = 0.05

// Uncertainty says how far a figure may be off, combined as in the GUM (JCGM
// 100:2008): U95 = K × Standard, Standard = √Σ uᵢ². All values are in the unit
// of the figure that it belongs to.
type Uncertainty struct {
	U95      float64 `json:"u95"`      // half-width at 95 %
	Standard float64 `json:"standard"` // combined standard uncertainty
	K        float64 `json:"k"`        // coverage factor
	// DOF are the effective degrees of freedom (Welch-Satterthwaite); 0 when
	// infinite.
	DOF   float64           `json:"dof,omitempty"`
	Parts []UncertaintyPart `json:"parts"`
}

// UncertaintyPart is one line of an uncertainty budget.
type UncertaintyPart struct {
	Name     string  `json:"name"`     // sensor accuracy, resolution, window edges, ...
	Standard float64 `json:"standard"` // standard uncertainty
	Type     string  `json:"type"`     // A: from repeats, B: from what is known of the source
	// Common says that the error is the same in every window of the channel,
	// so that it adds up linearly over windows and cancels in no mean.
	Common bool `json:"common,omitempty"`
	// Shared says what devices have this error alike, such as those of a model
	// whose limit is assumed: over devices that share one it adds up linearly.
	Shared string  `json:"shared,omitempty"`
	DOF    float64 `json:"dof,omitempty"` // 0 when infinite
	Basis  string  `json:"basis"`         // in words
}
