package dataset_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

const (
	cardPath  = "../../docs/data-card.md"
	cardBegin = "<!-- counts: begin (written by: go test ./internal/dataset -run DataCard -update) -->\n"
	cardEnd   = "<!-- counts: end -->\n"
)

// The card's counts are those of the embedded set; -update rewrites them.
func TestDataCardCountsAreTrue(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(cardPath)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(raw), cardBegin)
	require.True(t, ok, "the card has lost the line %q", cardBegin)
	counts, after, ok := strings.Cut(rest, cardEnd)
	require.True(t, ok, "the card has lost the line %q", cardEnd)
	want := "\n" + cardCounts(demo(t), demoCodes(t)) + "\n"
	if *update {
		require.NoError(t, os.WriteFile(cardPath, []byte(before+cardBegin+want+cardEnd+after), 0o644))
		return
	}
	require.Equal(t, want, counts)
}

func cardCounts(d dataset.Dataset, list dataset.CodeList) string {
	report := dataset.Verify(d, 0)
	stems, several := map[string]bool{}, 0
	for _, j := range d.Journals {
		for _, code := range j.Codes {
			stems[dataset.Category(code)] = true
		}
		if len(j.Codes) > 1 {
			several++
		}
	}
	var b strings.Builder
	row := func(cells ...any) {
		for _, cell := range cells {
			fmt.Fprintf(&b, "| %v ", cell)
		}
		b.WriteString("|\n")
	}
	row("what", "value")
	row("---", "---:")
	row("journals", report.Journals)
	row("texts (Swedish + English)", report.Texts["sv"]+report.Texts["en"])
	row("code mentions", report.Codes)
	row("different codes", report.DistinctCodes)
	row("different three-character categories", len(stems))
	row("journals with more than one code", several)
	row("codes in the list `demo-codes`", list.Len())
	b.WriteString("\n")
	cardDifficulties(d, row)
	b.WriteString("\n")
	cardLengths(d, row)
	b.WriteString("\nHashes (SHA-256, as wattsweep computes them):\n\n")
	row("of", "hash")
	row("---", "---")
	row("the set", "`"+d.Hash()+"`")
	for _, lang := range d.Languages {
		row("the set in `"+lang+"`", "`"+d.HashLanguage(lang)+"`")
	}
	row("`demo-codes`", "`"+list.Hash()+"`")
	return b.String()
}

// cardDifficulties is one row a specialty, and one for the number of codes.
func cardDifficulties(d dataset.Dataset, row func(...any)) {
	levels := []string{"easy", "medium", "hard"}
	count := map[string]map[string]int{}
	for _, j := range d.Journals {
		for _, key := range []string{j.Specialty, "**all**", fmt.Sprintf("*%d code(s)*", len(j.Codes))} {
			if count[key] == nil {
				count[key] = map[string]int{}
			}
			count[key][j.Difficulty]++
			count[key]["sum"]++
		}
	}
	row("specialty", "easy", "medium", "hard", "sum")
	row("---", "---:", "---:", "---:", "---:")
	keys := slices.Sorted(maps.Keys(count))
	slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
	for _, key := range keys {
		row(key, count[key][levels[0]], count[key][levels[1]], count[key][levels[2]], count[key]["sum"])
	}
}

// rank puts specialties first, then their sum, then the numbers of codes.
func rank(key string) int {
	switch {
	case strings.HasPrefix(key, "**"):
		return 1
	case strings.HasPrefix(key, "*"):
		return 2
	}
	return 0
}

func cardLengths(d dataset.Dataset, row func(...any)) {
	row("length", "shortest", "mean", "longest", "longest in bytes")
	row("---", "---:", "---:", "---:", "---:")
	for _, lang := range []string{"sv", "en"} {
		var words []int
		sum, bytes := 0, 0
		for _, j := range d.Journals {
			n := len(strings.Fields(j.Text[lang]))
			words = append(words, n)
			sum += n
			bytes = max(bytes, len(j.Text[lang]))
		}
		row("words, `"+lang+"`", slices.Min(words), fmt.Sprintf("%.1f", float64(sum)/float64(len(words))), slices.Max(words), bytes)
	}
}
