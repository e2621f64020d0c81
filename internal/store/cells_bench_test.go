package store_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

const manyCells = 10_000

// manyCellSweep stores a sweep of ten thousand cells on four hosts, of which
// half are done.
func manyCellSweep(b *testing.B) (*store.Store, bench.SweepID) {
	b.Helper()
	s := storetest.New(b)
	p := bench.Plan{Sweep: "many", Name: "many", SpecYAML: "name: many"}
	for i := range manyCells {
		at := bench.Coordinates{Host: fmt.Sprint("h", i%4), Runtime: "ollama", Model: fmt.Sprint("m", i/500), Task: "icd10", Dataset: "d", Language: strconv.Itoa(i), Load: "sequential"}
		p.Cells = append(p.Cells, bench.Cell{
			ID: bench.NewCellID(p.Sweep, at, nil), Sweep: p.Sweep, Seq: i + 1, At: at,
			Config: bench.CellConfig{Runs: 10, Model: bench.ModelConfig{Name: at.Model, Template: "{{ .Prompt }}", Ladder: make([]bench.Rung, 4)}},
		})
	}
	_, err := s.PutPlan(b.Context(), p, func(bench.Cell) int { return 40 })
	require.NoError(b, err)
	require.NoError(b, s.SetSweepState(b.Context(), p.Sweep, bench.StateRunning))
	for i := range 4 {
		// Half of each host's cells, in the one statement that a benchmark can wait for.
		_, err := s.ClaimNext(b.Context(), fmt.Sprint("h", i), "lane", 1)
		require.NoError(b, err)
	}
	_, err = store.Pool(s).Exec(b.Context(), `UPDATE cells SET state = 'done', finished_at = now(), attempt = 1, calls_done = 400, turns_closed = 1,
		overhead_ns = 90e9 + seq * 1e6, infer_ns = 400e9 + seq * 1e6 WHERE seq % 2 = 0 AND state = 'queued'`)
	require.NoError(b, err)
	_, err = store.Pool(s).Exec(b.Context(), `ANALYZE`)
	require.NoError(b, err)
	return s, p.Sweep
}

// What `wattsweep watch` asks twice a second.
func BenchmarkProgressOf10000Cells(b *testing.B) {
	s, id := manyCellSweep(b)
	for b.Loop() {
		_, err := s.SweepHead(b.Context(), id)
		require.NoError(b, err)
		groups, err := s.SweepGroups(b.Context(), id)
		require.NoError(b, err)
		require.Greater(b, len(groups), 20)
		running, err := s.RunningCells(b.Context(), id)
		require.NoError(b, err)
		require.Len(b, running, 4)
	}
}

// What a sweep's workflow asks when cells have closed.
func BenchmarkCountOf10000Cells(b *testing.B) {
	s, id := manyCellSweep(b)
	for b.Loop() {
		c, err := s.CountCells(b.Context(), id)
		require.NoError(b, err)
		require.Equal(b, manyCells, c.Total)
	}
}

// What a lane asks between two cells.
func BenchmarkClaimOf10000Cells(b *testing.B) {
	s, _ := manyCellSweep(b)
	claim := int64(1)
	for b.Loop() {
		claim++
		c, err := s.ClaimNext(b.Context(), "h0", "lane", claim)
		require.NoError(b, err)
		require.NoError(b, s.CloseCell(b.Context(), c.ID, bench.StateQueued, ""))
	}
}

// What `wattsweep status` shows beside the sums.
func BenchmarkStatusOf10000Cells(b *testing.B) {
	s, id := manyCellSweep(b)
	for b.Loop() {
		list, more, err := s.CellsWhere(b.Context(), id, store.CellQuery{Limit: 50})
		require.NoError(b, err)
		require.Len(b, list, 50)
		require.Equal(b, manyCells-50, more)
		_, err = s.SweepOverlaps(b.Context(), id)
		require.NoError(b, err)
	}
}
