package dataset_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

func set(journals ...dataset.Journal) dataset.Dataset {
	return dataset.Dataset{Name: "mine", CodeSystem: "ICD-10-SE", Languages: []string{"sv"}, Journals: journals}
}

func journal(id, text string, codes ...string) dataset.Journal {
	return dataset.Journal{ID: id, Codes: codes, Text: map[string]string{"sv": text}}
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		set  dataset.Dataset
		want map[dataset.Kind]int
		bad  int
	}{
		{"good", set(journal("a", "one", "I10.9"), journal("b", "two", "E11.9", "I10.9")), map[dataset.Kind]int{}, 0},
		{"no gold is counted and not refused", set(journal("a", "one"), journal("b", "two", "I10.9")), map[dataset.Kind]int{dataset.KindNoCodes: 1}, 0},
		{"nothing", set(), map[dataset.Kind]int{dataset.KindFile: 1}, 1},
		{"same id", set(journal("a", "one", "I10.9"), journal("a", "two", "I10.9")), map[dataset.Kind]int{dataset.KindID: 1}, 1},
		{"id that is text", set(journal(secret, "one", "I10.9")), map[dataset.Kind]int{dataset.KindID: 1}, 1},
		{"same text laid out anew", set(journal("a", "One case", "I10.9"), journal("b", " one\n CASE", "I10.9")), map[dataset.Kind]int{dataset.KindDuplicate: 1}, 1},
		{"empty text", set(journal("a", "one", "I10.9"), journal("b", " \n", "I10.9")), map[dataset.Kind]int{dataset.KindEmptyText: 1}, 1},
		{"language missing", set(journal("a", "one", "I10.9"), dataset.Journal{ID: "b", Codes: []string{"I10.9"}}), map[dataset.Kind]int{dataset.KindLanguage: 1}, 1},
		{"codes not in their form", set(journal("a", "one", "i10.9", "I109", "Hemlig", "I10.9", "I10.9")), map[dataset.Kind]int{dataset.KindCode: 4}, 4},
		{"no code system", dataset.Dataset{Languages: []string{"sv"}, Journals: []dataset.Journal{journal("a", "one")}}, map[dataset.Kind]int{dataset.KindField: 1, dataset.KindNoCodes: 1}, 1},
		{"no language", dataset.Dataset{CodeSystem: "ICD-10-SE", Journals: []dataset.Journal{journal("a", "one", "I10.9")}}, map[dataset.Kind]int{dataset.KindLanguage: 1}, 1},
		{"language nobody has", dataset.Dataset{CodeSystem: "ICD-10-SE", Languages: []string{"en", "x y"}, Journals: []dataset.Journal{journal("a", "one", "I10.9"), journal("b", "two", "I10.9")}}, map[dataset.Kind]int{dataset.KindLanguage: 2}, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			report := dataset.Verify(c.set, 0)
			require.Equal(t, c.want, report.Counts)
			require.Len(t, report.Problems, c.bad)
			require.Equal(t, c.bad == 0, report.OK())
			for _, p := range report.Problems {
				require.NotContains(t, p.String(), "Hemlig")
			}
		})
	}
}

func TestVerifyCountsPastItsLimit(t *testing.T) {
	t.Parallel()
	var journals []dataset.Journal
	for range 9 {
		journals = append(journals, journal("a", "same", "I10.9"))
	}
	report := dataset.Verify(set(journals...), 3)
	require.Len(t, report.Problems, 3)
	require.Equal(t, 13, report.Omitted)
	require.Equal(t, 8, report.Counts[dataset.KindID])
	require.Equal(t, 8, report.Counts[dataset.KindDuplicate])
	require.False(t, report.OK())
}

// The report's shape, in a golden file; -update rewrites it.
func TestVerifyReportGolden(t *testing.T) {
	t.Parallel()
	report := dataset.Verify(set(journal("a", "One case of three", "I10.9", "E11.9"), journal("a", "one case of three", "I109"), journal("c", "Two", "E11.9"), journal("d", "")), 0)
	got, err := json.MarshalIndent(report, "", "  ")
	require.NoError(t, err)
	got = append(got, '\n')
	const golden = "testdata/verify_report.golden.json"
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestVerifyCountsTheDemo(t *testing.T) {
	t.Parallel()
	d := demo(t)
	report := dataset.Verify(d, 0)
	require.True(t, report.OK())
	require.Empty(t, report.Counts)
	require.Equal(t, len(d.Journals), report.Journals)
	require.Equal(t, map[string]int{"sv": len(d.Journals), "en": len(d.Journals)}, report.Texts)
	require.Greater(t, report.Codes, report.DistinctCodes)
	require.Zero(t, report.WithoutCodes)
}

func TestOverlapFindsTextsInBothSets(t *testing.T) {
	t.Parallel()
	a := set(journal("a1", "One"), journal("a2", "two words"), journal("a3", "three"))
	a.Journals[2].Text["en"] = "same"
	b := set(journal("b1", "Two\n  words"), journal("b2", "four"))
	b.Journals[1].Text["en"] = "same"
	require.Equal(t, []dataset.Shared{{Language: "sv", A: "a2", B: "b1"}, {Language: "en", A: "a3", B: "b2"}}, dataset.Overlap(a, b))
	require.Empty(t, dataset.Overlap(a, set(journal("c", "other"))))
	d := demo(t)
	require.Len(t, dataset.Overlap(d, d), 2*len(d.Journals))
	require.Empty(t, dataset.Overlap(d.Head(20), dropped(d, 20)))
}

// dropped is the set without its first n journals.
func dropped(d dataset.Dataset, n int) dataset.Dataset {
	d.Journals = d.Journals[n:]
	return d
}

func TestProblemString(t *testing.T) {
	t.Parallel()
	p := dataset.Problem{File: "a.csv", Line: 4, Journal: "x1", Field: "codes", Message: "m", Mend: "do this"}
	require.Equal(t, "a.csv:4: journal x1: codes: m; do this", p.String())
	require.Equal(t, "m", dataset.Problem{Message: "m"}.String())
	require.True(t, strings.HasPrefix((&dataset.InvalidError{Source: "s", Problems: []dataset.Problem{p}}).Error(), "dataset s: 1 problem(s)\n  a.csv:4"))
}
