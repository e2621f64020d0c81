package dataset_test

import (
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

func copyOf(d dataset.Dataset) dataset.Dataset {
	d.Journals = slices.Clone(d.Journals)
	for i, j := range d.Journals {
		d.Journals[i].Codes, d.Journals[i].Text = slices.Clone(j.Codes), maps.Clone(j.Text)
	}
	return d
}

// The hash is part of every result, so its value may never change by accident.
func TestHashIsPinned(t *testing.T) {
	t.Parallel()
	d := set(journal("a", "en", "I10.9"), journal("b", "två", "E11.9", "I10.9"))
	d.Journals[0].Text["en"] = "one"
	require.Equal(t, "f40b6b7de7c769f243d2a7926195c63a178a991dbd4c505b345feabc7cd58d79", d.Hash())
	require.Equal(t, "1944837de56a69383d0899aa71cfcbe341fdeb1a040cdf6a749b7457e840ef94", d.HashLanguage("sv"))
	// printf två | sha256sum
	require.Equal(t, "58cf254ae30fd5f104f2857183121e6c7eaf15480fce561440403b70a260ad5c", dataset.TextHash(d.Journals[1], "sv"))
}

func TestHashChangesWithMeaningOnly(t *testing.T) {
	t.Parallel()
	base := demo(t)
	same := map[string]func(*dataset.Dataset){
		"name":    func(d *dataset.Dataset) { d.Name = "other" },
		"licence": func(d *dataset.Dataset) { d.Licence = "CC0-1.0" },
		"order":   func(d *dataset.Dataset) { slices.Reverse(d.Journals) },
	}
	for name, change := range same {
		d := copyOf(base)
		change(&d)
		require.Equal(t, base.Hash(), d.Hash(), name)
		require.Equal(t, base.HashLanguage("sv"), d.HashLanguage("sv"), name)
	}
	other := map[string]struct {
		change       func(*dataset.Dataset)
		swedishTo    bool
		textHashSame bool
	}{
		"code system":    {func(d *dataset.Dataset) { d.CodeSystem = "ICD-10-CM" }, true, true},
		"order of codes": {func(d *dataset.Dataset) { slices.Reverse(d.Journals[0].Codes); d.Journals[0].Codes[0] = "I11.9" }, true, true},
		"id":             {func(d *dataset.Dataset) { d.Journals[0].ID = "zzz" }, true, true},
		"Swedish text":   {func(d *dataset.Dataset) { d.Journals[0].Text["sv"] += "." }, true, false},
		"English text":   {func(d *dataset.Dataset) { d.Journals[0].Text["en"] += "." }, false, true},
		"difficulty":     {func(d *dataset.Dataset) { d.Journals[0].Difficulty = "hardest" }, false, true},
		"one fewer":      {func(d *dataset.Dataset) { *d = d.Head(len(d.Journals) - 1) }, true, true},
	}
	for name, c := range other {
		d := copyOf(base)
		c.change(&d)
		require.NotEqual(t, base.Hash(), d.Hash(), name)
		require.Equal(t, c.swedishTo, base.HashLanguage("sv") != d.HashLanguage("sv"), name)
		require.Equal(t, c.textHashSame, dataset.TextHash(base.Journals[0], "sv") == dataset.TextHash(d.Journals[0], "sv"), name)
	}
}

// Fields are told apart: moving a letter from one to the next changes the hash.
func TestHashTellsFieldsApart(t *testing.T) {
	t.Parallel()
	require.NotEqual(t, set(journal("ab", "c")).Hash(), set(journal("a", "bc")).Hash())
	require.NotEqual(t, set(journal("a", "b"), journal("c", "d")).HashLanguage("sv"), set(journal("a", "bcd")).HashLanguage("sv"))
}

func TestHashDoesNotDependOnTheFile(t *testing.T) {
	t.Parallel()
	open := func(name, content string) dataset.Dataset {
		d, err := dataset.Open(t.Context(), dataset.Options{Source: name, CodeSystem: "ICD-10-SE", FS: fstest.MapFS{name: file(content)}})
		require.NoError(t, err)
		return d
	}
	a := open("a.jsonl", `{"id":"1","codes":["I10.9"],"text":{"sv":"å"}}`+"\n"+`{"id":"2","codes":["E119"],"text":{"sv":"b"}}`+"\n")
	b := open("b.jsonl", "\ufeff"+` { "text" : { "sv" : " \u00e5\r\n" } , "codes" : [ "i109" ] , "id" : "1" } `+"\r\n\r\n"+`{"id":"2","codes":["E11.9"],"text":{"sv":"b"}}`)
	c := open("c.csv", "id;codes;language;text\n2;E11.9;sv;b\n1;I10.9;sv;å\n")
	require.Equal(t, a.Hash(), b.Hash())
	require.Equal(t, a.Hash(), c.Hash())
}

func TestHeadAndSample(t *testing.T) {
	t.Parallel()
	d := demo(t)
	n := len(d.Journals)
	require.Equal(t, d.Journals[:3], d.Head(3).Journals)
	require.Empty(t, d.Head(0).Journals)
	require.Len(t, d.Head(-1).Journals, n)
	require.Len(t, d.Head(n+1).Journals, n)
	require.Len(t, d.Sample(n+1, 1).Journals, n)
	require.Empty(t, d.Sample(0, 1).Journals)

	ten, twenty := d.Sample(10, 7), d.Sample(20, 7)
	require.Len(t, ten.Journals, 10)
	require.Equal(t, ten.Hash(), d.Sample(10, 7).Hash())
	require.NotEqual(t, ten.Hash(), d.Sample(10, 8).Hash())
	reversed := copyOf(d)
	slices.Reverse(reversed.Journals)
	require.Equal(t, ten.Hash(), reversed.Sample(10, 7).Hash(), "the choice must not depend on the file's order")
	at := -1
	for _, j := range ten.Journals {
		_, inTwenty := twenty.Find(j.ID)
		require.True(t, inTwenty, "a smaller sample lies inside a larger one of the same seed")
		i := slices.IndexFunc(d.Journals, func(x dataset.Journal) bool { return x.ID == j.ID })
		require.Greater(t, i, at, "a sample keeps the source's order")
		at = i
	}
	require.Len(t, d.Journals, n, "the set itself is untouched")
}
