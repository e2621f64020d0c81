package bench

// Stage is one durable step of a cell, visible by name in the Temporal UI.
type Stage string

// The stages of a cell, in order. Prepare is taken only where the cell asks for
// cleared caches or a cool-down.
const (
	StageInspect  Stage = "inspect"
	StageDataset  Stage = "dataset"
	StagePull     Stage = "pull"
	StagePrepare  Stage = "prepare" // caches cleared, host cooled down
	StageBaseline Stage = "baseline"
	StageLoad     Stage = "load"
	StageIdle     Stage = "idle"
	StageWarmUp   Stage = "warm-up"
	StageInfer    Stage = "infer"
	StageUnload   Stage = "unload"
	StageScore    Stage = "score"
	StageCost     Stage = "cost"
	StagePublish  Stage = "publish"
)

// Stages lists the stages that every cell takes, in order.
func Stages() []Stage {
	return []Stage{
		StageInspect, StageDataset, StagePull, StageBaseline, StageLoad, StageIdle,
		StageWarmUp, StageInfer, StageUnload, StageScore, StageCost, StagePublish,
	}
}

// Phase is a named time window whose energy is accounted.
type Phase string

// The phases of a cell: the thesis' five, with load and idle told apart, and the wait for the thermal gate.
const (
	PhaseBaseline  Phase = "baseline"
	PhaseStartup   Phase = "startup" // the load stage
	PhaseIdle      Phase = "idle"    // loaded, not asked
	PhaseWarmUp    Phase = "warm-up"
	PhaseCoolDown  Phase = "cool-down" // waiting before the cell, or for the thermal gate before a run
	PhaseInference Phase = "inference"
	PhaseShutdown  Phase = "shutdown" // the unload stage
)

// State is where a sweep or a cell stands.
type State string

// The states of a sweep or a cell. Done, unfit, failed, skipped and cancelled
// are final until a person puts the cell back.
const (
	StateQueued    State = "queued"
	StateRunning   State = "running"
	StateDone      State = "done"
	StateUnfit     State = "unfit"   // no rung of the ladder fitted: a result, not a mishap
	StateFailed    State = "failed"  // the cell could not be measured; its reason is kept
	StateSkipped   State = "skipped" // a person took the cell off the plan
	StateCancelled State = "cancelled"
)

// Final reports whether nothing more will happen in this state.
func (s State) Final() bool {
	return s == StateDone || s == StateUnfit || s == StateFailed || s == StateSkipped || s == StateCancelled
}

// Outcome says how a call ended. Every call has one; only ok is a result whose
// answer is trusted, all of them cost time and energy.
type Outcome string

// The outcomes of a call.
const (
	OutcomeOK              Outcome = "ok"
	OutcomePromptTruncated Outcome = "prompt_truncated" // the server shortened the prompt
	OutcomeOutputCapped    Outcome = "output_capped"    // the answer hit the token cap; it is still scored
	OutcomeRefused         Outcome = "refused"
	OutcomeTimeout         Outcome = "timeout"
	OutcomeOutOfMemory     Outcome = "out_of_memory"
	OutcomeServerError     Outcome = "server_error"
	OutcomeBadAnswer       Outcome = "bad_answer" // the answer broke the protocol
)

// Answered reports whether the call produced an answer that may be scored.
func (o Outcome) Answered() bool { return o == OutcomeOK || o == OutcomeOutputCapped }
