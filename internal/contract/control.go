package contract

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// ControlIn is what a person asks of a sweep. Asking the same again changes
// nothing.
type ControlIn struct {
	V       int    `json:"v"`
	Request string `json:"request"` // an id of this very request
	By      string `json:"by"`
	Reason  string `json:"reason,omitempty"`
	// Now stops a running cell after its present call; without it the running
	// cell is finished first. Of pause and cancel only.
	Now bool `json:"now,omitempty"`
	// Cells to skip, retry or re-measure; a retry without any takes all that
	// failed or were cancelled.
	Cells    []bench.CellID `json:"cells,omitempty"`
	Priority int            `json:"priority,omitempty"`
	// Extension is the hash of a stored extension of the plan.
	Extension string `json:"extension,omitempty"`
}

// ControlSweepIn does in the store what was asked of a sweep.
type ControlSweepIn struct {
	ControlIn
	Sweep bench.SweepID `json:"sweep"`
	What  bench.Control `json:"what"`
}

// ControlOut is what came of it.
type ControlOut struct {
	Counts
	Changed int    `json:"changed"` // cells that it changed
	Text    string `json:"text"`    // one sentence for people
	// Stop is set when running cells are to be stopped for it.
	Stop *StopIn `json:"stop,omitempty"`
	// Hosts are those whose lanes must be told: they may have work now, or a
	// cell to stop.
	Hosts []string `json:"hosts,omitempty"`
}

// LaneControlIn drains or opens a lane. Asking the same again changes nothing.
type LaneControlIn struct {
	V      int    `json:"v"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	// Now stops the running cell after its present call and puts it back on the
	// plan; without it the cell is finished first.
	Now bool `json:"now,omitempty"`
}

// LaneControlOut is how a lane stands.
type LaneControlOut struct {
	V     int             `json:"v"`
	State bench.LaneState `json:"state"`
	// Cell is the one that is still being measured, empty for none.
	Cell bench.CellID `json:"cell,omitempty"`
	Text string       `json:"text"`
}

// SetLaneIn makes the state of a lane durable.
type SetLaneIn struct {
	V      int             `json:"v"`
	Host   string          `json:"host"`
	State  bench.LaneState `json:"state"`
	By     string          `json:"by"`
	Reason string          `json:"reason,omitempty"`
}

// DriftIn runs the reference cells of a pinned baseline again.
type DriftIn struct {
	V    int    `json:"v"`
	Name string `json:"name"`
}

// DriftPlan is the sweep that measures reference cells again.
type DriftPlan struct {
	V     int           `json:"v"`
	Sweep bench.SweepID `json:"sweep"`
	Name  string        `json:"name"` // of the sweep
	Cells int           `json:"cells"`
}

// PlanDriftIn asks for that sweep; At is the time of the run, which names it.
type PlanDriftIn struct {
	V    int       `json:"v"`
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

// CompareDriftIn compares a measured sweep with the baseline of that name.
type CompareDriftIn struct {
	V     int           `json:"v"`
	Name  string        `json:"name"`
	Sweep bench.SweepID `json:"sweep"`
}

// DriftOut is what a comparison found.
type DriftOut struct {
	V       int           `json:"v"`
	Name    string        `json:"name"`
	Sweep   bench.SweepID `json:"sweep"`
	Verdict string        `json:"verdict"` // steady, drifted or not decided
	Text    string        `json:"text"`
}
