package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files and the JSON Schema instead of comparing with them")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	require.Empty(t, cmp.Diff(string(want), string(got)), "run the test with -update if the change is meant")
}

func TestGolden(t *testing.T) {
	t.Parallel()
	r := sample()
	cases := map[string]func(io.Writer) error{
		"table.txt":    func(w io.Writer) error { return Table(w, r, FormatTable) },
		"cells.csv":    func(w io.Writer) error { return Table(w, r, FormatCSV) },
		"results.json": func(w io.Writer) error { return JSON(w, r) },
		"calls.csv":    func(w io.Writer) error { return CallsCSV(w, sampleCalls(10)) },
		"report.html":  func(w io.Writer) error { return HTML(w, r, samplePairs()) },

		"measured.html": func(w io.Writer) error { return HTML(w, measured(), HTMLOptions{}) },
		"measured.json": func(w io.Writer) error { return JSON(w, measured()) },
		"measured.txt":  func(w io.Writer) error { return Table(w, measured(), FormatTable) },
		"measured.csv":  func(w io.Writer) error { return Table(w, measured(), FormatCSV) },
		"judged.html":   func(w io.Writer) error { return HTML(w, judged(), samplePairs()) },
		"judged.json":   func(w io.Writer) error { return JSON(w, judged()) },
		"targets.csv":   func(w io.Writer) error { return TargetsCSV(w, judged().Targets) },
		"phases.csv":    func(w io.Writer) error { return PhasesCSV(w, measured()) },
		"metrics.csv":   func(w io.Writer) error { return MetricsCSV(w, measured()) },
	}
	for name, write := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first, second bytes.Buffer
			require.NoError(t, write(&first))
			require.NoError(t, write(&second))
			require.Equal(t, first.String(), second.String(), "the same results give the same bytes")
			golden(t, filepath.Join("testdata", name), first.Bytes())
		})
	}
}
