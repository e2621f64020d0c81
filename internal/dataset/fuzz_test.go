package dataset_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

// fuzzLimits keep one round short.
func fuzzLimits() dataset.Limits {
	return dataset.Limits{FileBytes: 1 << 16, Journals: 50, TextBytes: 1 << 12, Codes: 10, CodeRows: 500, Problems: 5}
}

// promises holds what Open promises of anything it returns: a set that
// verifies, or a typed refusal within its limit. It never panics.
func promises(t *testing.T, opts dataset.Options) {
	opts.Limits = fuzzLimits()
	d, err := dataset.Open(t.Context(), opts)
	if err != nil {
		invalid, ok := errors.AsType[*dataset.InvalidError](err)
		require.True(t, ok || errors.Is(err, dataset.ErrUnknown), "%v", err)
		if ok {
			require.NotEmpty(t, invalid.Problems)
			require.LessOrEqual(t, len(invalid.Problems), 5)
		}
		require.True(t, utf8.ValidString(err.Error()))
		require.False(t, strings.ContainsAny(err.Error(), "\x00\x1b"), "an error must not carry control characters to a terminal")
		return
	}
	require.True(t, dataset.Verify(d, 0).OK())
	for _, j := range d.Journals {
		for _, text := range j.Text {
			require.True(t, utf8.ValidString(text))
			require.NotContains(t, text, "\x00")
		}
	}
}

func FuzzOpenJSONL(f *testing.F) {
	raw, err := os.ReadFile("demo/journals.jsonl")
	require.NoError(f, err)
	f.Add(raw[:4000])
	f.Add([]byte(`{"id":"a","codes":["I10.9"],"text":{"sv":"x"}}`))
	f.Add([]byte(`{"id":"a","id":"b","text":{"sv":"\ud800"}}` + "\n[[[["))
	f.Fuzz(func(t *testing.T, content []byte) {
		promises(t, dataset.Options{Source: "x.jsonl", CodeSystem: "ICD-10-SE", FS: fstest.MapFS{"x.jsonl": {Data: content}}})
	})
}

func FuzzOpenManifest(f *testing.F) {
	raw, err := os.ReadFile("demo/manifest.json")
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte(`{"name":"a","file":"../x","journals":-1}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		promises(t, dataset.Options{Source: ".", FS: fstest.MapFS{"manifest.json": {Data: content}, "journals.jsonl": file(`{"id":"a","codes":["I10.9"],"text":{"sv":"x"}}`)}})
	})
}

func FuzzOpenCSV(f *testing.F) {
	f.Add([]byte("id,text,codes,language\na,x,I10.9 E119,sv\na,y,I10.9 E119,en\n"))
	f.Add([]byte("id;text;codes;language\na;\"x\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		promises(t, dataset.Options{Source: "x.csv", Format: dataset.FormatCSV, CodeSystem: "ICD-10-SE", FS: fstest.MapFS{"x.csv": {Data: content}}})
	})
}

func FuzzOpenOpenChart(f *testing.F) {
	f.Add([]byte(openChartHead+"1;Feber;Rad ett;Sepsis;Inläggs;A419 Sepsis;validation_status_approved\n"), []byte("id\traw\tcode\n1\tx\tA41.9\n"))
	f.Fuzz(func(t *testing.T, table, labels []byte) {
		promises(t, dataset.Options{Source: ".", Format: dataset.FormatOpenChart, FS: fstest.MapFS{"dataset.csv": {Data: table}, "labels.tsv": {Data: labels}}})
	})
}

func FuzzOpenCodiEsp(f *testing.F) {
	f.Add([]byte("a\ti10\na\tn28.89\nb\tr31\n"), []byte("texto"), []byte("text"))
	f.Fuzz(func(t *testing.T, codes, spanish, english []byte) {
		promises(t, dataset.Options{Source: "dev", FS: fstest.MapFS{"dev/devD.tsv": {Data: codes}, "dev/text_files/a.txt": {Data: spanish}, "dev/text_files_en/a.txt": {Data: english}}})
	})
}

func FuzzOpenCodeList(f *testing.F) {
	f.Add([]byte("code\tbillable\ttitle\nA00\t0\tx\n"))
	f.Add([]byte("\ufeffI21\t*\tx\nI20-I25\t\ty\n"))
	f.Add(packed(f, "code\ten\tsv\nA00.1\ta\tb\n").Data)
	f.Fuzz(func(t *testing.T, content []byte) {
		list, err := dataset.OpenCodeList(t.Context(), dataset.CodeListOptions{Sources: []string{"c"}, Name: "mine", System: "ICD-10-SE", Limits: fuzzLimits(), FS: fstest.MapFS{"c": {Data: content}}})
		if err != nil {
			_, ok := errors.AsType[*dataset.InvalidError](err)
			require.True(t, ok, "%v", err)
			require.True(t, utf8.ValidString(err.Error()))
			return
		}
		require.Positive(t, list.Len())
		for _, code := range list.Codes() {
			require.True(t, list.Has(code))
			require.True(t, list.HasCategory(code[:3]))
		}
	})
}

func FuzzParseLabel(f *testing.F) {
	for _, label := range []string{"K379 Appendicit", "I 48.9 Förmaksflimmer", "S4220", "", "D16.-"} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		for _, read := range []func(string) (string, bool){dataset.ParseLabel, dataset.NormaliseCode} {
			code, ok := read(label)
			require.Equal(t, ok, code != "")
			if ok {
				again, ok := dataset.NormaliseCode(code)
				require.True(t, ok)
				require.Equal(t, code, again)
			}
		}
	})
}
