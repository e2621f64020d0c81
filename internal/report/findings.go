package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// maxFindings bounds the sentences, since a sweep may have hundreds of groups.
const maxFindings = 6

// Findings says in plain words, with numbers, what a sweep found: one sentence
// for each group of cells that answered the same journals in the same
// language, and one for the cells that could not be measured. It claims a
// difference only where the 95 % intervals do not overlap, which is stricter
// than a test of the difference. It never returns an empty list.
func Findings(r bench.Results) []string {
	var found []string
	groups := scoredGroups(r.Cells)
	names := newNaming(r.Cells)
	for i, g := range groups {
		if i == maxFindings {
			found = append(found, "The table holds "+plural(len(groups)-maxFindings, "more group")+" of cells.")
			break
		}
		found = append(found, groupFinding(g, names, len(groups) > languages(groups)))
	}
	if len(found) == 0 {
		found = append(found, nothingFound(r))
	}
	if stopped := stoppedFinding(r.Cells); stopped != "" {
		found = append(found, stopped)
	}
	return found
}

// group is a set of cells whose scores may be compared: same task, dataset and
// language.
type group struct {
	task, dataset, language string
	cells                   []bench.CellResult // best first
}

func scoredGroups(cells []bench.CellResult) []group {
	var groups []group
	for _, c := range cells {
		if c.WeightedScore == nil {
			continue
		}
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.task == c.Task && g.dataset == c.Dataset && g.language == c.Language
		})
		if i < 0 {
			groups = append(groups, group{c.Task, c.Dataset, c.Language, nil})
			i = len(groups) - 1
		}
		groups[i].cells = append(groups[i].cells, c)
	}
	for _, g := range groups {
		slices.SortStableFunc(g.cells, func(a, b bench.CellResult) int {
			return cmp.Compare(b.WeightedScore.Mean, a.WeightedScore.Mean)
		})
	}
	return groups
}

func languages(groups []group) int {
	var seen []string
	for _, g := range groups {
		if !slices.Contains(seen, g.language) {
			seen = append(seen, g.language)
		}
	}
	return len(seen)
}

func groupFinding(g group, names naming, nameDataset bool) string {
	where := "In " + language(g.language)
	if nameDataset {
		where += " (" + printable(g.dataset, 60) + ", " + printable(g.task, 40) + ")"
	}
	names.dataset, names.task = false, false // said once, in front
	best := g.cells[0]
	label := names.row(best.Coordinates)
	if len(g.cells) == 1 {
		return where + ", " + label + " reached a weighted score of " + scoreWords(best) + perCall(best) + "."
	}
	if best.WeightedScore.CI95Low == nil {
		return where + ", the highest weighted score was " + label + " with " + scoreWords(best) + perCall(best) +
			"; without an interval no difference can be claimed."
	}
	var level []string
	for _, c := range g.cells[1:] {
		if !apart(*best.WeightedScore, *c.WeightedScore) {
			level = append(level, names.row(c.Coordinates))
		}
	}
	if len(level) == 0 {
		return where + ", " + label + " was the most accurate of " + compared(g.cells) +
			": weighted score " + scoreWords(best) + perCall(best) + "."
	}
	if len(level) > 3 {
		level = append(level[:2:2], plural(len(level)-2, "other"))
	}
	return where + ", " + label + " scored highest with " + scoreWords(best) + perCall(best) +
		", but it cannot be told apart from " + sentenceList(level) + ": their intervals overlap."
}

// compared counts what a group compares: models, or cells where a model stands
// more than once.
func compared(cells []bench.CellResult) string {
	var models []string
	for _, c := range cells {
		if slices.Contains(models, c.Model) {
			return plural(len(cells), "cell")
		}
		models = append(models, c.Model)
	}
	return plural(len(models), "model")
}

// apart reports whether two 95 % intervals do not overlap; without both
// intervals nothing is apart.
func apart(a, b bench.Estimate) bool {
	if a.CI95Low == nil || a.CI95High == nil || b.CI95Low == nil || b.CI95High == nil {
		return false
	}
	return *a.CI95Low > *b.CI95High || *b.CI95Low > *a.CI95High
}

func scoreWords(c bench.CellResult) string {
	s := c.WeightedScore
	text := two(s.Mean)
	if s.CI95Low != nil && s.CI95High != nil {
		text += " (95\u00a0% " + span(*s.CI95Low, *s.CI95High, two) + ")"
	}
	return text
}

// perCall says what a call cost in energy and time, with the word that tells
// on what the energy rests.
func perCall(c bench.CellResult) string {
	var text string
	if c.Energy != nil {
		text = ", at " + strings.ReplaceAll(withDoubt(c.Energy.Mean, c.Energy.Uncertainty), " ", "\u00a0") + "\u00a0J per call"
		if word := energyWord(c); word != "" {
			text += " (" + word + ")"
		}
	}
	if c.Latency == nil {
		return text
	}
	if text == "" {
		return ", with a median latency of " + three(c.Latency.P50) + "\u00a0s"
	}
	return text + " and a median latency of " + three(c.Latency.P50) + "\u00a0s"
}

func nothingFound(r bench.Results) string {
	measured := 0
	for _, c := range r.Cells {
		if hasFigures(c) {
			measured++
		}
	}
	switch {
	case len(r.Cells) == 0:
		return "This sweep has no cells yet, so there is nothing to report."
	case measured == 0 && len(r.Cells) == 1:
		return "The only cell of this sweep has no figure yet."
	case measured == 0:
		return "None of the " + plural(len(r.Cells), "cell") + " of this sweep has a figure yet."
	default:
		return "Of " + plural(len(r.Cells), "cell") + ", " + strconv.Itoa(measured) +
			" were measured and none has a weighted score, so nothing is said about accuracy."
	}
}

// stoppedFinding counts the cells that ended without a measurement, by state.
func stoppedFinding(cells []bench.CellResult) string {
	var parts []string
	total := 0
	for _, state := range []bench.State{bench.StateUnfit, bench.StateFailed, bench.StateSkipped, bench.StateCancelled} {
		n := 0
		for _, c := range cells {
			if c.State == state {
				n++
			}
		}
		if n > 0 {
			total += n
			parts = append(parts, strconv.Itoa(n)+" "+string(state))
		}
	}
	if total == 0 {
		return ""
	}
	verb := " were not measured to the end: "
	if total == 1 {
		verb = " was not measured to the end: "
	}
	return strconv.Itoa(total) + " of " + plural(len(cells), "cell") + verb + sentenceList(parts) + "."
}
