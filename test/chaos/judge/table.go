package judge

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The markers between which a page holds the table that the run made.
const (
	Begin = "<!-- faults:begin (written by make chaos) -->"
	End   = "<!-- faults:end -->"
)

// group is the rows of one fault at one stage.
type group struct {
	fault, stage string
	rows         []Row
}

func groups(rows []Row) []group {
	var out []group
	for _, r := range rows {
		i := slices.IndexFunc(out, func(g group) bool { return g.fault == r.Fault && g.stage == r.Stage })
		if i < 0 {
			i = len(out)
			out = append(out, group{fault: r.Fault, stage: r.Stage})
		}
		out[i].rows = append(out[i].rows, r)
	}
	slices.SortStableFunc(out, func(a, b group) int { return cmp.Compare(a.fault, b.fault) })
	return out
}

// Table writes rows as a Markdown table, one line per fault and stage in the
// order of stages given.
func Table(rows []Row, stages []string) string {
	list := groups(rows)
	slices.SortStableFunc(list, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.fault, b.fault), cmp.Compare(slices.Index(stages, a.stage), slices.Index(stages, b.stage)))
	})
	var b strings.Builder
	b.WriteString("| fault | stage | n | ok | to the next call, median (s) | max (s) | calls measured again, max | calls failed, max | calls lost | calls twice |\n")
	b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, g := range list {
		n, ok, again, failed, lost, twice := 0, 0, 0, 0, 0, 0
		var times []float64
		for _, r := range g.rows {
			if r.Skipped == "" {
				n++
			}
			if r.OK {
				ok++
			}
			if r.ResumeS >= 0 {
				times = append(times, r.ResumeS)
			}
			again, failed = max(again, r.RemeasuredCalls), max(failed, r.FailedCalls)
			lost, twice = lost+r.LostCalls, twice+r.DuplicateCalls+r.ExtraRequests
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %s | %d | %d | %d | %d |\n",
			g.fault, g.stage, n, ok, seconds(median(times), len(times)), seconds(most(times), len(times)), again, failed, lost, twice)
	}
	return b.String() + skips(rows)
}

// skips lists what was not played.
func skips(rows []Row) string {
	var list []string
	for _, r := range rows {
		if line := fmt.Sprintf("`%s` at %s: %s", r.Fault, r.Stage, r.Skipped); r.Skipped != "" && !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "\nNot played here: " + strings.Join(list, "; ") + ".\n"
}

func seconds(s float64, n int) string {
	if n == 0 {
		return "never"
	}
	return fmt.Sprintf("%.1f", s)
}

func most(times []float64) float64 {
	if len(times) == 0 {
		return 0
	}
	return slices.Max(times)
}

// median of an even number of times is the mean of the middle two.
func median(times []float64) float64 {
	if len(times) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(times))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// Render puts text between the markers of a page.
func Render(page []byte, text string) ([]byte, error) {
	before, rest, ok := bytes.Cut(page, []byte(Begin))
	_, after, closed := bytes.Cut(rest, []byte(End))
	if !ok || !closed {
		return nil, fmt.Errorf("render table: the page has no %s … %s", Begin, End)
	}
	return slices.Concat(before, []byte(Begin+"\n"+strings.TrimSpace(text)+"\n"+End), after), nil
}

// RenderFile puts text between the markers of a file.
func RenderFile(path, text string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("render table: %w", err)
	}
	if page, err = Render(page, text); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, page, 0o644) //nolint:gosec // a page for everyone
}
