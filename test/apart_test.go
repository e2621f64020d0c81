package test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/test/harness"
)

// span is a stretch of stored time in which something was measured.
type span struct {
	sweep        bench.SweepID
	what         string // the cell, and what of it
	cell         bench.CellID
	began, ended time.Time
}

// overlapping names two spans of different cells that share time, "" for none.
// Spans of one cell lie within each other, and may end when the next begins.
func overlapping(spans []span) string {
	slices.SortFunc(spans, func(a, b span) int { return a.began.Compare(b.began) })
	last := map[bench.CellID]span{} // of each cell the one that ends last so far
	for _, s := range spans {
		for cell, before := range last {
			if cell != s.cell && s.began.Before(before.ended) {
				return fmt.Sprintf("%s (%s to %s) and %s (from %s)", before.what,
					before.began.Format(time.StampMicro), before.ended.Format(time.StampMicro), s.what, s.began.Format(time.StampMicro))
			}
		}
		if before, seen := last[s.cell]; !seen || before.ended.Before(s.ended) {
			last[s.cell] = s
		}
	}
	return ""
}

func TestOverlappingSpansAreFound(t *testing.T) {
	t.Parallel()
	at := func(cell string, from, to int) span {
		begin := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		return span{cell: bench.CellID(cell), what: cell, began: begin.Add(time.Duration(from) * time.Second), ended: begin.Add(time.Duration(to) * time.Second)}
	}
	for name, c := range map[string]struct {
		spans []span
		found bool
	}{
		"none":                              {nil, false},
		"one after the other":               {[]span{at("a", 0, 10), at("b", 10, 20), at("a", 20, 30)}, false},
		"within one cell":                   {[]span{at("a", 0, 10), at("a", 2, 4), at("a", 3, 12)}, false},
		"the last moment":                   {[]span{at("b", 9, 20), at("a", 0, 10)}, true},
		"within a long one":                 {[]span{at("a", 0, 100), at("a", 1, 2), at("b", 50, 51)}, true},
		"within a long one, after a third":  {[]span{at("a", 0, 100), at("c", 200, 201), at("b", 99, 100)}, true},
		"a third one, long after the first": {[]span{at("a", 0, 1), at("b", 2, 30), at("c", 29, 31)}, true},
	} {
		require.Equal(t, c.found, overlapping(c.spans) != "", name)
	}
}

// measured gives the stored times of all calls and phase windows of sweeps, by
// the host's clock.
func measured(t *testing.T, lab *harness.Lab, sweeps ...bench.SweepID) (spans []span) {
	t.Helper()
	for _, id := range sweeps {
		for _, c := range cellsOf(t, lab, id) {
			name := fmt.Sprintf("cell %s of %s: ", c.ID, id)
			calls, err := lab.Store.Calls(t.Context(), c.ID, c.Epoch)
			require.NoError(t, err)
			for _, k := range calls {
				spans = append(spans, span{id, fmt.Sprintf("%scall %d/%d", name, k.Run, k.Item), c.ID, k.StartedAt, k.StartedAt.Add(k.Latency)})
			}
			readings, err := lab.Store.PhaseReadings(t.Context(), c.ID, c.Epoch)
			require.NoError(t, err)
			require.NotEmpty(t, readings)
			for _, r := range readings {
				spans = append(spans, span{id, fmt.Sprintf("%swindow %s %d/%d", name, r.Phase, r.Run, r.No), c.ID, r.Started, r.Started.Add(r.Window)})
			}
		}
	}
	return spans
}

// neverTogether proves from stored times that sweeps took turns on their host
// and never measured together: by the calls and windows themselves, and by what
// the program itself looks for. Times that are moved are then found by both, so
// neither is blind.
func neverTogether(t *testing.T, lab *harness.Lab, sweeps ...bench.SweepID) {
	t.Helper()
	ctx := t.Context()
	spans := measured(t, lab, sweeps...)
	require.Empty(t, overlapping(spans))
	overlaps, err := lab.Store.Overlaps(ctx)
	require.NoError(t, err)
	require.Empty(t, overlaps)

	// spans are in order of time now.
	handovers := 0
	for i := range spans[1:] {
		if spans[i].sweep != spans[i+1].sweep {
			handovers++
		}
	}
	require.GreaterOrEqual(t, handovers, 2, "each waited in the midst of the other")

	db, err := pgx.Connect(ctx, lab.Stack.PostgresDSN)
	require.NoError(t, err)
	defer func() { _ = db.Close(ctx) }()
	// One cell of the last sweep is put to when a cell of the first began.
	shift := spans[slices.IndexFunc(spans, func(s span) bool { return s.sweep == sweeps[len(sweeps)-1] })].began.
		Sub(spans[slices.IndexFunc(spans, func(s span) bool { return s.sweep == sweeps[0] })].began)
	require.NotZero(t, shift)
	for _, table := range []string{"calls", "phase_readings"} {
		move(t, db, table, sweeps[len(sweeps)-1], -shift)
		require.NotEmpty(t, overlapping(measured(t, lab, sweeps...)), table)
		if table == "phase_readings" {
			overlaps, err = lab.Store.Overlaps(ctx)
			require.NoError(t, err)
			require.NotEmpty(t, overlaps)
		}
		move(t, db, table, sweeps[len(sweeps)-1], shift)
	}
	require.Empty(t, overlapping(measured(t, lab, sweeps...)))
}

// move shifts when a sweep was measured.
func move(t *testing.T, db *pgx.Conn, table string, id bench.SweepID, by time.Duration) {
	t.Helper()
	_, err := db.Exec(t.Context(), `UPDATE `+table+` SET started_at = started_at + $2::interval
		WHERE cell_id IN (SELECT id FROM cells WHERE sweep_id = $1)`, id, by)
	require.NoError(t, err)
}
