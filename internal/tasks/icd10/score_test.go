package icd10

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
)

type listOf map[string]bool

func (l listOf) Name() string         { return "test list" }
func (l listOf) Has(code string) bool { return l[code] }

func TestChapter(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"A09.9": "I", "B99": "I", "C00.0": "II", "D48.9": "II", "D49": "II", "D50.0": "III", "D89": "III", "D90": "",
		"E90": "IV", "E91": "", "F00": "V", "G45.9": "VI", "H25": "VII", "H59.9": "VII", "H60.0": "VIII", "H65": "VIII", "H96": "",
		"I21.4": "IX", "J18.9": "X", "K92.2": "XI", "K96": "", "L40": "XII", "M1A.00X0": "XIII", "N39.0": "XIV",
		"O9A.1": "XV", "O80": "XV", "P96": "XVI", "P97": "", "Q99": "XVII", "R10.4": "XVIII", "S72.0": "XIX", "T98": "XIX", "T99": "",
		"V01": "XX", "W19": "XX", "X59": "XX", "Y98": "XX", "Z96.6": "XXI", "Z3A.20": "XXI", "U07.1": "XXII", "C4A.0": "II", "": "", "I2": "",
	} {
		require.Equal(t, want, Chapter(code), code)
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"I21.4": "I21.4", "i214": "I21.4", " I 48.9 ": "I48.9", "D16.-": "D16", "E10.3†": "E10.3", "H36.0*": "H36.0",
		"R568X": "R56.8X", "I10.X": "I10", "I10": "I10", "s72.001a": "S72.001A",
		"": "", "I1": "", "I21.": "", "I21.4 infarkt": "", "1I0": "", "I21.45678": "",
	} {
		got, ok := Normalise(text)
		require.Equal(t, want, got, text)
		require.Equal(t, want != "", ok, text)
	}
}

func TestTiers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		predicted, gold string
		want            float64
	}{
		{"I21.4", "I21.4", 1},
		{"I21.0", "I21.4", 0.75},
		{"I10", "I10.9", 0.75}, // no padding rule
		{"I48.9", "I21.4", 0.25},
		{"D48.9", "D50.0", 0.25}, // the letter, not the chapter
		{"A09", "B99", 0},
		{"", "I10", 0},
		{"", "", 0},
		{"none", "nothing", 0},
	} {
		require.InDelta(t, c.want, Tier(c.predicted, c.gold), 0, "%s %s", c.predicted, c.gold)
	}
}

func TestScore(t *testing.T) {
	t.Parallel()
	got := Score([]string{"I214", "I10.9", "E11.9"}, []string{"I10", "I21.4", "i21.4", "D90.1", "D90.2"}, listOf{"I21.4": true, "I10": true})
	require.Empty(t, cmp.Diff(bench.CallScore{
		Gold:     []string{"I21.4", "I10.9", "E11.9"},
		Codes:    []string{"I10", "I21.4", "D90.1", "D90.2"},
		Unknown:  2,
		Weighted: 1,
		ExactAt5: true,
		Full:     bench.Hits{TP: 1, FP: 3, FN: 2},
		Category: bench.Hits{TP: 2, FP: 1, FN: 1},
		Chapter:  bench.Hits{TP: 1, FP: 1, FN: 1},
	}, got))
}

func TestScoreOfNothing(t *testing.T) {
	t.Parallel()
	got := Score([]string{"I21.4", "I22.0"}, nil, nil)
	require.True(t, got.NoCode)
	require.Zero(t, got.Weighted)
	require.Equal(t, bench.Hits{FN: 2}, got.Full)
	require.Equal(t, bench.Hits{FN: 1}, got.Chapter)
	require.Zero(t, got.Unknown)
}

func TestExactAt5LooksAtFive(t *testing.T) {
	t.Parallel()
	said := []string{"A01", "A02", "A03", "A04", "A05", "I10"}
	require.False(t, Score([]string{"I10"}, said, nil).ExactAt5)
	require.True(t, Score([]string{"A05"}, said, nil).ExactAt5)
	require.False(t, Score([]string{"A05"}, said, nil).ExactAt1)
}

func TestScoreProperties(t *testing.T) {
	t.Parallel()
	codes := rapid.SliceOfN(rapid.Custom(code), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		gold, said := codes.Draw(t, "gold"), codes.Draw(t, "said")
		s := Score(gold, said, nil)
		require.Contains(t, []float64{0, TierLetter, TierCategory, TierExact}, s.Weighted)
		require.Equal(t, len(s.Codes), s.Full.TP+s.Full.FP)
		require.Equal(t, len(s.Gold), s.Full.TP+s.Full.FN)
		require.Equal(t, s.Full.TP > 0, s.Weighted == TierExact) //nolint:testifylint // tiers are exact constants
		if s.Category.TP > 0 {
			require.GreaterOrEqual(t, s.Weighted, TierCategory)
		}
		if s.ExactAt1 {
			require.True(t, s.ExactAt5)
		}
		mirrored := Score(said, gold, nil)
		require.Equal(t, bench.Hits{TP: s.Full.TP, FP: s.Full.FN, FN: s.Full.FP}, mirrored.Full)
	})
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"en", "sv"}, Languages())
	for _, lang := range Languages() {
		text, err := Prompt(lang, "J {{journal}} 100 %s")
		require.NoError(t, err)
		require.Contains(t, text, "J {{journal}} 100 %s")
		require.NotContains(t, text, "\n{{journal}}\n")
		hash, err := PromptHash(lang)
		require.NoError(t, err)
		require.Len(t, hash, 64)
		require.Empty(t, ReadCodes(text, 0), "the prompt's own example is no answer")
	}
	require.Equal(t, "[0123]\nask", WithNonce("0123", "ask"))
	_, err := Prompt("sv", " \n")
	require.ErrorContains(t, err, "journal is empty")
	for _, lang := range []string{"de", "", "../prompts/sv", "sv.txt"} {
		_, err := Prompt(lang, "private text")
		require.ErrorContains(t, err, "known languages are en, sv")
		require.NotContains(t, err.Error(), "private")
		_, err = PromptHash(lang)
		require.Error(t, err)
	}
}
