package drift

import (
	"fmt"
	"math"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Verdict says what a comparison came to.
type Verdict string

// The verdicts. An empty one is of a figure that neither side has.
const (
	Steady    Verdict = "steady"
	Drifted   Verdict = "drifted"
	Undecided Verdict = "not decided"
)

// Report is what a comparison found. It holds figures, ids and hashes only.
type Report struct {
	V         int          `json:"v"`
	Verdict   Verdict      `json:"verdict"`
	Text      string       `json:"text"`      // one sentence
	Tolerance float64      `json:"tolerance"` // a share of times, rates and energies; absolute of scores and shares
	Tests     int          `json:"tests"`     // figures that Holm's correction counts
	Method    string       `json:"method"`
	Cells     []CellReport `json:"cells"`
	Missing   []Missing    `json:"missing"` // cells that lack their other side
	Estimated bool         `json:"estimated,omitempty"`
	Simulated bool         `json:"simulated,omitempty"`
}

// CellReport compares one cell.
type CellReport struct {
	At       bench.Coordinates `json:"at"`
	Baseline bench.CellID      `json:"baseline"`
	Now      bench.CellID      `json:"now"`
	Verdict  Verdict           `json:"verdict"`
	Figures  []Figure          `json:"figures"`
	// Changes are what is not the same beside the figures.
	Changes []Change `json:"changes"`
	// StartC are the mean temperatures at the start of either side, in °C, over
	// the channels that both have; nil without such a channel.
	StartC *Temperatures `json:"start_c"`
}

// Temperatures are those of both sides, in °C.
type Temperatures struct {
	Before   float64 `json:"before"`
	Now      float64 `json:"now"`
	Channels int     `json:"channels"`
}

// Figure compares one metric of a cell.
type Figure struct {
	Metric Metric `json:"metric"`
	Unit   string `json:"unit"`
	// Ratio says that Shift, Low and High are now ÷ before − 1; else they are
	// now − before.
	Ratio bool `json:"ratio"`
	// Before and Now are means over journals of means over runs: geometric ones
	// where Ratio is set.
	Before *float64 `json:"before"`
	Now    *float64 `json:"now"`
	Shift  *float64 `json:"shift"`
	Low    *float64 `json:"ci95_low"`
	High   *float64 `json:"ci95_high"`
	// P is of a shift that is within the tolerance; PHolm is P corrected for all
	// figures compared.
	P          *float64 `json:"p"`
	PHolm      *float64 `json:"p_holm"`
	Verdict    Verdict  `json:"verdict"`
	Missing    string   `json:"missing,omitempty"` // why there is no shift or no interval
	Journals   int      `json:"journals"`
	RunsBefore int      `json:"runs_before"`
	RunsNow    int      `json:"runs_now"`
	Estimated  bool     `json:"estimated,omitempty"`
	Simulated  bool     `json:"simulated,omitempty"`
}

// Change is something that is not as it was.
type Change struct {
	What   string `json:"what"`
	Before string `json:"before"`
	Now    string `json:"now"`
}

// String says it in words.
func (c Change) String() string {
	return fmt.Sprintf("%s: %s → %s", c.What, named(c.Before), named(c.Now))
}

func named(text string) string {
	if text == "" {
		return "not known"
	}
	return text
}

// Missing is a cell that could not be compared: its other side is not there, was
// not measured, or was measured with other settings.
type Missing struct {
	At     bench.Coordinates `json:"at"`
	Cell   bench.CellID      `json:"cell,omitempty"` // of the side that has it
	Side   string            `json:"side"`           // the side at fault: baseline or now
	State  bench.State       `json:"state,omitempty"`
	Reason string            `json:"reason"`
}

// The sides of a comparison.
const (
	SideBaseline = "baseline"
	SideNow      = "now"
)

// Alarming reports whether a person should look, and why: a figure drifted, or
// a reference cell that could be measured once failed now. Commands end with the
// code of drift then.
func (r Report) Alarming() (why string, alarm bool) {
	if r.Verdict == Drifted {
		return r.Text, true
	}
	for _, m := range r.Missing {
		if m.Side == SideNow && (m.State == bench.StateFailed || m.State == bench.StateUnfit) {
			return r.Text, true
		}
	}
	return "", false
}

// Changes lists what changed in any cell, each once.
func (r Report) Changes() []Change {
	var out []Change
	seen := map[Change]bool{}
	for _, c := range r.Cells {
		for _, change := range c.Changes {
			if !seen[change] {
				seen[change] = true
				out = append(out, change)
			}
		}
	}
	return out
}

// Percent prints a shift with its sign.
func (f Figure) Percent() string {
	if f.Shift == nil {
		return ""
	}
	return signed(*f.Shift, f.Ratio)
}

// Interval prints the interval of the shift.
func (f Figure) Interval() string {
	if f.Low == nil || f.High == nil {
		return ""
	}
	return signed(*f.Low, f.Ratio) + " to " + signed(*f.High, f.Ratio)
}

func signed(v float64, ratio bool) string {
	if ratio {
		return fmt.Sprintf("%+.1f %%", 100*v)
	}
	return fmt.Sprintf("%+.3f", v)
}

// sentence sums a report up.
func (r Report) sentence() string {
	drifted, undecided, steady := 0, 0, 0
	worst, worstText := 0.0, ""
	for _, c := range r.Cells {
		for _, f := range c.Figures {
			switch f.Verdict {
			case Drifted:
				drifted++
				if size := math.Abs(*f.Shift); size >= worst {
					worst, worstText = size, fmt.Sprintf("%s %s on %s", f.Metric, f.Percent(), c.At)
				}
			case Undecided:
				undecided++
			case Steady:
				steady++
			}
		}
	}
	parts := []string{fmt.Sprintf("%s: of %d figures in %d cell(s) %d steady within ±%g %%, %d drifted, %d not decided",
		r.Verdict, steady+drifted+undecided, len(r.Cells), steady, 100*r.Tolerance, drifted, undecided)}
	if worstText != "" {
		parts = append(parts, "the largest "+worstText)
	}
	if n := len(r.Missing); n > 0 {
		parts = append(parts, fmt.Sprintf("%d cell(s) not comparable", n))
	}
	var whats []string
	seen := map[string]bool{}
	for _, change := range r.Changes() {
		if !seen[change.What] {
			seen[change.What] = true
			whats = append(whats, change.What)
		}
	}
	if len(whats) > 0 {
		parts = append(parts, "changed: "+strings.Join(whats, ", "))
	}
	return strings.Join(parts, "; ")
}
