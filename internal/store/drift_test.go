package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

func TestBaselines(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	p := plan("pinned", "a", "b")
	put(t, s, p)
	b := store.Baseline{
		Name: "ref", Sweep: p.Sweep, Tolerance: 0.05, PinnedBy: "anna",
		Cells: []store.PinnedCell{{Cell: p.Cells[0].ID, Epoch: 2, Conditions: json.RawMessage(`{"driver": "550"}`)}},
	}
	require.NoError(t, s.PutBaseline(ctx, b))
	b.Tolerance = 0.1
	require.NoError(t, s.PutBaseline(ctx, b), "the same cells again; the tolerance may change")
	got, err := s.GetBaseline(ctx, "ref")
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), got.PinnedAt, time.Minute)
	got.PinnedAt = time.Time{}
	require.JSONEq(t, `{"driver": "550"}`, string(got.Cells[0].Conditions))
	got.Cells[0].Conditions = b.Cells[0].Conditions
	require.Equal(t, b, got)

	other := b
	other.Cells = []store.PinnedCell{{Cell: p.Cells[1].ID, Epoch: 1, Conditions: json.RawMessage(`{}`)}}
	err = s.PutBaseline(ctx, other)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "a pinned baseline is not replaced unseen")
	require.ErrorContains(t, err, "taken by other cells")

	require.NoError(t, s.SetBaselineSchedule(ctx, "ref", "nightly"))
	list, err := s.Baselines(ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "nightly", list[0].Schedule)
	require.ErrorIs(t, s.SetBaselineSchedule(ctx, "none", "x"), store.ErrNotFound)
	require.NoError(t, s.DeleteBaseline(ctx, "ref"))
	require.ErrorIs(t, s.DeleteBaseline(ctx, "ref"), store.ErrNotFound)
	_, err = s.GetBaseline(ctx, "ref")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestDriftRuns(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	base, first, second := plan("base", "a"), plan("first", "a"), plan("second", "a")
	for _, p := range []bench.Plan{base, first, second} {
		put(t, s, p)
	}
	at := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	for i, p := range []bench.Plan{first, second} {
		r := store.DriftRun{Sweep: p.Sweep, Name: "ref", Baseline: base.Sweep, At: at.AddDate(0, 0, i)}
		require.NoError(t, s.PutDriftRun(ctx, r))
		r.At = time.Now()
		require.NoError(t, s.PutDriftRun(ctx, r), "the same run again changes nothing")
	}
	_, err := s.GetDriftRun(ctx, base.Sweep)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.SetDriftReport(ctx, base.Sweep, "steady", nil), store.ErrNotFound)

	require.NoError(t, s.SetDriftReport(ctx, first.Sweep, "not decided", json.RawMessage(`{"v": 1}`)))
	require.NoError(t, s.SetDriftReport(ctx, first.Sweep, "drifted", json.RawMessage(`{"v": 2}`)))
	require.NoError(t, s.SetDriftAlarm(ctx, first.Sweep, false, "exit status 1"))
	require.NoError(t, s.SetDriftAlarm(ctx, first.Sweep, true, "told"))
	runs, err := s.DriftRuns(ctx, "ref")
	require.NoError(t, err)
	require.Equal(t, []bench.SweepID{second.Sweep, first.Sweep}, []bench.SweepID{runs[0].Sweep, runs[1].Sweep}, "newest first")
	require.Nil(t, runs[0].Report)
	got := runs[1]
	require.True(t, at.Equal(got.At))
	require.Equal(t, "drifted", got.Verdict)
	require.JSONEq(t, `{"v": 2}`, string(got.Report))
	require.Equal(t, 2, got.AlarmTries)
	require.NotNil(t, got.AlarmedAt)
	require.Equal(t, "told", got.AlarmOutcome)
	require.NoError(t, s.SetDriftAlarm(ctx, first.Sweep, false, "again"))
	later, err := s.GetDriftRun(ctx, first.Sweep)
	require.NoError(t, err)
	require.Equal(t, got.AlarmedAt, later.AlarmedAt, "once told, a run stays so")
}
