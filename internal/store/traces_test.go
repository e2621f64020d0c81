package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

func traceAnchor() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 123, time.UTC) }

// traceWrite has a full block 0 of a minute and a piece of the open block 1.
func traceWrite(cell bench.CellID, meter string) store.TraceWrite {
	base := traceAnchor().Truncate(time.Second)
	return store.TraceWrite{
		Series: bench.TraceSeries{
			TraceKey: bench.TraceKey{Cell: cell, Epoch: 1, Phase: bench.PhaseInference, Run: 1, No: 1, Meter: meter},
			Channels: []bench.Channel{{Name: meter + ".power", Unit: bench.UnitWatt, Simulated: true}, {Name: meter + ".energy", Unit: bench.UnitJoule, Counter: true}},
			Interval: 50 * time.Millisecond, Anchor: traceAnchor(), Reasons: []string{"no answer"},
			Quality: bench.SamplingQuality{Meter: meter, Samples: 40, Dropped: 2},
		},
		Recording: 100,
		Blocks: []bench.TraceBlock{{
			No: 0, From: time.Second, To: 4 * time.Second, Ticks: 60, Data: []byte{1, 2, 3},
			Seconds: []bench.TraceSecond{
				{Channel: 0, Second: base.Add(time.Second), N: 20, Mean: 300.25, Min: 290, Max: 310},
				{Channel: 0, Second: base.Add(3 * time.Second), N: 10, Mean: 100, Min: 100, Max: 100},
				{Channel: 1, Second: base.Add(time.Second), N: 20, Mean: 123456789.125, Min: 123456788, Max: 123456790.5},
			},
		}},
		Open: 1,
		Tail: []bench.TraceBlock{{
			No: 0, From: 4050 * time.Millisecond, To: 5 * time.Second, Ticks: 20, Data: []byte{4},
			Seconds: []bench.TraceSecond{{Channel: 0, Second: base.Add(3 * time.Second), N: 30, Mean: 200, Min: 150, Max: 250}},
		}},
	}
}

func readTraces(t *testing.T, s *store.Store, q store.TraceQuery) []store.Trace {
	t.Helper()
	var out []store.Trace
	require.NoError(t, s.Traces(t.Context(), q, func(one store.Trace) error {
		out = append(out, one)
		return nil
	}))
	return out
}

func dataOf(one store.Trace) (all []byte) {
	for _, b := range one.Blocks {
		all = append(all, b.Data...)
	}
	return all
}

func TestTracesComeBack(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("traces", "a")
	put(t, s, p)
	cell := p.Cells[0].ID
	w := traceWrite(cell, "nvml")
	for range 3 { // the same write again changes nothing
		require.NoError(t, s.PutTraces(t.Context(), w, traceWrite(cell, "host")))
	}
	got := readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1, Meter: "nvml"})
	require.Len(t, got, 1)
	require.Empty(t, cmp.Diff(w.Series, got[0].Series))
	require.False(t, got[0].Complete)
	require.Equal(t, []byte{1, 2, 3, 4}, dataOf(got[0]))
	require.Equal(t, 4050*time.Millisecond, got[0].Blocks[1].From)

	// The open block is full now: its pieces no longer count.
	full := w
	full.Blocks = []bench.TraceBlock{{No: 1, From: 4050 * time.Millisecond, To: 60 * time.Second, Data: []byte{4, 5, 6}}}
	full.Open, full.Tail = 2, nil
	require.NoError(t, s.PutTraces(t.Context(), full))
	require.NoError(t, s.PutTraces(t.Context(), w), "a write that is late does no harm")
	require.Equal(t, []byte{1, 2, 3, 4, 5, 6}, dataOf(readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1, Meter: "nvml"})[0]))
	next := w
	next.Blocks, next.Open, next.Tail = nil, 2, []bench.TraceBlock{{No: 0, From: time.Minute, To: time.Minute, Data: []byte{7}}}
	require.NoError(t, s.PutTraces(t.Context(), next))
	require.NoError(t, s.PutTraces(t.Context(), w))
	require.Equal(t, []byte{1, 2, 3, 4, 5, 6, 7}, dataOf(readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1, Meter: "nvml"})[0]))

	// The series ends; what comes after is dropped.
	last := next
	last.Blocks, last.Open, last.Tail, last.Last = []bench.TraceBlock{{No: 2, From: time.Minute, To: time.Minute, Data: []byte{7}}}, 3, nil, true
	require.NoError(t, s.PutTraces(t.Context(), last))
	require.NoError(t, s.PutTraces(t.Context(), next))
	end := readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1, Meter: "nvml"})[0]
	require.True(t, end.Complete)
	require.Equal(t, []byte{1, 2, 3, 4, 5, 6, 7}, dataOf(end))
}

func TestTracesByTimeAndPhase(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("trace-query", "a")
	put(t, s, p)
	cell := p.Cells[0].ID
	idle := traceWrite(cell, "host")
	idle.Series.Phase, idle.Recording = bench.PhaseIdle, 50
	require.NoError(t, s.PutTraces(t.Context(), traceWrite(cell, "nvml"), idle))
	all := readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1})
	require.Len(t, all, 2)
	require.Equal(t, bench.PhaseIdle, all[0].Series.Phase, "in the order of time")
	require.Len(t, readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1, Phases: []bench.Phase{bench.PhaseInference}}), 1)
	require.Empty(t, readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 2}))
	late := readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1, Meter: "nvml", From: traceAnchor().Add(4001 * time.Millisecond)})
	require.Equal(t, []byte{4}, dataOf(late[0]))
	early := readTraces(t, s, store.TraceQuery{Cell: cell, Epoch: 1, Meter: "nvml", To: traceAnchor().Add(2 * time.Second)})
	require.Equal(t, []byte{1, 2, 3}, dataOf(early[0]))
	stop := errors.New("enough")
	require.ErrorIs(t, s.Traces(t.Context(), store.TraceQuery{Cell: cell, Epoch: 1}, func(store.Trace) error { return stop }), stop)
	sizes, err := s.TraceSize(t.Context(), cell, 1)
	require.NoError(t, err)
	require.Len(t, sizes, 2)
	require.Greater(t, sizes["nvml"], int64(100))
}

func TestLaterRecordingReplacesTheEarlier(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("trace-again", "a")
	put(t, s, p)
	first := traceWrite(p.Cells[0].ID, "host")
	require.NoError(t, s.PutTraces(t.Context(), first))
	again := first
	again.Recording, again.Blocks, again.Tail = 200, []bench.TraceBlock{{No: 0, Data: []byte{9}}}, nil
	require.NoError(t, s.PutTraces(t.Context(), again))
	require.NoError(t, s.PutTraces(t.Context(), first), "what the cut recording still writes is dropped")
	require.Equal(t, []byte{9}, dataOf(readTraces(t, s, store.TraceQuery{Cell: p.Cells[0].ID, Epoch: 1})[0]))
}

func TestTwoWritersOfOneBlock(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("trace-race", "a")
	put(t, s, p)
	w := traceWrite(p.Cells[0].ID, "host")
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() { errs[i] = s.PutTraces(context.WithoutCancel(t.Context()), w) })
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, []byte{1, 2, 3, 4}, dataOf(readTraces(t, s, store.TraceQuery{Cell: w.Series.Cell, Epoch: 1})[0]))
}

func TestTraceOfWrongShapeIsRefused(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("trace-shape", "a")
	put(t, s, p)
	w := traceWrite(p.Cells[0].ID, "host")
	w.Blocks[0].Seconds[0].Channel = 2
	require.ErrorContains(t, s.PutTraces(t.Context(), w), "the series has 2 channels")
	w.Blocks[0].Seconds[0].Channel = 0
	w.Blocks[0].Seconds[0].Second = time.Unix(0, 0)
	require.ErrorContains(t, s.PutTraces(t.Context(), w), "spans")
	require.Empty(t, readTraces(t, s, store.TraceQuery{Cell: w.Series.Cell, Epoch: 1}), "nothing is half done")
}

// TestSecondsInSQL asks the view as a dashboard does.
func TestSecondsInSQL(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("trace-seconds", "a")
	put(t, s, p)
	w := traceWrite(p.Cells[0].ID, "nvml")
	flat := traceWrite(p.Cells[0].ID, "host")
	flat.Tail = nil
	flat.Blocks[0].Seconds = flat.Blocks[0].Seconds[1:2]
	require.NoError(t, s.PutTraces(t.Context(), w, flat))
	rows, err := store.Pool(s).Query(t.Context(), `SELECT channel, unit, second, n, mean, min, max, estimated, simulated FROM trace_seconds
		WHERE cell_id = $1 AND epoch = 1 AND phase = 'inference' AND run = 1 AND no = 1 ORDER BY meter DESC, channel DESC, second`, w.Series.Cell)
	require.NoError(t, err)
	type row struct {
		Channel, Unit  string
		Second         time.Time
		N              int64
		Mean, Min, Max float64
		Estimated      bool
		Simulated      bool
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	require.NoError(t, err)
	for i := range got {
		got[i].Second = got[i].Second.UTC()
	}
	base := traceAnchor().Truncate(time.Second)
	require.Equal(t, []row{
		{"nvml.power", "W", base.Add(time.Second), 20, 300.25, 290, 310, false, true},
		{"nvml.power", "W", base.Add(3 * time.Second), 40, 175, 100, 250, false, true}, // of a full block and of a piece
		{"nvml.energy", "J", base.Add(time.Second), 20, 123456789.125, 123456788, 123456790.5, false, false},
		{"host.power", "W", base.Add(3 * time.Second), 10, 100, 100, 100, false, true},
	}, got)
}

func TestCallReadings(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	p := plan("call-readings", "a")
	put(t, s, p)
	cell := p.Cells[0].ID
	half, peak, joules := 0.5, 7.0, 12.25
	one := func(run, item int, channel string) bench.CallReading {
		return bench.CallReading{CallKey: bench.CallKey{Cell: cell, Run: run, Item: item}, Channel: channel, Unit: bench.UnitWatt, Mean: &half, Peak: &peak, Samples: 3}
	}
	withEnergy, missing := one(1, 0, "gpu0.power"), one(2, 0, "gpu1.power")
	withEnergy.EnergyJ = &joules
	missing.Mean, missing.Peak, missing.Samples, missing.Missing = nil, nil, 0, "asleep"
	// By channel, as traces tell them; they come back by call.
	given := []bench.CallReading{one(2, 0, "gpu0.power"), withEnergy, one(1, 1, "gpu0.power"), missing, one(1, 0, "gpu1.power")}
	for range 2 {
		require.NoError(t, s.PutCallReadings(t.Context(), cell, 1, given))
	}
	got, err := s.CallReadings(t.Context(), cell, 1)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff([]bench.CallReading{withEnergy, given[4], given[2], given[0], missing}, got))
	require.NoError(t, s.PutCallReadings(t.Context(), cell, 1, nil))
	got, err = s.CallReadings(t.Context(), cell, 1)
	require.NoError(t, err)
	require.Empty(t, got)
}
