package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// written is what a writer leaves of results that come cell by cell.
func written(t testing.TB, dir string, r bench.Results, calls int) (bench.Results, Paths) {
	t.Helper()
	head := r
	head.Cells = nil
	w, err := NewWriter(dir, head)
	require.NoError(t, err)
	defer w.Discard()
	for _, c := range r.Cells {
		require.NoError(t, w.Cell(c))
		require.NoError(t, w.Calls(callsOf(c, calls)))
	}
	out, paths, err := w.End(head, HTMLOptions{})
	require.NoError(t, err)
	return out, paths
}

// callsOf makes the calls of one cell.
func callsOf(c bench.CellResult, n int) iter.Seq2[CallRow, error] {
	return func(yield func(CallRow, error) bool) {
		for row := range sampleCalls(n) {
			row.Call.Cell, row.At = c.Cell, c.Coordinates
			if !yield(row, nil) {
				return
			}
		}
	}
}

// TestWriterIsWrite holds that cells that come one by one give the same files
// as cells that are all in memory.
func TestWriterIsWrite(t *testing.T) {
	t.Parallel()
	for name, r := range shapes() {
		whole, parts := t.TempDir(), t.TempDir()
		none := func(func(CallRow, error) bool) {}
		_, err := Write(whole, r, none, HTMLOptions{})
		require.NoError(t, err, name)
		written(t, parts, r, 0)
		for _, file := range Files() {
			want, err := os.ReadFile(filepath.Join(whole, file))
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(parts, file))
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "%s of %s differs", file, name)
		}
		require.ElementsMatch(t, Files(), names(t, parts))
	}
}

// TestWriterOfManyCells holds that every cell is in the files, that the page
// stays small, and that no more than some cells are kept in full.
func TestWriterOfManyCells(t *testing.T) {
	t.Parallel()
	const n = 1000
	r := cellsApart(n)
	dir := t.TempDir()
	out, paths := written(t, dir, r, 3)
	require.Len(t, out.Cells, n)
	for i, c := range out.Cells {
		require.Equal(t, i < Shown && len(r.Cells[i].Phases) > 0, len(c.Phases) > 0)
		require.Equal(t, r.Cells[i].WeightedScore, c.WeightedScore)
	}
	raw, err := os.ReadFile(paths.JSON)
	require.NoError(t, err)
	var back bench.Results
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Len(t, back.Cells, n)
	require.NotEmpty(t, back.Cells[n-3].Phases)
	require.Len(t, back.Turns, n)
	for path, rows := range map[string]int{paths.Cells: n + 1, paths.Calls: 3*n + 1} {
		f, err := os.Open(path)
		require.NoError(t, err)
		list, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Len(t, list, rows)
	}
	page, err := os.ReadFile(paths.HTML)
	require.NoError(t, err)
	require.Less(t, len(page), 4<<20)
	require.Contains(t, string(page), "Tables and charts hold the first 200 of 1\u202f000 cells; cells.csv and the other files hold all of them.")
	require.Contains(t, string(page), "The first 300 of 1\u202f000 turns; results.json holds all.")
}

func TestWriterRefusesAtTheEnd(t *testing.T) {
	t.Parallel()
	r := sample()
	cells := r.Cells
	r.Cells = nil
	for name, change := range map[string]func(head *bench.Results, c *bench.CellResult){
		"a figure without its reason": func(_ *bench.Results, c *bench.CellResult) { c.Latency, c.LatencyMissing = nil, "" },
		"a hidden estimate":           func(head *bench.Results, _ *bench.CellResult) { head.Provenance.Estimated = false },
		"no host":                     func(head *bench.Results, _ *bench.CellResult) { head.Provenance.Hosts = nil },
		"a verdict without interval": func(head *bench.Results, _ *bench.CellResult) {
			head.Targets = &bench.TargetResults{Judgements: []bench.Judgement{{Target: "x", Verdict: bench.VerdictPass}}}
		},
	} {
		head, c, dir := r, cells[0], t.TempDir()
		change(&head, &c)
		w, err := NewWriter(dir, head)
		require.NoError(t, err)
		require.NoError(t, w.Cell(c))
		_, _, err = w.End(head, HTMLOptions{})
		_, ok := problemList(err)
		require.True(t, ok, "%s: %v", name, err)
		w.Discard()
		require.Empty(t, names(t, dir), name)
	}
}

func problemList(err error) (*fault.Problems, bool) {
	p, ok := err.(*fault.Problems) //nolint:errorlint // it comes unwrapped
	return p, ok
}

// BenchmarkReport builds the report of 10,000 cells with 100 calls each, and
// says how much memory is in use when all cells were added.
func BenchmarkReport(b *testing.B) {
	r := cellsApart(200)
	for b.Loop() {
		head := r
		head.Cells, head.Sweep.Cells = nil, 10_000
		dir := b.TempDir()
		w, err := NewWriter(dir, head)
		require.NoError(b, err)
		for i := range 10_000 {
			c := r.Cells[i%200]
			c.Cell = bench.CellID(fmt.Sprintf("%016x", i))
			require.NoError(b, w.Cell(c))
			require.NoError(b, w.Calls(callsOf(c, 100)))
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-heap")
		_, paths, err := w.End(head, HTMLOptions{})
		require.NoError(b, err)
		for name, path := range map[string]string{"html-MiB": paths.HTML, "json-MiB": paths.JSON, "calls-MiB": paths.Calls} {
			info, err := os.Stat(path)
			require.NoError(b, err)
			b.ReportMetric(float64(info.Size())/(1<<20), name)
		}
	}
}
