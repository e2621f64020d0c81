package icd10

import (
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The tiers of the weighted score.
const (
	TierExact    = 1.0  // the same code
	TierCategory = 0.75 // the same first three characters
	TierLetter   = 0.25 // the same first letter
)

// CodeList says which codes exist in one version of ICD-10.
type CodeList interface {
	// Name is what reports call the list.
	Name() string
	// Has reports whether a code in the form of Normalise exists.
	Has(code string) bool
}

// Tier compares two normalised codes: 1, 0.75, 0.25 or 0. An empty code
// matches nothing, and what has not the shape of a code matches only itself.
func Tier(predicted, gold string) float64 {
	switch {
	case predicted == "" || gold == "":
		return 0
	case predicted == gold:
		return TierExact
	case !shaped(predicted) || !shaped(gold):
		return 0
	case Category(predicted) == Category(gold):
		return TierCategory
	case predicted[0] == gold[0]:
		return TierLetter
	default:
		return 0
	}
}

func shaped(code string) bool {
	return len(code) >= 3 && 'A' <= code[0] && code[0] <= 'Z' && isDigit(code[1])
}

// BestTier is the best tier over all pairs of a predicted and a true code, the
// weighted score of a call; 0 where either side is empty.
func BestTier(predicted, gold []string) float64 {
	best := 0.0
	for _, p := range predicted {
		for _, g := range gold {
			best = max(best, Tier(p, g))
		}
	}
	return best
}

// SetHits compares two lists as sets: found, said wrongly, missed.
func SetHits(predicted, gold []string) bench.Hits {
	p, g := set(predicted), set(gold)
	found := 0
	for _, one := range p {
		if slices.Contains(g, one) {
			found++
		}
	}
	return bench.Hits{TP: found, FP: len(p) - found, FN: len(g) - found}
}

// Score says how right the codes of one answer are. Both lists are normalised
// first; what is no code at all is kept as it stands and matches only itself.
// The predicted codes are those that [ReadCodes] gave, most important first; the
// caller fills in the call's key and journal. With no list, Unknown stays 0 and
// means nothing. A predicted code outside every chapter is wrong at the chapter
// level, each category of such codes once.
func Score(gold, predicted []string, list CodeList) bench.CallScore {
	gold, predicted = set(normalised(gold)), set(normalised(predicted))
	s := bench.CallScore{
		Gold:     gold,
		Codes:    predicted,
		NoCode:   len(predicted) == 0,
		Weighted: BestTier(predicted, gold),
		Full:     SetHits(predicted, gold),
		Category: SetHits(mapped(predicted, Category), mapped(gold, Category)),
		Chapter:  SetHits(mapped(predicted, chapterOrSelf), mapped(gold, chapterOrSelf)),
	}
	for i, code := range predicted {
		if slices.Contains(gold, code) {
			s.ExactAt1 = s.ExactAt1 || i == 0
			s.ExactAt5 = s.ExactAt5 || i < 5
		}
		if list != nil && !list.Has(code) {
			s.Unknown++
		}
	}
	return s
}

// chapterOrSelf keeps a code without a chapter apart from every chapter.
func chapterOrSelf(code string) string {
	if chapter := Chapter(code); chapter != "" {
		return chapter
	}
	return "no chapter: " + Category(code)
}

func normalised(codes []string) []string {
	return mapped(codes, func(code string) string {
		if n, ok := Normalise(code); ok {
			return n
		}
		return code
	})
}

func mapped(codes []string, f func(string) string) []string {
	out := make([]string, 0, len(codes))
	for _, c := range codes {
		out = append(out, f(c))
	}
	return out
}

// set keeps the first of equal entries, in order, and drops empty ones.
func set(list []string) []string {
	out := make([]string, 0, len(list))
	for _, one := range list {
		if one != "" && !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}
