package stats

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// fillScores makes the figures of rightness. Their denominator is every call
// on a journal with gold codes; a call without an answer counts as 0.
func fillScores(r *bench.CellResult, answers joined, seed uint64) {
	if answers.missing != "" {
		r.WeightedScoreMissing, r.ExactMatchMissing, r.ExactAt5Missing = answers.missing, answers.missing, answers.missing
		r.F1Missing, r.SharesMissing = answers.missing, answers.missing
		return
	}
	weighted := estimateScore(answers.observations(func(s scored) float64 { return s.weighted }), false, seed)
	first := estimateScore(answers.observations(func(s scored) float64 { return s.exactAt1 }), true, seed)
	five := estimateScore(answers.observations(func(s scored) float64 { return s.exactAt5 }), true, seed)
	r.WeightedScore, r.ExactMatch, r.ExactAt5 = &weighted, &first, &five
	fillF1(r, answers.rows)
	fillShares(r, answers.rows)
}

// fillF1 makes precision, recall and F1 at each level: micro over all calls,
// macro as the mean of the calls' F1.
func fillF1(r *bench.CellResult, rows []scored) {
	unknown := 0
	for _, row := range rows {
		if row.noGold {
			unknown++
		}
	}
	if unknown > 0 {
		r.F1Missing = fmt.Sprintf("the gold codes of %d unanswered calls are not known", unknown)
		return
	}
	r.FullCode = f1(rows, func(s scored) bench.Hits { return s.full })
	r.Category = f1(rows, func(s scored) bench.Hits { return s.category })
	r.Chapter = f1(rows, func(s scored) bench.Hits { return s.chapter })
}

func f1(rows []scored, level func(scored) bench.Hits) *bench.F1Figures {
	var all bench.Hits
	var macro float64
	for _, row := range rows {
		_, _, one := level(row).PRF()
		macro += one
		all = all.Add(level(row))
	}
	figures := bench.F1Figures{MacroF1: macro / float64(len(rows))}
	figures.MicroPrecision, figures.MicroRecall, figures.MicroF1 = all.PRF()
	return &figures
}

// fillShares makes the share of answers without a code, over answered calls,
// and the share of codes that the code list does not hold, over codes said.
func fillShares(r *bench.CellResult, rows []scored) {
	answered, noCode, codes, unknown := 0, 0, 0, 0
	for _, row := range rows {
		if !row.answered {
			continue
		}
		answered++
		codes += row.codes
		unknown += row.unknown
		if row.noCode {
			noCode++
		}
	}
	if answered == 0 {
		r.SharesMissing = "no call was answered"
		return
	}
	share := float64(noCode) / float64(answered)
	r.NoCodeShare = &share
	switch {
	case r.CodeList == "":
		r.SharesMissing = "unknown_code_share: no code list was chosen"
	case codes == 0:
		r.SharesMissing = "unknown_code_share: no answer held a code"
	default:
		unknownShare := float64(unknown) / float64(codes)
		r.UnknownShare = &unknownShare
	}
}
