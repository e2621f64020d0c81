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
		RemeasuredCalls: e.Again, ResumeS: -1,
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
	add(!e.Resumed, "no call was measured after the restart")
	add(e.Resumed && e.Resume < 0, "the next call came before the restart")
	for _, s := range e.Strays {
		add(true, "left behind: process %s", s)
	}
	for _, m := range e.Loaded {
		add(true, "still in memory: model %s", m)
	}
	why = append(why, e.Wrong...)
	row.OK = len(why) == 0
	return row, why
}

// Failed counts the rows that are not ok.
func Failed(rows []Row) int {
	n := 0
	for _, r := range rows {
		if !r.OK {
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
