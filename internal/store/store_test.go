package store_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

func plan(name string, hosts ...string) bench.Plan {
	p := bench.Plan{Sweep: bench.NewSweepID([]byte(name)), Name: name, SpecYAML: "name: " + name, Seed: 1}
	for i, host := range hosts {
		at := bench.Coordinates{Host: host, Runtime: "ollama", Model: "deepseek-r1:1.5B", Task: "icd10", Dataset: "d", Language: "sv", Load: "sequential"}
		cfg := bench.CellConfig{Runs: 2, Seed: int64(i)}
		p.Cells = append(p.Cells, bench.Cell{ID: bench.NewCellID(p.Sweep, at, []byte{byte(i)}), Sweep: p.Sweep, Seq: i + 1, At: at, Config: cfg})
	}
	return p
}

func put(t *testing.T, s *store.Store, p bench.Plan) {
	t.Helper()
	_, err := s.PutPlan(t.Context(), p, func(bench.Cell) int { return 3 })
	require.NoError(t, err)
}

func TestSamePlanIsTheSameSweep(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("twice", "a", "a")
	for i, want := range []bool{true, false} {
		created, err := s.PutPlan(t.Context(), p, func(bench.Cell) int { return 3 })
		require.NoError(t, err)
		require.Equal(t, want, created, "launch %d", i+1)
	}
	cells, err := s.Cells(t.Context(), p.Sweep)
	require.NoError(t, err)
	require.Len(t, cells, 2)
	require.Empty(t, cmp.Diff(p.Cells[1], cells[1].Cell))
	sw, err := s.GetSweep(t.Context(), p.Sweep)
	require.NoError(t, err)
	require.Equal(t, map[bench.State]int{bench.StateQueued: 2}, sw.Counts)
	require.Equal(t, 2, sw.Total())
	_, err = s.GetSweep(t.Context(), "none")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestClaims(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	p := plan("claims", "a", "a", "b")
	put(t, s, p)

	first, err := s.ClaimNext(ctx, "a", "lane1", 1)
	require.NoError(t, err)
	require.Equal(t, p.Cells[0].ID, first.ID)
	require.Equal(t, 1, first.Attempt)

	again, err := s.ClaimNext(ctx, "a", "lane1", 1)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID, "the same claim gives the same cell")
	require.Equal(t, 1, again.Attempt)

	require.NoError(t, s.CloseCell(ctx, first.ID, bench.StateDone, ""))
	second, err := s.ClaimNext(ctx, "a", "lane1", 2)
	require.NoError(t, err)
	require.Equal(t, p.Cells[1].ID, second.ID)

	// A lane that lost its history goes on with the cell that was running.
	resumed, err := s.ClaimNext(ctx, "a", "lane2", 1)
	require.NoError(t, err)
	require.Equal(t, second.ID, resumed.ID)
	require.Equal(t, 2, resumed.Attempt)

	require.NoError(t, s.CloseCell(ctx, second.ID, bench.StateFailed, "why"))
	_, err = s.ClaimNext(ctx, "a", "lane2", 2)
	require.ErrorIs(t, err, store.ErrNotFound, "host b's cell is not host a's")

	require.NoError(t, s.RequestCancel(ctx, p.Sweep))
	_, err = s.ClaimNext(ctx, "b", "laneb", 1)
	require.ErrorIs(t, err, store.ErrNotFound, "a cancelled sweep gives no cells")
	n, err := s.RequeueFailed(ctx, p.Sweep)
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func call(cell bench.CellID, run, item, segment int) bench.Call {
	ttft, tokens := 20*time.Millisecond, 7
	return bench.Call{
		CallKey: bench.CallKey{Cell: cell, Run: run, Item: item}, Segment: segment, JournalID: "j1", PromptHash: "p", Nonce: "n",
		Output: "I21.4", OutputHash: bench.Hash("I21.4"), Outcome: bench.OutcomeOK, StartedAt: time.Now().UTC().Truncate(time.Microsecond),
		Start: time.Second, Latency: 300 * time.Millisecond, TimeToFirstToken: &ttft, InterTokenTimes: []time.Duration{1, 2},
		OutputTokens: &tokens, OutputWords: 1, OutputBytes: 5, PromptBytes: 9, Server: bench.ServerTimes{Total: 1, Load: 2, PromptEval: 3, Eval: 4}, Done: "stop",
	}
}

// A crash between begin and commit costs one call, which is measured once more
// and marked; everything else stays as first stored.
func TestCallsExactlyOnceOverACrash(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	p := plan("crash", "a")
	put(t, s, p)
	cell := p.Cells[0].ID
	seg := bench.Segment{Cell: cell, Run: 1, LoadToken: "t", WorkerBuild: "w", BootID: "b", Attempt: 1}

	no, before, err := s.OpenSegment(ctx, 1, seg)
	require.NoError(t, err)
	require.Equal(t, 1, no)
	require.Empty(t, before.Done)
	require.NoError(t, s.BeginCall(ctx, 1, store.Begun{Key: bench.CallKey{Cell: cell, Run: 1, Item: 0}, Attempt: 1, Segment: 1}))
	next := store.Begun{Key: bench.CallKey{Cell: cell, Run: 1, Item: 1}, Attempt: 1, Segment: 1}
	one := call(cell, 1, 0, 1)
	require.NoError(t, s.CommitCall(ctx, 1, 1, one, &next))

	// The worker dies here. The next attempt opens another segment.
	no, before, err = s.OpenSegment(ctx, 1, seg)
	require.NoError(t, err)
	require.Equal(t, 2, no)
	require.Equal(t, map[int]bool{0: true}, before.Done)
	require.Equal(t, map[int]int{0: 1, 1: 1}, before.Begun)
	require.NoError(t, s.BeginCall(ctx, 1, store.Begun{Key: bench.CallKey{Cell: cell, Run: 1, Item: 1}, Attempt: 2, Segment: 2}))
	two := call(cell, 1, 1, 2)
	require.NoError(t, s.CommitCall(ctx, 1, 2, two, nil))
	double := two
	double.Output = "second"
	require.NoError(t, s.CommitCall(ctx, 1, 2, double, nil))

	calls, err := s.Calls(ctx, cell, 1)
	require.NoError(t, err)
	two.Remeasured = true
	require.Empty(t, cmp.Diff([]bench.Call{one, two}, calls, cmpopts.EquateApproxTime(0)))
	seg.No, seg.End, seg.Calls = 2, "complete", 1
	require.NoError(t, s.CloseSegment(ctx, 1, seg, true))
	segments, err := s.Segments(ctx, cell, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"crash", "complete"}, []string{segments[0].End, segments[1].End})
	require.Equal(t, []int{1, 1}, []int{segments[0].Calls, segments[1].Calls})
	begun, committed, err := s.CallCounts(ctx, p.Sweep)
	require.NoError(t, err)
	require.Equal(t, []int{3, 2}, []int{begun, committed})

	// Another epoch starts afresh: nothing is done, attempts go on counting.
	epoch, err := s.RestartEpoch(ctx, cell, 1)
	require.NoError(t, err)
	require.Equal(t, 2, epoch)
	epoch, err = s.RestartEpoch(ctx, cell, 1)
	require.NoError(t, err)
	require.Equal(t, 2, epoch, "a retry raises it once")
	_, before, err = s.OpenSegment(ctx, 2, bench.Segment{Cell: cell, Run: 1})
	require.NoError(t, err)
	require.Empty(t, before.Done)
	require.Equal(t, map[int]int{0: 1, 1: 2}, before.Begun)
	require.Empty(t, before.Here)
	require.NoError(t, s.BeginCall(ctx, 2, store.Begun{Key: bench.CallKey{Cell: cell, Run: 1, Item: 1}, Attempt: 3, Segment: 1}))
	require.NoError(t, s.CommitCall(ctx, 2, 3, call(cell, 1, 1, 1), nil))
	calls, err = s.Calls(ctx, cell, 2)
	require.NoError(t, err)
	require.False(t, calls[0].Remeasured, "another epoch's calls are not this one's")
}

// A cell that a lost lane left running ends once its sweep is cancelled.
func TestOrphanOfACancelledSweep(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	p := plan("orphan", "a")
	put(t, s, p)
	_, err := s.ClaimNext(ctx, "a", "lost", 1)
	require.NoError(t, err)
	require.NoError(t, s.RequestCancel(ctx, p.Sweep))
	_, err = s.ClaimNext(ctx, "a", "new", 1)
	require.ErrorIs(t, err, store.ErrNotFound)
	sw, err := s.GetSweep(ctx, p.Sweep)
	require.NoError(t, err)
	require.Equal(t, map[bench.State]int{bench.StateCancelled: 1}, sw.Counts)
}

// Cells are not put back while one of a cancelled sweep is still being stopped.
func TestRequeueWaitsForTheRunningCell(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	p := plan("requeue", "a", "a")
	put(t, s, p)
	running, err := s.ClaimNext(ctx, "a", "lane", 1)
	require.NoError(t, err)
	require.NoError(t, s.RequestCancel(ctx, p.Sweep))
	_, err = s.RequeueFailed(ctx, p.Sweep)
	require.Equal(t, fault.Invalid, fault.KindOf(err), "%v", err)
	require.Contains(t, fault.HintOf(err), "wait until the running cell has ended")
	sw, err := s.GetSweep(ctx, p.Sweep)
	require.NoError(t, err)
	require.True(t, sw.Cancel, "nothing was changed")
	require.NoError(t, s.CloseCell(ctx, running.ID, bench.StateCancelled, "cancelled"))
	n, err := s.RequeueFailed(ctx, p.Sweep)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	_, err = s.RequeueFailed(ctx, "none")
	require.ErrorIs(t, err, store.ErrNotFound)

	// Without a cancellation a running cell is no hindrance.
	_, err = s.ClaimNext(ctx, "a", "lane", 2)
	require.NoError(t, err)
	_, err = s.RequeueFailed(ctx, p.Sweep)
	require.NoError(t, err)
}

// A Postgres that accepts and says nothing is unavailable, not our mistake.
func TestDatabaseThatHangs(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = store.Open(ctx, store.Options{DSN: "postgres://u@" + silent.Addr().String() + "/db?sslmode=disable"})
	require.Equal(t, fault.Unavailable, fault.KindOf(err), "%v", err)
}

func TestHostileOutputIsStorable(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("hostile", "a")
	put(t, s, p)
	c := call(p.Cells[0].ID, 1, 0, 1)
	c.Output = "a\x00b\xff'; DROP TABLE calls; --"
	require.NoError(t, s.CommitCall(t.Context(), 1, 1, c, nil))
	calls, err := s.Calls(t.Context(), c.Cell, 1)
	require.NoError(t, err)
	require.Equal(t, "a\uFFFDb\uFFFD'; DROP TABLE calls; --", calls[0].Output)
}

func TestReadingsKeepNullAndReason(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("readings", "a")
	put(t, s, p)
	mean, energy := 42.5, 100.25
	r := bench.PhaseReading{
		Cell: p.Cells[0].ID, Run: 1, Phase: bench.PhaseInference, No: 1, Started: time.Now().UTC().Truncate(time.Microsecond), Window: time.Minute,
		Channel: bench.Channel{Name: "gpu0.power", Unit: bench.UnitWatt}, Samples: 3, Missed: 1, Coverage: 0.75, Mean: &mean,
		Missing: "coverage below 95 %",
	}
	full := r
	full.Channel.Name, full.EnergyJ, full.Missing, full.Method = "pdu.inlet", &energy, "", bench.EnergyTrapezoid
	full.States = bench.ReadingCounts{OK: 3, Stale: 1, OutOfRange: 2}
	full.Uncertainty = &bench.Uncertainty{U95: 4, Standard: 2, K: 2, Parts: []bench.UncertaintyPart{{Name: "sensor accuracy", Standard: 2, Type: "B", Common: true, Basis: "stated"}}}
	full.Disagreement = &bench.Disagreement{With: "gpu0.energy", EnergyJ: 90, Relative: 0.108, Limit: 0.05, Exceeded: true}
	full.Flags = []string{"a foreign process was on the GPU"}
	require.NoError(t, s.PutPhaseReadings(t.Context(), 1, []bench.PhaseReading{r, full}))
	require.NoError(t, s.PutPhaseReadings(t.Context(), 1, []bench.PhaseReading{r, full}))
	got, err := s.PhaseReadings(t.Context(), r.Cell, 1)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]bench.PhaseReading{r, full}, got, cmpopts.EquateApproxTime(0)))
}

func TestDatasetsAndLists(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx := t.Context()
	d := store.Dataset{Info: bench.DatasetInfo{Name: "d", Hash: "h", CodeSystem: "ICD-10-SE", Journals: 2}, Journals: map[string][]store.Journal{
		"sv": {{Item: 0, ID: "1", Codes: []string{"I10.9"}, Body: "x", BodyHash: bench.Hash("x")}, {Item: 1, ID: "2", Codes: []string{}, Body: "y"}},
	}}
	require.NoError(t, s.PutDataset(ctx, d))
	require.NoError(t, s.PutDataset(ctx, d))
	got, err := s.Journals(ctx, "h", "sv", 0)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(d.Journals["sv"], got))
	got, err = s.Journals(ctx, "h", "sv", 1)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.NoError(t, s.PutCodeList(ctx, "l", "ICD-10-SE", "h1", []string{"I10.9"}))
	list, err := s.GetCodeList(ctx, "l")
	require.NoError(t, err)
	require.True(t, list.Has("I10.9"))
	require.False(t, list.Has("X00"))
}

func TestDatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Options{DSN: "postgres://u:hunter2@127.0.0.1:1/db"})
	require.Error(t, err)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.NotEmpty(t, fault.HintOf(err))
	require.NotContains(t, err.Error(), "hunter2")
	_, err = store.Open(t.Context(), store.Options{DSN: "postgres://u:hunter2@[bad"})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.NotContains(t, err.Error(), "hunter2")
}
