package campaign

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/test/chaos/faults"
	"github.com/wattsweep/wattsweep/test/chaos/lab"
)

// Each failed call is one fault's; what lies in an outage or its recovery is no
// measure for the rest; the sweep's quiet end is.
func TestFiguresAreSharedOutToFaults(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(1_700_000_000, 0).Add(time.Duration(s) * time.Second) }
	strikeAt := func(began, back, ends int) *strike {
		return &strike{scene: faults.Scene{Began: at(began)}, back: at(back), ends: at(ends)}
	}
	call := func(from, s int, answered bool) lab.Call {
		return lab.Call{Started: at(from), Latency: time.Duration(s) * time.Second, Answered: answered}
	}
	window := func(from, s int) lab.Window {
		return lab.Window{Cell: "c", Channel: "host", Started: at(from), Length: time.Duration(s) * time.Second}
	}
	f := figures{
		calls: []lab.Call{
			call(2, 1, false), // before all faults
			call(9, 4, false), // cut by the first
			call(14, 1, true), // while it recovers
			call(17, 2, true), // well again
			call(19, 4, true), // cut by the second
			call(32, 1, true), // the quiet end
		},
		windows: []lab.Window{window(1, 2), window(5, 8), window(16, 3), window(30, 5)},
	}
	mine := []*strike{strikeAt(10, 15, 20), strikeAt(20, 28, 40)}
	for i := range mine {
		f.weigh(mine, i)
	}
	first, second := mine[0].evidence, mine[1].evidence
	require.Equal(t, []int{2, 0}, []int{first.Failed, second.Failed})
	calm := []time.Duration{2 * time.Second, time.Second}
	require.Equal(t, calm, first.Latencies.Calm)
	require.Equal(t, calm, second.Latencies.Calm)
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, first.Latencies.Struck)
	require.Equal(t, []time.Duration{4 * time.Second, time.Second}, second.Latencies.Struck)
	lengths := func(s *strike, struck bool) (list []int) {
		for _, w := range s.evidence.Windows {
			if w.Struck == struck {
				list = append(list, int(w.Length.Seconds()))
			}
		}
		return list
	}
	require.Equal(t, []int{2, 3, 5}, lengths(mine[0], false))
	require.Equal(t, []int{2, 8, 3}, lengths(mine[0], true))
	require.Equal(t, []int{2, 3, 5}, lengths(mine[1], false))
	require.Equal(t, []int{5}, lengths(mine[1], true))

	// A window over two outages is that of the longer one.
	f = figures{windows: []lab.Window{window(14, 14)}}
	two := []*strike{strikeAt(10, 15, 20), strikeAt(20, 28, 40)}
	for i := range two {
		f.weigh(two, i)
	}
	require.Empty(t, lengths(two[0], true))
	require.Equal(t, []int{14}, lengths(two[1], true))

	never := strikeAt(10, 15, 20)
	never.back = time.Time{}
	require.False(t, calmIn(never, at(18)), "an outage that never ended lasts until the next")
	require.True(t, calmIn(never, at(21)))
}

func calmIn(s *strike, when time.Time) bool {
	return calm([]*strike{s}, when, when.Add(time.Millisecond))
}
