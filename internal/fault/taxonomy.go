package fault

import "time"

// Action is what is done about a trouble.
type Action string

// The actions. None of them fails a sweep.
const (
	// Retry does the same step again, on the same host.
	Retry Action = "retry"
	// NextRung goes one rung down the load ladder, once memory came back.
	NextRung Action = "next rung"
	// Reload loads the model again on the same rung, warms it up and goes on as
	// a new segment.
	Reload Action = "reload"
	// FailCell ends the cell as failed, with what it measured; the host takes
	// its next cell.
	FailCell Action = "fail the cell"
	// FailHost puts the cell back on the plan and gives the host no more cells
	// until a person opens it: whatever cell came next would fail, too, or be
	// measured wrongly.
	FailHost Action = "fail the host"
	// WaitForPerson does the step again at a slow pace and says in the status
	// what a person is to do: waiting costs less than what would be lost.
	WaitForPerson Action = "wait for a person"
	// GoOn records the failure and goes on without what was tried.
	GoOn Action = "go on"
)

// Rule is what is done about errors of one code.
type Rule struct {
	// Code is the error's code, or the name of its kind where it has none.
	Code Code
	// Kind narrows the row to errors of that kind; empty takes any.
	Kind Kind
	// Step narrows the row to one activity, by its name; empty takes any.
	Step string
	// Meaning says what happened, for people.
	Meaning string
	// Action is done first.
	Action Action
	// Tries is after how many failures of the step's own a retry or a wait ends
	// and Then is done; 0 never ends. Failures in between that are not the
	// step's own, such as a runtime that is away, do not count.
	Tries int
	Then  Action
	// Pace is the time between tries; 0 takes the usual one: 2 s, doubling up to
	// a minute.
	Pace time.Duration
	// Calm errors belong to the work and raise no alarm in logs and metrics.
	Calm bool
	// Mend says what the user does.
	Mend string
}

// Last is what is done once tries are used up.
func (r Rule) Last() Action {
	if r.Then != "" {
		return r.Then
	}
	return r.Action
}

// Passes tells whether the same step is done again after the given number of
// failures of its own.
func (r Rule) Passes(failures int) bool {
	if r.Action != Retry && r.Action != WaitForPerson {
		return false
	}
	return r.Tries == 0 || failures < r.Tries
}

// ActionOf is what a workflow does about an activity's error of that code once
// it came back to it: tries are used up by then. A code that the table does not
// know fails the cell.
func ActionOf(code Code) Action {
	for _, r := range Table() {
		if r.Code == code && r.Kind == "" && r.Step == "" {
			return r.Last()
		}
	}
	return FailCell
}

// RuleOf gives the row for an error by its code, its kind and the activity in
// which it came up: the first that fits, rows for a kind or a step standing
// before the general one of their code. An error without a code, or with an
// unknown one, goes by its kind.
func RuleOf(code Code, kind Kind, step string) Rule {
	for _, name := range []Code{code, Code(kind), Code(Internal)} {
		for _, r := range Table() {
			if r.Code == name && (r.Kind == "" || r.Kind == kind) && (r.Step == "" || r.Step == step) {
				return r
			}
		}
	}
	panic("fault: the table has no row for internal errors") // a test holds that it has
}
