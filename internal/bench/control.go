package bench

import "time"

// Control names what a person asks of a sweep while it runs.
type Control string

// What may be asked of a sweep.
const (
	ControlPause     Control = "pause"     // measure nothing more of it until resumed
	ControlResume    Control = "resume"    // go on
	ControlCancel    Control = "cancel"    // stop it; what was measured is kept
	ControlSkip      Control = "skip"      // take cells off the plan
	ControlRetry     Control = "retry"     // put cells that ended without a result back on it
	ControlRemeasure Control = "remeasure" // measure cells anew; earlier calls are kept and no longer count
	ControlExtend    Control = "extend"    // add cells or hosts
	ControlPriority  Control = "priority"  // change its place among other sweeps
)

// Priorities of a sweep: 1 goes first, 5 last.
const (
	PriorityFirst   = 1
	PriorityDefault = 3
	PriorityLast    = 5
)

// ControlEvent records what a person asked of a sweep, for the audit trail.
type ControlEvent struct {
	Sweep   SweepID   `json:"sweep"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	What    Control   `json:"what"`
	Reason  string    `json:"reason,omitempty"` // as the person gave it
	Request string    `json:"request"`          // the same request again changes nothing
	Changed int       `json:"changed"`          // cells that it changed
	Text    string    `json:"text"`             // one sentence on what it did
}

// Pause says that nothing of a sweep is measured, and who wanted that.
type Pause struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// LaneState says whether a host takes cells.
type LaneState string

// The states of a lane.
const (
	LaneOpen    LaneState = "open"
	LaneDrained LaneState = "drained" // a person keeps it free, as for maintenance
	LaneUnfit   LaneState = "unfit"   // it failed in a way that only a person can mend
)

// Lane is a host as sweeps see it.
type Lane struct {
	Host   string    `json:"host"`
	State  LaneState `json:"state"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"since"`
	// Cell is the one that the lane holds, empty between cells.
	Cell CellID `json:"cell,omitempty"`
	// Sweep is the sweep of Cell.
	Sweep SweepID `json:"sweep,omitempty"`
	// Queued counts the cells that wait for the host, over all sweeps.
	Queued int `json:"queued"`
}

// Turn is a stretch of time in which a lane was given to one cell.
type Turn struct {
	Host     string     `json:"host"`
	Sweep    SweepID    `json:"sweep"`
	Cell     CellID     `json:"cell"`
	Attempt  int        `json:"attempt"`
	BeganAt  time.Time  `json:"began_at"`
	EndedAt  *time.Time `json:"ended_at"`
	State    State      `json:"state"` // how it ended: queued when the cell was given back
	Sequence int64      `json:"sequence"`
}
