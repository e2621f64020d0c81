// Package contract holds what workflows, activities and the command line say
// to each other: names of queues, workflows, activities, signals, updates and
// queries, and their payloads. Payloads carry ids, hashes and small numbers,
// never journal text, prompts or outputs. Each has a version V; fields are
// only ever added.
package contract

import (
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// QueueControl is the task queue of workflows and database work.
const QueueControl = "control"

// HostQueue is the task queue of one host's measuring work.
func HostQueue(host string) string { return "host." + host }

// Workflow types.
const (
	WorkflowSweep     = "Sweep"
	WorkflowLane      = "Lane"
	WorkflowBenchmark = "Benchmark"
	WorkflowDrift     = "Drift"
)

// SweepWorkflowID is the id of a sweep's workflow: the same spec is the same
// workflow.
func SweepWorkflowID(id bench.SweepID) string { return "sweep/" + string(id) }

// LaneWorkflowID is the id of a host's lane, shared by all sweeps.
func LaneWorkflowID(host string) string { return "lane/" + host }

// BenchmarkWorkflowID is the id of one try of a cell.
func BenchmarkWorkflowID(sweep bench.SweepID, cell bench.CellID, attempt int) string {
	return "bench/" + string(sweep) + "/" + string(cell) + "/" + strconv.Itoa(attempt)
}

// Activities on the control queue.
const (
	ActSweepCounts  = "SweepCounts"
	ActWakeLanes    = "WakeLanes"
	ActCancelSweep  = "CancelSweep"
	ActFinishSweep  = "FinishSweep"
	ActClaimNext    = "ClaimNext"
	ActCloseCell    = "CloseCell"
	ActRestartEpoch = "RestartEpoch"
	ActPinDataset   = "PinDataset"
	ActScore        = "Score"
	ActCost         = "Cost"
	ActPublish      = "Publish"
	ActControlSweep = "ControlSweep"
	ActSetLane      = "SetLane"
	ActPlanDrift    = "PlanDrift"
	ActCompareDrift = "CompareDrift"
	ActAlarmDrift   = "AlarmDrift"
)

// Activities on a host's queue.
const (
	ActInspect     = "Inspect"
	ActPull        = "Pull"
	ActPrepare     = "Prepare"
	ActMeasureIdle = "MeasureIdle"
	ActLoad        = "Load"
	ActReclaim     = "Reclaim"
	ActWarmUp      = "WarmUp"
	ActInfer       = "Infer"
	ActUnload      = "Unload"
)

// Signals, updates and queries.
const (
	SignalWake       = "wake"        // to a lane: there may be work
	SignalCancel     = "cancel-cell" // to a lane: stop the running cell of a sweep
	SignalCellClosed = "cell-closed" // to a sweep: a cell reached a final state
	SignalStop       = "stop"        // to a benchmark: leave after the present call, in the state that is named
	UpdateDrain      = "drain"       // to a lane: take no more cells
	UpdateOpen       = "open"        // to a lane: take cells again
	QueryStatus      = "status"      // to a sweep, a lane or a benchmark
)

// Updates of a sweep are named as the bench.Control that they ask for.
const (
	UpdatePause     = string(bench.ControlPause)
	UpdateResume    = string(bench.ControlResume)
	UpdateCancel    = string(bench.ControlCancel)
	UpdateSkip      = string(bench.ControlSkip)
	UpdateRetry     = string(bench.ControlRetry)
	UpdateRemeasure = string(bench.ControlRemeasure)
	UpdateExtend    = string(bench.ControlExtend)
	UpdatePriority  = string(bench.ControlPriority)
)

// Shape is the V of payloads that start workflows today. A workflow that was
// started with an earlier one makes that one's decisions until it continues as
// new, so that histories of earlier releases replay.
const Shape = 2

// MaxCellsPerUpdate bounds a payload; the command line sends more in several.
const MaxCellsPerUpdate = 500

// SweepIn starts a sweep that is already stored.
type SweepIn struct {
	V     int           `json:"v"`
	Sweep bench.SweepID `json:"sweep"`
	Name  string        `json:"name"`
}

// SweepOut is how a sweep ended.
type SweepOut struct {
	V      int                 `json:"v"`
	State  bench.State         `json:"state"`
	Counts map[bench.State]int `json:"counts"`
}

// Counts is how far a sweep is.
type Counts struct {
	V       int                 `json:"v"`
	ByState map[bench.State]int `json:"by_state"`
	ByHost  map[string]int      `json:"by_host"` // unfinished cells
	// Busy are those of these hosts that measure at this moment, a cell of this
	// sweep or of another.
	Busy   []string `json:"busy,omitempty"`
	Total  int      `json:"total"`
	Final  int      `json:"final"`
	Cancel bool     `json:"cancel"`
	// Paused says that nothing more of the sweep is measured until it is resumed.
	Paused bool `json:"paused,omitempty"`
}

// WakeIn names the hosts whose lanes to wake; CancelSweep tells them to stop a
// running cell of that sweep.
type WakeIn struct {
	V           int           `json:"v"`
	Hosts       []string      `json:"hosts"`
	CancelSweep bench.SweepID `json:"cancel_sweep,omitempty"`
	// Stop tells the lanes to stop a running cell and how to close it.
	Stop *StopIn `json:"stop,omitempty"`
	// Busy names hosts whose lanes measure: they need no wake, and are started
	// anew where they were lost.
	Busy []string `json:"busy,omitempty"`
}

// StopIn stops a running cell: it ends after its present call, unloads, and is
// closed in State; queued puts it back on the plan with all that it measured.
type StopIn struct {
	V     int           `json:"v"`
	Sweep bench.SweepID `json:"sweep,omitempty"`
	// Cells restricts it to these; empty means any cell of Sweep, or with no
	// Sweep whatever runs.
	Cells  []bench.CellID `json:"cells,omitempty"`
	State  bench.State    `json:"state"`
	Reason string         `json:"reason,omitempty"`
	// Tries are the attempts of Cells that are meant, in the same order; without
	// them any attempt is.
	Tries []int `json:"tries,omitempty"`
}

// LaneIn starts or continues a lane.
type LaneIn struct {
	V     int    `json:"v"`
	Host  string `json:"host"`
	Claim int64  `json:"claim"` // claims so far, over all continuations
}

// ClaimIn asks for a host's next cell.
type ClaimIn struct {
	V     int    `json:"v"`
	Host  string `json:"host"`
	Lane  string `json:"lane"`
	Claim int64  `json:"claim"`
}

// ClaimOut is a claimed cell, or none.
type ClaimOut struct {
	V     int          `json:"v"`
	Found bool         `json:"found"`
	Cell  *BenchmarkIn `json:"cell,omitempty"`
	// Lane is whether the host takes cells, and Why what was said of it.
	Lane bench.LaneState `json:"lane,omitempty"`
	Why  string          `json:"why,omitempty"`
}

// BenchmarkIn is all that a benchmark needs to orchestrate a cell; the rest is
// in the store under the cell's id.
type BenchmarkIn struct {
	V       int               `json:"v"`
	Sweep   bench.SweepID     `json:"sweep"`
	Name    string            `json:"name"` // of the sweep
	Cell    bench.CellID      `json:"cell"`
	Attempt int               `json:"attempt"`
	Epoch   int               `json:"epoch"`
	At      bench.Coordinates `json:"at"`
	Rungs   []string          `json:"rungs"`
	Runs    int               `json:"runs"`
	Items   int               `json:"items"`
	WarmUp  int               `json:"warm_up_calls"`
	// Baseline and Idle are the lengths of the two windows without calls.
	Baseline time.Duration `json:"baseline_ns"`
	Idle     time.Duration `json:"idle_ns"`
	// Rung is the one on which the epoch's calls so far were measured, 0 when
	// it has none.
	Rung int `json:"rung,omitempty"`
	// First is the rung on which the ladder begins; 0 takes rung 1.
	First int `json:"first_rung,omitempty"`
	// Heartbeat is how soon a dead worker is noticed; 0 takes the default.
	Heartbeat time.Duration `json:"heartbeat_ns,omitempty"`
	// Until is the last run of this turn; 0 makes all of them. A turn that does
	// not end the cell publishes nothing and gives the cell back.
	Until int `json:"until_run,omitempty"`
	// Prepare is done before the first window; nil does nothing.
	Prepare *PrepareIn `json:"prepare,omitempty"`
	// Going is how far an earlier run of the same try has come, whose history had
	// grown long; nil begins the try.
	Going *Going `json:"going,omitempty"`
}

// Going is how far a benchmark has come that continues as new: its model is
// loaded and warm, and calls go on.
type Going struct {
	V     int    `json:"v"`
	Epoch int    `json:"epoch"`
	Rung  int    `json:"rung"`
	Token string `json:"token"` // of the load
	// Run and From are the calls that come next.
	Run     int `json:"run"`
	From    int `json:"from"`
	Calls   int `json:"calls"`
	Reloads int `json:"reloads,omitempty"`
	// Segments and Remeasured are of the runs before Run.
	Segments   int `json:"segments"`
	Remeasured int `json:"remeasured,omitempty"`
	// Numbers count the repetitions of each stage.
	Numbers map[bench.Stage]int `json:"numbers"`
	// Log are the newest lines of what the UI shows.
	Log []string `json:"log,omitempty"`
}

// PrepareIn brings a host into the state in which a cell is to begin.
type PrepareIn struct {
	CellRef
	ClearCaches bool          `json:"clear_caches,omitempty"`
	CoolDown    time.Duration `json:"cool_down_ns,omitempty"`
}

// BenchmarkOut is how a cell ended.
type BenchmarkOut struct {
	V          int         `json:"v"`
	State      bench.State `json:"state"`
	Reason     string      `json:"reason,omitempty"`
	Rung       int         `json:"rung"`
	Calls      int         `json:"calls"`
	Segments   int         `json:"segments"`
	Remeasured int         `json:"remeasured"`
	// HostUnfit says that the host, not the cell, failed: State is then queued
	// and the lane takes no more cells until a person opens it.
	HostUnfit bool `json:"host_unfit,omitempty"`
}

// CellRef names the try of a cell that an activity works for.
type CellRef struct {
	V       int          `json:"v"`
	Cell    bench.CellID `json:"cell"`
	Attempt int          `json:"attempt"`
	Epoch   int          `json:"epoch"`
	// No tells repetitions of a stage apart, 1-based.
	No int `json:"no"`
}

// CloseIn ends a try of a cell.
type CloseIn struct {
	V      int          `json:"v"`
	Cell   bench.CellID `json:"cell"`
	State  bench.State  `json:"state"`
	Reason string       `json:"reason"`
	// Attempt is the try that ended: another is left alone. 0, as releases before
	// 0.2 ask, ends whichever runs.
	Attempt int `json:"attempt,omitempty"`
}

// CloseOut is how a try was closed.
type CloseOut struct {
	V int `json:"v"`
	// State is what was stored: a cell that goes back on the plan may be taken off
	// it at that moment.
	State bench.State `json:"state"`
	// Held says that nothing more of the sweep is measured: it is paused or
	// cancelled.
	Held bool `json:"held,omitempty"`
}

// CellClosed tells a sweep that one of its cells is final.
type CellClosed struct {
	V     int          `json:"v"`
	Cell  bench.CellID `json:"cell"`
	State bench.State  `json:"state"`
}

// Note is the small result most stages give: one sentence for people.
type Note struct {
	V    int    `json:"v"`
	Text string `json:"text"`
}

// IdleIn asks for a window without calls.
type IdleIn struct {
	CellRef
	Phase  bench.Phase   `json:"phase"`
	Length time.Duration `json:"length_ns"`
}

// LoadIn asks for one rung of the ladder, 1-based.
type LoadIn struct {
	CellRef
	Rung int `json:"rung"`
}

// LoadOut is a model in memory.
type LoadOut struct {
	V     int    `json:"v"`
	Token string `json:"token"`
	Text  string `json:"text"`
}

// ResidentIn asks for work on a loaded model.
type ResidentIn struct {
	CellRef
	Rung  int    `json:"rung"`
	Token string `json:"token"`
}

// InferIn asks for the calls of one run; From and To bound the items.
type InferIn struct {
	ResidentIn
	Run  int `json:"run"`
	From int `json:"from"`
	To   int `json:"to"`
}

// InferOut counts what was measured.
type InferOut struct {
	V          int    `json:"v"`
	Calls      int    `json:"calls"` // committed in this chunk, by any attempt
	Failed     int    `json:"failed"`
	Segments   int    `json:"segments"`
	Remeasured int    `json:"remeasured"`
	Text       string `json:"text"`
}

// Beat is the heartbeat of an inference chunk.
type Beat struct {
	V    int `json:"v"`
	Run  int `json:"run"`
	Next int `json:"next"`
	Of   int `json:"of"`
}

// PullBeat is the heartbeat of a pull.
type PullBeat struct {
	V     int   `json:"v"`
	Bytes int64 `json:"bytes"`
	Total int64 `json:"total"`
}

// CancelIn asks to stop a sweep, as releases before 0.2 did.
type CancelIn struct {
	V  int    `json:"v"`
	By string `json:"by"`
}

// Status answers QueryStatus of a sweep or a benchmark.
type Status struct {
	V     int    `json:"v"`
	State string `json:"state"`
	Text  string `json:"text"` // Markdown, as the UI's current details show
}

// SearchAttribute is a custom Temporal search attribute.
type SearchAttribute struct {
	Name string
	Type string // as the Temporal command line spells it
}

// Names of the search attributes.
const (
	AttrSweep    = "BenchSweep"
	AttrHost     = "BenchHost"
	AttrRuntime  = "BenchRuntime"
	AttrModel    = "BenchModel"
	AttrTask     = "BenchTask"
	AttrLanguage = "BenchLang"
	AttrState    = "BenchState"
	AttrProgress = "BenchProgress"
	AttrRung     = "BenchRung"
)

// SearchAttributes lists what a namespace must have before workflows start.
func SearchAttributes() []SearchAttribute {
	return []SearchAttribute{
		{AttrSweep, "Keyword"},
		{AttrHost, "Keyword"},
		{AttrRuntime, "Keyword"},
		{AttrModel, "Keyword"},
		{AttrTask, "Keyword"},
		{AttrLanguage, "Keyword"},
		{AttrState, "Keyword"},
		{AttrProgress, "Double"},
		{AttrRung, "Int"},
	}
}

// FinishIn ends a sweep.
type FinishIn struct {
	V     int           `json:"v"`
	Sweep bench.SweepID `json:"sweep"`
	State bench.State   `json:"state"`
	// After is the place in the plan up to which the rows were settled.
	After int `json:"after,omitempty"`
}

// FinishOut is how far the end of a sweep has come.
type FinishOut struct {
	V int `json:"v"`
	// Next is the place to go on after; 0 when the sweep has ended. Before, the rows
	// of cells are settled that were taken off the plan without a try.
	Next int `json:"next,omitempty"`
}

// PublishIn asks for a cell's published row, with how the cell ended.
type PublishIn struct {
	CellRef
	State  bench.State `json:"state"`
	Reason string      `json:"reason,omitempty"`
}

// Sentence says what happened, for people.
func (n Note) Sentence() string { return n.Text }

// Sentence says what happened, for people.
func (l LoadOut) Sentence() string { return l.Text }

// Sentence says what happened, for people.
func (i InferOut) Sentence() string { return i.Text }
