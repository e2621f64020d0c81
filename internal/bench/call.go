package bench

import "time"

// Call is one measured request. Durations are monotonic and by our own clock
// unless a field says server.
type Call struct {
	CallKey
	Segment    int    // segment of the run in which it was measured, 1-based
	JournalID  string // id within the dataset
	PromptHash string // SHA-256 of the prompt without its nonce line
	Nonce      string
	Output     string // raw answer; stored in Postgres, never in a payload, log or report
	OutputHash string // SHA-256 of Output
	Outcome    Outcome
	Reason     string // why, when the outcome is not ok; holds no text of prompt or output
	Remeasured bool   // an earlier try was cut by a crash and left no result

	StartedAt time.Time     // wall clock at the start of the request
	Start     time.Duration // monotonic, since the host clock's anchor
	Latency   time.Duration // request start to last byte
	// TimeToFirstToken is from request start to the first non-empty content;
	// nil when no content came.
	TimeToFirstToken *time.Duration
	// InterTokenTimes are the gaps between content chunks after the first.
	InterTokenTimes []time.Duration

	PromptTokens *int // as the runtime counts them; nil when it did not say
	OutputTokens *int
	OutputWords  int
	OutputBytes  int
	PromptBytes  int

	Server ServerTimes
	Done   string // the runtime's own reason for stopping
}

// ServerTimes are the durations that the runtime itself reports; zero means
// that it reported none.
type ServerTimes struct {
	Total      time.Duration `json:"total_ns"`
	Load       time.Duration `json:"load_ns"`
	PromptEval time.Duration `json:"prompt_eval_ns"`
	Eval       time.Duration `json:"eval_ns"`
}

// Segment is a stretch of a run measured without interruption.
type Segment struct {
	Cell        CellID
	Run         int
	No          int // 1-based within the run
	LoadToken   string
	WorkerBuild string
	BootID      string
	Attempt     int // Temporal's attempt of the activity
	StartedAt   time.Time
	EndedAt     *time.Time
	End         string // why it ended: complete, drain, cancelled, crash, "database away", "worker stopped", "runtime away", or an error code
	Calls       int
}

// Key gives the natural key of the call.
func (c Call) Key() CallKey { return c.CallKey }
