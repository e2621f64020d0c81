package bench

// CallScore is how right one answer is, by the ICD-10 rules of design section 6.
type CallScore struct {
	CallKey
	JournalID string   `json:"journal_id"`
	Gold      []string `json:"gold"`
	Codes     []string `json:"codes"` // as read from the answer, normalised, at most the cap
	NoCode    bool     `json:"no_code"`
	Unknown   int      `json:"unknown"` // codes that are not in the code list
	// Weighted is the best tier over (predicted, true): 1, 0.75, 0.25 or 0.
	Weighted float64 `json:"weighted"`
	// ExactAt1 says that the first code is one of the true codes, ExactAt5 that
	// any of the first five is.
	ExactAt1 bool `json:"exact_at_1"`
	ExactAt5 bool `json:"exact_at_5"`
	Full     Hits `json:"full"`     // by full code
	Category Hits `json:"category"` // by first three characters
	Chapter  Hits `json:"chapter"`  // by true chapter, I to XXII
}

// Hits count set matches of one answer: true positives, false positives,
// false negatives.
type Hits struct {
	TP int `json:"tp"`
	FP int `json:"fp"`
	FN int `json:"fn"`
}

// Add sums two counts.
func (h Hits) Add(o Hits) Hits { return Hits{h.TP + o.TP, h.FP + o.FP, h.FN + o.FN} }

// PRF gives precision, recall and F1. A ratio with an empty denominator is 0,
// and F1 is 1 when there was nothing to find and nothing was said.
func (h Hits) PRF() (precision, recall, f1 float64) {
	if h.TP+h.FP+h.FN == 0 {
		return 1, 1, 1
	}
	if h.TP+h.FP > 0 {
		precision = float64(h.TP) / float64(h.TP+h.FP)
	}
	if h.TP+h.FN > 0 {
		recall = float64(h.TP) / float64(h.TP+h.FN)
	}
	return precision, recall, 2 * float64(h.TP) / float64(2*h.TP+h.FP+h.FN)
}
