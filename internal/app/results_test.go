package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/activities"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/stats"
)

// A call has joules in calls.csv only where the cell's energy counts it: not
// after the last reading of a killed segment, nor in a window without energy.
func TestAttributedFollowsTheCell(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	joules := 40.0
	meter := bench.Channel{Name: "pdu.inlet", Unit: bench.UnitWatt, Scope: bench.ScopeInlet}
	phases := []bench.PhaseReading{
		{Phase: bench.PhaseInference, Run: 1, No: 1, Channel: meter, Started: began, Window: 4 * time.Second, EnergyJ: &joules},
		{Phase: bench.PhaseInference, Run: 1, No: 2, Channel: meter, Started: began.Add(time.Minute), Window: time.Second, Missing: "too short"},
	}
	call := func(item, segment int, after, latency time.Duration) bench.Call {
		return bench.Call{
			CallKey: bench.CallKey{Cell: "c", Run: 1, Item: item}, Segment: segment, Outcome: bench.OutcomeOK,
			StartedAt: began.Add(after), Latency: latency,
		}
	}
	calls := []bench.Call{
		call(0, 1, 0, time.Second), call(1, 1, time.Second, 2*time.Second), call(2, 1, 3*time.Second, 2*time.Second),
		call(3, 2, time.Minute, 500*time.Millisecond), call(4, 3, time.Hour, time.Second),
	}
	require.Equal(t, map[bench.CallKey]float64{calls[0].CallKey: 10, calls[1].CallKey: 20}, activities.AttributedJoules(stats.CellInput{Calls: calls, Phases: phases}))
	require.Empty(t, activities.AttributedJoules(stats.CellInput{Calls: calls}))
}
