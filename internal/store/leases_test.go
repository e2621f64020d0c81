package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

func claimant(host, holder string) store.Lease {
	return store.Lease{
		Host: host, Holder: holder, Machine: "m-" + holder, Hostname: "n", BootID: "b", PIDSpace: "4026531836", PID: 7,
		ProcStart: 1, Build: "test",
	}
}

func TestLeaseGoesFromHandToHand(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	_, err := s.GetLease(ctx, "h")
	require.ErrorIs(t, err, store.ErrNotFound)

	first, err := s.TakeLease(ctx, claimant("h", "one"), time.Hour, 0)
	require.NoError(t, err)
	require.EqualValues(t, 1, first)
	_, err = s.TakeLease(ctx, claimant("h", "two"), time.Hour, 0)
	require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err), "it is held")
	l, err := s.GetLease(ctx, "h")
	require.NoError(t, err)
	require.Equal(t, []any{"one", "m-one", int64(7), "test", false}, []any{l.Holder, l.Machine, l.PID, l.Build, l.Free()})
	require.Greater(t, l.Left, 59*time.Minute)
	require.NoError(t, s.RenewLease(ctx, "h", first, time.Hour))

	// The caller saw that the holder's process is dead.
	second, err := s.TakeLease(ctx, claimant("h", "two"), time.Millisecond, first)
	require.NoError(t, err)
	require.EqualValues(t, 2, second)
	require.Equal(t, fault.CodeLeaseLost, fault.CodeOf(s.RenewLease(ctx, "h", first, time.Hour)))
	require.NoError(t, s.ReleaseLease(ctx, "h", first), "what is lost is left alone")

	// A lease that ran out is renewed as long as nobody else took it, and free to
	// whoever comes first.
	require.Eventually(t, func() bool {
		l, err := s.GetLease(ctx, "h")
		return err == nil && l.Free()
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, s.RenewLease(ctx, "h", second, time.Hour))
	_, err = s.TakeLease(ctx, claimant("h", "three"), time.Hour, first)
	require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err), "dead was another epoch")
	require.NoError(t, s.ReleaseLease(ctx, "h", second))
	third, err := s.TakeLease(ctx, claimant("h", "three"), time.Hour, 0)
	require.NoError(t, err)
	require.EqualValues(t, 3, third)
	all, err := s.Leases(ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
}

// Many who come at once: one gets the name.
func TestLeaseIsOnes(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			_, err := s.TakeLease(t.Context(), claimant("h", "x"), time.Hour, 0)
			results <- err
		}()
	}
	got := 0
	for range cap(results) {
		if err := <-results; err == nil {
			got++
		} else {
			require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err))
		}
	}
	require.Equal(t, 1, got)
}

// A worker that was stopped, and wakes after its lease was taken over, writes
// nothing: no segment, no call, no stage, no window.
func TestLostLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	p := plan("fenced", "h")
	put(t, s, p)
	cell := p.Cells[0].ID
	epoch, err := s.TakeLease(ctx, claimant("h", "one"), time.Hour, 0)
	require.NoError(t, err)
	old := s.Under("h", epoch)
	seg := bench.Segment{Cell: cell, Run: 1, LoadToken: "t", WorkerBuild: "b", BootID: "b", Attempt: 1}
	no, _, err := old.OpenSegment(ctx, 1, seg)
	require.NoError(t, err)
	require.Equal(t, 1, no)
	key := bench.CallKey{Cell: cell, Run: 1, Item: 0}
	require.NoError(t, old.BeginCall(ctx, 1, store.Begun{Key: key, Attempt: 1, Segment: 1}))
	call := bench.Call{CallKey: key, Segment: 1, JournalID: "j", Outcome: bench.OutcomeOK, StartedAt: time.Now()}
	next := store.Begun{Key: bench.CallKey{Cell: cell, Run: 1, Item: 1}, Attempt: 1, Segment: 1}
	require.NoError(t, old.CommitCall(ctx, 1, 1, call, &next), "the holder writes")

	taken, err := s.TakeLease(ctx, claimant("h", "two"), time.Hour, epoch)
	require.NoError(t, err)
	call.Item = 1
	window := bench.TraceKey{Cell: cell, Epoch: 1, Phase: bench.PhaseInference, Run: 1, No: 1}
	for what, write := range map[string]func() error{
		"commit":  func() error { return old.CommitCall(ctx, 1, 1, call, nil) },
		"begin":   func() error { return old.BeginCall(ctx, 1, next) },
		"segment": func() error { _, _, err := old.OpenSegment(ctx, 1, seg); return err },
		"close": func() error {
			return old.CloseSegment(ctx, 1, bench.Segment{Cell: cell, Run: 1, No: 1, End: "complete", Calls: 1}, true)
		},
		"stage": func() error { return old.BeginStage(ctx, cell, 1, bench.StageInfer, 1) },
		"end": func() error {
			_, err := old.EndStage(ctx, store.StageRow{Cell: cell, Attempt: 1, Stage: bench.StageInfer, No: 1, State: "done"}, false)
			return err
		},
		"window": func() error { return old.BeginWindow(ctx, window) },
		"load": func() error {
			_, err := old.PutLoadAttempt(ctx, 1, bench.LoadAttempt{Cell: cell, Rung: 1, StartedAt: time.Now()})
			return err
		},
		"facts": func() error { return old.PutHostFacts(ctx, cell, bench.HostFacts{Host: "h"}) },
	} {
		err := write()
		require.Equal(t, fault.CodeLeaseLost, fault.CodeOf(err), "%s: %v", what, err)
	}
	begun, committed, err := s.CallCounts(ctx, p.Sweep)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{begun, committed})

	now := s.Under("h", taken)
	_, before, err := now.OpenSegment(ctx, 1, seg)
	require.NoError(t, err)
	require.True(t, before.Done[0])
	require.False(t, before.Done[1])
	require.NoError(t, now.CommitCall(ctx, 1, 2, call, nil))
}

// A takeover waits for what the old holder is just writing, so that the new one
// sees it and measures nothing twice.
func TestTakeoverWaitsForWritesUnderWay(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	epoch, err := s.TakeLease(ctx, claimant("h", "one"), time.Hour, 0)
	require.NoError(t, err)
	tx, err := store.Pool(s).Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `SELECT hold_lease('h', $1)`, epoch)
	require.NoError(t, err)
	require.NoError(t, s.RenewLease(ctx, "h", epoch, time.Hour), "a renewal does not wait")
	took := make(chan error, 1)
	go func() {
		_, err := s.TakeLease(ctx, claimant("h", "two"), time.Hour, epoch)
		took <- err
	}()
	require.Eventually(t, func() bool {
		waits := 0
		err := store.Pool(s).QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
			AND query LIKE '%FROM leases%FOR UPDATE%'`).Scan(&waits)
		return err == nil && waits > 0
	}, 20*time.Second, 10*time.Millisecond)
	require.Empty(t, took)
	require.NoError(t, tx.Commit(ctx))
	require.NoError(t, <-took)
}

func TestOwnedBy(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	p := plan("owned", "h", "h")
	put(t, s, p)
	owned, err := s.OwnedBy(ctx, "h")
	require.NoError(t, err)
	require.Empty(t, owned, "nothing is claimed")
	cell, err := s.ClaimNext(ctx, "h", "lane", 1)
	require.NoError(t, err)
	owned, err = s.OwnedBy(ctx, "h")
	require.NoError(t, err)
	require.Len(t, owned, 1)
	require.Zero(t, owned[0].Run)

	_, err = s.PutLoadAttempt(ctx, 1, bench.LoadAttempt{
		Cell: cell.ID, Rung: 2, Outcome: "loaded", StartedAt: time.Now(), Loaded: &bench.Loaded{Token: "tok"},
	})
	require.NoError(t, err)
	no, _, err := s.OpenSegment(ctx, 1, bench.Segment{Cell: cell.ID, Run: 2, LoadToken: "tok", Attempt: 1})
	require.NoError(t, err)
	key := bench.CallKey{Cell: cell.ID, Run: 2}
	require.NoError(t, s.BeginCall(ctx, 1, store.Begun{Key: key, Attempt: 1, Segment: no}))
	call := bench.Call{CallKey: key, Segment: no, JournalID: "j", Outcome: bench.OutcomeOK, StartedAt: time.Now()}
	cut := store.Begun{Key: bench.CallKey{Cell: cell.ID, Run: 2, Item: 1}, Attempt: 1, Segment: no}
	require.NoError(t, s.CommitCall(ctx, 1, 1, call, &cut))
	owned, err = s.OwnedBy(ctx, "h")
	require.NoError(t, err)
	require.Equal(t, []store.Owned{{
		Cell: string(cell.ID), Sweep: string(p.Sweep), Name: "owned", Model: "deepseek-r1:1.5B", Attempt: 1, Epoch: 1, Run: 2,
		Items: 3, Done: 1, Cut: 1, Segments: 1, Open: true, Token: "tok", Rung: 2,
	}}, owned)
}

func TestSkew(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	skew, doubt, err := s.Skew(t.Context(), func() time.Time { return time.Now().Add(-time.Hour) })
	require.NoError(t, err)
	require.InDelta(t, -time.Hour.Seconds(), skew.Seconds(), doubt.Seconds()+5, "the servers of tests share our clock")
}
