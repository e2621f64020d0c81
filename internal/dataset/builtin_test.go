package dataset_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

var update = flag.Bool("update", false, "rewrite what is generated: the demo's manifest, the data card's tables, golden files")

func demo(t testing.TB) dataset.Dataset {
	t.Helper()
	d, err := dataset.Open(t.Context(), dataset.Options{Source: dataset.DemoJournals})
	require.NoError(t, err)
	return d
}

func demoCodes(t testing.TB) dataset.CodeList {
	t.Helper()
	list, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{dataset.DemoCodes}})
	require.NoError(t, err)
	return list
}

// The manifest's count and checksum are those of the file beside it; with
// -update they are written anew (run the tests once more after it).
func TestDemoManifestIsTrue(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("demo/journals.jsonl")
	require.NoError(t, err)
	old, err := os.ReadFile("demo/manifest.json")
	require.NoError(t, err)
	var m dataset.Manifest
	require.NoError(t, json.Unmarshal(old, &m))
	sum := sha256.Sum256(raw)
	m.SHA256, m.Journals = hex.EncodeToString(sum[:]), strings.Count(string(raw), "\n")
	want, err := json.MarshalIndent(m, "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile("demo/manifest.json", want, 0o644))
		return
	}
	require.Equal(t, string(want), string(old))
}

func TestDemoOpensByName(t *testing.T) {
	t.Parallel()
	d := demo(t)
	require.Equal(t, "demo-journals", d.Name)
	require.Equal(t, "ICD-10-SE", d.CodeSystem)
	require.Equal(t, "CC-BY-4.0", d.Licence)
	require.Equal(t, []string{"en", "sv"}, d.Languages)
	require.True(t, d.HasLanguage("sv"))
	require.False(t, d.HasLanguage("es"))
	j, ok := d.Find(d.Journals[3].ID)
	require.True(t, ok)
	require.Equal(t, d.Journals[3].Codes[0], j.MainCode())
}

func TestDemoOpensInOneLanguage(t *testing.T) {
	t.Parallel()
	d, err := dataset.Open(t.Context(), dataset.Options{Source: dataset.DemoJournals, Languages: []string{"sv"}, Name: "mine", Split: "dev"})
	require.NoError(t, err)
	require.Equal(t, []string{"sv"}, d.Languages)
	require.Equal(t, "mine", d.Name)
	require.Equal(t, "dev", d.Split)
	require.NotContains(t, d.Journals[0].Text, "en")
	require.Equal(t, demo(t).HashLanguage("sv"), d.HashLanguage("sv"))
}

func TestDemoIsWhatThePlanAsksFor(t *testing.T) {
	t.Parallel()
	d := demo(t)
	require.GreaterOrEqual(t, len(d.Journals), 44)
	specialties, difficulties, several := map[string]int{}, map[string]int{}, 0
	for _, j := range d.Journals {
		specialties[j.Specialty]++
		difficulties[j.Difficulty]++
		require.NotEmpty(t, j.Codes, j.ID)
		require.LessOrEqual(t, len(j.Codes), 5, j.ID)
		if len(j.Codes) > 1 {
			several++
		}
		for _, lang := range d.Languages {
			words := len(strings.Fields(j.Text[lang]))
			require.True(t, words >= 60 && words <= 220, "%s %s has %d words", j.ID, lang, words)
			require.Equal(t, strings.Count(j.Text["sv"], "\n"), strings.Count(j.Text[lang], "\n"), "%s: the versions differ in their number of sections", j.ID)
		}
	}
	require.GreaterOrEqual(t, len(specialties), 14)
	require.Len(t, difficulties, 3)
	require.Greater(t, several, len(d.Journals)/2)
	for _, n := range []int{40, 20} {
		head := map[string]bool{}
		for _, j := range d.Head(n).Journals {
			head[j.Specialty] = true
		}
		require.GreaterOrEqual(t, len(head), 13, "the first %d journals should spread over specialties", n)
	}
}

// The answer must not be readable in the question.
func TestDemoTextsNeverHoldTheirCodes(t *testing.T) {
	t.Parallel()
	list := demoCodes(t)
	all := map[string]bool{}
	for _, code := range list.Codes() {
		all[code], all[strings.ReplaceAll(code, ".", "")] = true, true
	}
	for _, j := range demo(t).Journals {
		for lang, text := range j.Text {
			lower := strings.ToLower(text)
			for _, code := range j.Codes {
				require.NotContains(t, lower, strings.ToLower(code), "%s %s", j.ID, lang)
				require.NotContains(t, lower, strings.ToLower(strings.ReplaceAll(code, ".", "")), "%s %s", j.ID, lang)
			}
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n,;:()", r) }) {
				require.False(t, all[strings.Trim(word, ".")], "%s %s holds the code-like word %q", j.ID, lang, word)
			}
		}
	}
}

// No personal number, telephone number, address or date of a person.
func TestDemoTextsNameNobody(t *testing.T) {
	t.Parallel()
	for _, j := range demo(t).Journals {
		for lang, text := range j.Text {
			run := 0
			for _, r := range text {
				if r >= '0' && r <= '9' || r == '-' && run > 0 {
					run++
				} else {
					run = 0
				}
				require.Less(t, run, 6, "%s %s holds a long number", j.ID, lang)
			}
			require.NotContains(t, text, "@", j.ID)
		}
	}
}

func TestDemoCodesHoldWhatTheJournalsUse(t *testing.T) {
	t.Parallel()
	list := demoCodes(t)
	require.Equal(t, "demo-codes", list.Name)
	require.Equal(t, "ICD-10-SE", list.System)
	require.False(t, list.Complete, "the list is a part of ICD-10-SE and must say so")
	require.GreaterOrEqual(t, list.Len(), 500)
	require.Empty(t, list.NotListed(demo(t)))
	for _, j := range demo(t).Journals {
		for _, code := range j.Codes {
			require.True(t, list.Has(code))
			require.True(t, list.HasCategory(code[:3]))
			require.NotEmpty(t, list.Title(code, "sv"), code)
			require.NotEmpty(t, list.Title(code, "en"), code)
		}
	}
	require.True(t, list.Has("i214"))
	require.False(t, list.Has("I21.7"))
	require.False(t, list.HasCategory("V99"))
	require.True(t, slices.IsSorted(list.Codes()))
}
