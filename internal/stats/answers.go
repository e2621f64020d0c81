package stats

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Answers are the calls of a cell and the scores of their answers.
type Answers struct {
	Calls  []bench.Call
	Scores []bench.CallScore
}

// scored is one call as it counts for the scores.
type scored struct {
	key                          bench.CallKey
	journal                      string
	segment                      int
	weighted, exactAt1, exactAt5 float64
	full, category, chapter      bench.Hits
	answered                     bool
	noCode                       bool
	codes, unknown               int
	noGold                       bool // the gold codes of an unanswered call are not known
}

// joined holds the calls that count, in order of run and item, or why none can.
type joined struct {
	rows    []scored
	missing string
}

// join matches calls and scores. Every call on a journal with gold codes
// counts, a call without an answer as 0 with all its gold codes missed.
func (a Answers) join() joined {
	if len(a.Calls) == 0 {
		return joined{missing: "no call was made"}
	}
	byKey := make(map[bench.CallKey]*bench.CallScore, len(a.Scores))
	byJournal := map[string]*bench.CallScore{}
	for i := range a.Scores {
		s := &a.Scores[i]
		byKey[s.CallKey] = s
		byJournal[s.JournalID] = s
	}
	var rows []scored
	unscored, unlabelled := 0, 0
	for _, c := range inOrder(a.Calls) {
		s := byKey[c.CallKey]
		switch {
		case c.Outcome.Answered() && s == nil:
			unscored++
			continue
		case s == nil:
			s = byJournal[c.JournalID]
		}
		if s != nil && len(s.Gold) == 0 {
			unlabelled++
			continue
		}
		row := scoredCall(c, s)
		if !finite(row.weighted) || row.weighted < 0 || row.weighted > 1 {
			return joined{missing: "a stored score is not between 0 and 1: score the cell again"}
		}
		rows = append(rows, row)
	}
	switch {
	case unscored > 0:
		return joined{missing: fmt.Sprintf("%d answered calls are not scored yet", unscored)}
	case unlabelled > 0 && !slices.ContainsFunc(rows, func(row scored) bool { return !row.noGold }):
		return joined{missing: fmt.Sprintf("none of %d calls is on a journal with gold codes", len(a.Calls))}
	}
	return joined{rows: rows}
}

// inOrder sorts calls by run and item, so that sums do not depend on the order
// in which rows were read.
func inOrder(calls []bench.Call) []bench.Call {
	return slices.SortedStableFunc(slices.Values(calls), func(a, b bench.Call) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Item, b.Item))
	})
}

// scoredCall scores one call; s is its score or, for a call without an answer,
// any score of the same journal, or nil.
func scoredCall(c bench.Call, s *bench.CallScore) scored {
	row := scored{key: c.CallKey, journal: c.JournalID, segment: c.Segment, answered: c.Outcome.Answered()}
	switch {
	case row.answered:
		row.weighted, row.exactAt1, row.exactAt5 = s.Weighted, oneIf(s.ExactAt1), oneIf(s.ExactAt5)
		row.full, row.category, row.chapter = s.Full, s.Category, s.Chapter
		row.noCode, row.codes, row.unknown = s.NoCode, len(s.Codes), s.Unknown
	case s == nil:
		row.noGold = true
	default:
		row.full, row.category, row.chapter = allMissed(s.Full), allMissed(s.Category), allMissed(s.Chapter)
	}
	return row
}

// allMissed turns a count into that of an answer without codes.
func allMissed(h bench.Hits) bench.Hits { return bench.Hits{FN: h.TP + h.FN} }

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// observations picks one value of every call.
func (j joined) observations(value func(scored) float64) []observation {
	list := make([]observation, 0, len(j.rows))
	for _, row := range j.rows {
		list = append(list, observation{row.key.Run, row.journal, value(row)})
	}
	return list
}

// perJournal is the mean of a value over the runs of each journal.
func (j joined) perJournal(value func(scored) float64) map[string]float64 {
	g := newGroups()
	for _, row := range j.rows {
		g.add(row.journal, value(row))
	}
	means := make(map[string]float64, len(g.names))
	for i, mean := range g.means() {
		means[g.names[i]] = mean
	}
	return means
}
