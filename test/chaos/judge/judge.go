// Package judge decides whether a sweep survived a fault, from what was
// counted before and after it. It only computes: the same evidence gives the
// same row.
package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"
)

// MaxRemeasured is how many calls one fault may cost: the one that it cut.
const MaxRemeasured = 1

// Row is one fault as out/faults.json tells it.
type Row struct {
	Fault string `json:"fault"`
	Stage string `json:"stage"`
	// Seed repeats the point: its fault, stage and delay come from it alone.
	Seed int64 `json:"seed"`
	// Complete: the sweep ended done, with every cell done.
	Complete bool `json:"complete"`
	// LostCalls were planned and are not there, or were stored before the fault
	// and are gone or changed since.
	LostCalls int `json:"lost_calls"`
	// DuplicateCalls are rows beyond one per run and journal, nonces used twice,
	// and calls of one host that overlap in time.
	DuplicateCalls int `json:"duplicate_calls"`
	// RemeasuredCalls were begun again between this fault and the next.
	RemeasuredCalls int `json:"remeasured_calls"`
	// ResumeS is the time in seconds from restart to the next stored call;
	// negative when none came.
	ResumeS float64 `json:"resume_s"`
	// OK is the verdict on all of that and on what the fault left behind.
	OK bool `json:"ok"`

	// FailedCalls ended without an answer between this fault and the next.
	FailedCalls int `json:"failed_calls"`
	// SlowCalls were answered and took far longer than undisturbed ones, as a
	// call does whose latency holds an outage.
	SlowCalls int `json:"slow_calls"`
	// BadWindows are inference windows whose time or energy per call is far from
	// that of undisturbed ones, without a word why.
	BadWindows int `json:"bad_windows"`
	// RequestedCalls are the sweep's measured requests as seen on the way to
	// Ollama. ExtraRequests are those beyond one for each call begun, and those of
	// no call at all; LackingRequests are stored calls that Ollama never got.
	RequestedCalls  int `json:"requested_calls"`
	ExtraRequests   int `json:"extra_requests"`
	LackingRequests int `json:"lacking_requests"`
	// Skipped says why the fault was not played. Such a row shows nothing and is
	// not ok.
	Skipped string `json:"skipped,omitempty"`
}

// Evidence is what was seen of one fault and of the sweep that it struck.
type Evidence struct {
	Fault, Stage string
	Seed         int64
	SweepState   string // as stored at the end; "" when it was not reached in time
	Cells        int    // of the sweep
	CellsDone    int
	Expected     int // calls planned of the sweep
	Stored       int // of those, by run and journal, in the epoch that counts
	Vanished     int // stored before the fault; gone or changed at the end
	Extra        int // rows over one per run and journal, nonces used twice
	Overlaps     int // pairs of calls of one host that overlap in time
	Again        int // calls begun again between this fault and the next
	Failed       int // calls without an answer between this fault and the next
	MayFail      int // of those, how many this fault may leave
	Fallen       int // cells of the sweep that were loaded on another rung than the first
	Requests     Requests
	Latencies    Latencies
	Windows      []Window // of inference, one for each channel
	// Resumed tells whether a call was stored after the restart, Resume when.
	Resumed bool
	Resume  time.Duration
	// Strays are processes that should have ended, Loaded models that stayed in
	// memory after the sweep.
	Strays, Loaded []string
	// Wrong is what else the fault's own check found.
	Wrong []string
}

// Judge makes the row of a fault and says in words what is not right with it.
func Judge(e Evidence) (Row, []string) {
	row := Row{
		Fault: e.Fault, Stage: e.Stage, Seed: e.Seed,
		Complete:  e.SweepState == "done" && e.Cells > 0 && e.CellsDone == e.Cells,
		LostCalls: max(0, e.Expected-e.Stored) + e.Vanished, DuplicateCalls: e.Extra + e.Overlaps,
		RemeasuredCalls: e.Again, ResumeS: -1, FailedCalls: e.Failed,
		RequestedCalls: e.Requests.Calls, ExtraRequests: e.Requests.Twice + len(e.Requests.Strange), LackingRequests: e.Requests.Lacking,
	}
	if e.Resumed {
		row.ResumeS = math.Round(e.Resume.Seconds()*1000) / 1000
	}
	var why []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	add(!row.Complete, "the sweep is %q with %d of %d cells done", e.SweepState, e.CellsDone, e.Cells)
	add(e.Expected <= 0, "no call was planned, so nothing was shown")
	add(e.Expected > e.Stored, "%d of %d calls are missing", e.Expected-e.Stored, e.Expected)
	add(e.Vanished > 0, "%d calls stored before the fault are gone or changed", e.Vanished)
	add(e.Extra > 0, "%d calls are there more than once", e.Extra)
	add(e.Overlaps > 0, "%d pairs of calls overlap on one host", e.Overlaps)
	add(e.Again > MaxRemeasured, "%d calls were measured again", e.Again)
	add(e.Failed > e.MayFail, "%d calls failed, and this fault may fail %d", e.Failed, e.MayFail)
	add(e.Fallen > 0, "%d cells were measured on a lower rung", e.Fallen)
	add(!e.Requests.Watched, "nobody counted what Ollama was asked")
	add(e.Requests.Twice > 0, "Ollama got %d requests for calls begun that it had got already", e.Requests.Twice)
	add(len(e.Requests.Strange) > 0, "Ollama got %d requests that no call and no warm-up explains, of %v", len(e.Requests.Strange), e.Requests.Strange)
	add(e.Requests.Lacking > 0, "Ollama never got the requests of %d stored calls", e.Requests.Lacking)
	add(!e.Resumed, "no call was measured after the restart")
	add(e.Resumed && e.Resume < 0, "the next call came before the restart")
	for _, s := range e.Strays {
		add(true, "left behind: process %s", s)
	}
	for _, m := range e.Loaded {
		add(true, "still in memory: model %s", m)
	}
	slow, words := e.Latencies.judge()
	row.SlowCalls, why = slow, append(why, words...)
	bad, words := judgeWindows(e.Windows)
	row.BadWindows, why = bad, append(why, words...)
	why = append(why, e.Wrong...)
	row.OK = len(why) == 0
	return row, why
}

// Skip makes the row of a fault that was not played.
func Skip(fault, stage string, seed int64, why string) Row {
	return Row{Fault: fault, Stage: stage, Seed: seed, ResumeS: -1, Skipped: why}
}

// Failed counts the faults that were played and are not ok.
func Failed(rows []Row) int {
	return count(rows, func(r Row) bool { return !r.OK && r.Skipped == "" })
}

// Skipped counts the faults that were not played.
func Skipped(rows []Row) int { return count(rows, func(r Row) bool { return r.Skipped != "" }) }

func count(rows []Row, is func(Row) bool) int {
	n := 0
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return n
}

// Write writes rows as a JSON list.
func Write(path string, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	raw, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("encode faults: %w", err)
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, append(raw, '\n'), 0o600)) //nolint:gosec // reports are not secret
}
