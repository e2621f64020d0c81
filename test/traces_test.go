package test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/host"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// TestTraceOfAWorkerThatWasKilled samples this machine, stores what is pending
// now and then, drops the recorder without a last store as a kill does, and
// holds what is in Postgres against what was sampled.
func TestTraceOfAWorkerThatWasKilled(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	cell := bench.CellID("killed")
	plan := bench.Plan{Sweep: "killed", Name: "killed", Cells: []bench.Cell{{ID: cell, Sweep: "killed", Seq: 1}}}
	_, err := s.PutPlan(t.Context(), plan, func(bench.Cell) int { return 1 })
	require.NoError(t, err)

	const interval = 10 * time.Millisecond
	meter, err := host.New(host.Options{Interval: interval})
	if missing := (*meters.Missing)(nil); err != nil {
		require.ErrorAs(t, err, &missing)
		t.Skip(missing.Why)
	}
	sampler, err := meters.NewSampler(meters.NewClock(), interval, []meters.Meter{meter}, meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, sampler.Start(t.Context()))
	key := bench.TraceKey{Cell: cell, Epoch: 1, Phase: bench.PhaseInference, Run: 1, No: 1}
	anchor := time.Now().Add(-sampler.Mark())
	recorder := trace.NewRecorder(trace.Sampled(sampler), key, anchor, sampler.Mark())
	var asked time.Duration
	for range 5 {
		time.Sleep(300 * time.Millisecond) // lets samples gather; nothing rests on how many
		asked = sampler.Mark()
		for _, b := range recorder.Pending(asked) {
			require.NoError(t, s.PutTraces(t.Context(), store.TraceWrite(b)))
			recorder.Stored(b)
		}
	}
	sampler.Stop() // the recorder is not asked again
	require.NoError(t, meter.Close())

	found := 0
	require.NoError(t, s.Traces(t.Context(), store.TraceQuery{Cell: cell, Epoch: 1}, func(one store.Trace) error {
		found++
		require.False(t, one.Complete)
		got, err := trace.Load(one.Series, one.Blocks, nil)
		require.NoError(t, err)
		for ch, c := range one.Series.Channels {
			sampled := sampler.Samples(c.Name, 0, asked)
			stored := got.Readings[ch]
			require.NotEmpty(t, stored)
			requireSame(t, sampled, stored)
		}
		return nil
	}))
	require.Equal(t, 1, found)
}

// requireSame finds each stored reading among the sampled ones, and demands
// that what is not there was sampled before the window or within a second.
func requireSame(t *testing.T, sampled, stored []bench.Reading) {
	t.Helper()
	at := 0
	for at < len(sampled) && sampled[at].At.Round(trace.StampStep) < stored[0].At {
		at++
	}
	for i, r := range stored {
		if at+i == len(sampled) {
			require.Len(t, stored, i+1, "one tick at most was under way")
			return
		}
		want := sampled[at+i]
		require.Equal(t, want.At.Round(trace.StampStep), r.At)
		require.Equal(t, want.State, r.State)
		if want.State != bench.ReadingMissing {
			require.InDelta(t, want.Value, r.Value, 0)
		}
	}
	last := sampled[len(sampled)-1].At
	require.LessOrEqual(t, last-stored[len(stored)-1].At, time.Second)
}
