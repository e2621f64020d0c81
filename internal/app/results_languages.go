package app

import (
	"context"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/report"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
)

// maxPairs is how many pairs of cells a report compares between languages: each
// is read with all its calls.
const maxPairs = 200

// languages compares the languages of each model on the journals that both
// were asked. left is the number of pairs beyond maxPairs, which are not
// compared.
func languages(ctx context.Context, results *activities.Results, cells []store.Cell) (out []report.PairedDifference, left int, err error) {
	pairs := languagePairs(cells)
	if left = max(0, len(pairs)-maxPairs); left > 0 {
		pairs = pairs[:maxPairs]
	}
	for _, p := range pairs {
		pair, err := difference(ctx, results, p[0], p[1])
		if err != nil {
			return nil, 0, err
		}
		out = append(out, pair)
	}
	return out, left, nil
}

// languagePairs finds the cells that differ in their language alone and were
// both asked, in the order of the sweep.
func languagePairs(cells []store.Cell) (pairs [][2]store.Cell) {
	alike := map[bench.Coordinates][]int{}
	for i, c := range cells {
		if c.CallsDone > 0 {
			alike[butLanguage(c.At)] = append(alike[butLanguage(c.At)], i)
		}
	}
	for i, first := range cells {
		if first.CallsDone == 0 {
			continue
		}
		for _, k := range alike[butLanguage(first.At)] {
			if k > i && cells[k].At.Language != first.At.Language {
				pairs = append(pairs, [2]store.Cell{first, cells[k]})
			}
		}
	}
	return pairs
}

func butLanguage(at bench.Coordinates) bench.Coordinates {
	at.Language = ""
	return at
}

func difference(ctx context.Context, results *activities.Results, first, second store.Cell) (report.PairedDifference, error) {
	out := report.PairedDifference{At: first.At, A: first.At.Language, B: second.At.Language, Metric: "weighted score"}
	a, err := results.Answers(ctx, first.ID)
	if err != nil {
		return out, err
	}
	b, err := results.Answers(ctx, second.ID)
	if err != nil {
		return out, err
	}
	d, err := stats.ScoreDifference(a, b, uint64(first.Config.Seed)) //nolint:gosec // any 64 bits seed
	if err != nil {
		out.Missing = err.Error()
		return out, nil //nolint:nilerr // what cannot be read is left out, and said
	}
	out.Difference, out.Journals = &d.Weighted, d.Journals
	out.MeanA, out.MeanB = d.WeightedFirst, d.WeightedSecond
	out.FirstCode = &report.RightOrWrong{OnlyA: d.McNemar.OnlyFirst, OnlyB: d.McNemar.OnlySecond, MidP: d.McNemar.MidP}
	out.HedgesG = d.HedgesG
	return out, nil
}
