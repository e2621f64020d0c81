package dataset_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
	"github.com/wattsweep/wattsweep/internal/fault"
)

func packed(t testing.TB, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &fstest.MapFile{Data: b.Bytes()}
}

func TestOpenCodeListReadsICD10SE(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"three.txt": file("\ufeffI\t\tEtt kapitel\r\nI20-I25\t\tEn grupp\r\nI21\t\tEn kategori\r\nG63\t*\tEn annan\r\n"),
		"four.txt":  file("I214\t\tEn kod\nG630\t*\tEn annan\nE104\t†\tEn tredje\n"),
	}
	list, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{"three.txt", "four.txt"}, Name: "icd-10-se-2026", FS: files})
	require.NoError(t, err)
	require.Equal(t, "ICD-10-SE", list.System)
	require.True(t, list.Complete)
	require.Equal(t, []string{"E10.4", "G63", "G63.0", "I21", "I21.4"}, list.Codes())
	require.False(t, list.Billable("I21"))
	require.True(t, list.Billable("I21.4"))
	require.Equal(t, "En kod", list.Title("I214", "sv"))
	require.Empty(t, list.Title("I21.4", "en"))
	require.Equal(t, map[string]int{"chapter or block row, passed over": 2}, list.Noticed)
	require.False(t, list.Has("not a code"))
	require.False(t, list.HasCategory(""))
}

func TestCodeListHashIsOfItsCodes(t *testing.T) {
	t.Parallel()
	open := func(f *fstest.MapFile, incomplete bool) dataset.CodeList {
		list, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{"c"}, Name: "mine", System: "ICD-10-CM", Incomplete: incomplete, FS: fstest.MapFS{"c": f}})
		require.NoError(t, err)
		return list
	}
	plain := open(file("code\tbillable\ttitle\nA00\t0\tone\nA00.1\t1\ttwo\n"), false)
	require.Equal(t, plain.Hash(), open(packed(t, "code\tbillable\ttitle\r\nA00.1\t1\tanders\r\nA00\t0\t\r\n"), false).Hash())
	require.NotEqual(t, plain.Hash(), open(file("code\tbillable\ttitle\nA00\t1\tone\nA00.1\t1\ttwo\n"), false).Hash())
	require.NotEqual(t, plain.Hash(), open(file("code\tbillable\ttitle\nA00\t0\tone\nA00.1\t1\ttwo\n"), true).Hash())
	require.Equal(t, 2, plain.Len())
}

func TestOpenCodeListRefuses(t *testing.T) {
	t.Parallel()
	head := "code\tbillable\ttitle\n"
	cut := packed(t, head+strings.Repeat("A00.1\t1\tx\n", 500)).Data
	cases := map[string]*fstest.MapFile{
		"empty":              file(""),
		"header only":        file(head),
		"two columns":        file(head + "A00\t0\n"),
		"bad code":           file(head + "Hemlig\t0\tx\n"),
		"bad flag":           file(head + "A00\tyes\tx\n"),
		"code twice":         file(head + "A00\t0\tx\nA00\t0\tx\n"),
		"control character":  file(head + "A00\t0\t\x1b[2J\n"),
		"not UTF-8":          file(head + "A00\t0\t\xe5\n"),
		"UTF-16":             file("\xff\xfeA\x000\x00"),
		"bad mark":           file("A00\t?\tx\n"),
		"cut gzip":           {Data: cut[:len(cut)-9]},
		"gzip head only":     {Data: cut[:5]},
		"unpacks to too big": packed(t, strings.Repeat("A", 2000)),
		"too many rows":      file(head + "A00\t0\tx\nA01\t0\tx\nA02\t0\tx\nA03\t0\tx\n"),
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{
				Sources: []string{"c"}, Name: "mine", System: "ICD-10-SE",
				Limits: dataset.Limits{FileBytes: 1000, CodeRows: 3}, FS: fstest.MapFS{"c": f},
			})
			_, ok := errors.AsType[*dataset.InvalidError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, fault.Invalid, fault.KindOf(err))
			require.NotContains(t, err.Error(), "Hemlig")
		})
	}
	_, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{})
	require.ErrorIs(t, err, dataset.ErrUnknown)
	_, err = dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{"no/such/file.tsv"}, Name: "mine", System: "ICD-10-SE"})
	require.ErrorContains(t, err, "cannot be opened")
	_, err = dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{dataset.DemoCodes, "c"}, FS: fstest.MapFS{"c": file(head + "V01.1\t1\tx\n")}})
	require.ErrorContains(t, err, "cannot be mixed")
	_, err = dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{"c"}, FS: fstest.MapFS{"c": file(head + "A00\t0\tx\n")}})
	require.ErrorContains(t, err, "system")
	require.ErrorContains(t, err, "name")
}
