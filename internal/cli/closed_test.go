package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

func unfit() bench.Lane {
	return bench.Lane{Host: "gpu1", State: bench.LaneUnfit, Reason: "the GPU fell off the bus", At: time.Now().Add(-time.Hour)}
}

// A host that takes no cells is named at once, then each minute, and when
// another one joins it.
func TestGuardWarnsOfClosedHosts(t *testing.T) {
	t.Parallel()
	g := &guard{ask: func(context.Context, []string) (app.Unserved, error) { return app.Unserved{}, nil }}
	begin := time.Now()
	look := func(after time.Duration, closed ...bench.Lane) string {
		return strings.Join(g.look(t.Context(), nil, closed, begin.Add(after)), "\n")
	}
	require.Empty(t, look(0))
	first := look(time.Second, unfit())
	require.Contains(t, first, "host gpu1 is unfit since ")
	require.Contains(t, first, "(the GPU fell off the bus)")
	require.Contains(t, first, "wattsweep host resume gpu1")
	require.Empty(t, look(30*time.Second, unfit()))
	require.Equal(t, first, look(61*time.Second, unfit()))
	drained := bench.Lane{Host: "gpu2", State: bench.LaneDrained, By: "ada", At: begin}
	require.Contains(t, look(62*time.Second, unfit(), drained), "host gpu2 is drained since "+ago(begin)+", by ada: its cells wait for wattsweep host resume gpu2")
	require.Empty(t, look(63*time.Second))
	require.Equal(t, first, look(64*time.Second, unfit()), "closed once more")
}

// The time left is that of hosts which work, and says so.
func TestTimeLeftWaitsForClosedHosts(t *testing.T) {
	t.Parallel()
	p := app.Progress{Sweep: store.Sweep{State: bench.StateRunning}, Left: &app.Estimate{Left: time.Minute}}
	require.Equal(t, ", about 1 min 00 s left", leftText(p))
	p.Closed = []bench.Lane{unfit()}
	require.Equal(t, ", about 1 min 00 s left once host gpu1 is opened", leftText(p))
	p.Sweep.Pause = &bench.Pause{By: "ada"}
	require.Equal(t, ", about 1 min 00 s left once resumed and host gpu1 is opened", leftText(p))
	p.Closed = append(p.Closed, bench.Lane{Host: "gpu2", State: bench.LaneDrained})
	require.Contains(t, leftText(p), "2 hosts are opened")
	out := statusOf(p, servedBy{}, nil)
	require.Len(t, out.Closed, 2)
	require.Equal(t, "the GPU fell off the bus", out.Closed[0].Reason)
	require.NotNil(t, statusOf(app.Progress{}, servedBy{}, nil).Closed, "an empty list")
}

// The workflow's word counts only where the store has none of its own.
func TestHeadlineTrustsTheStore(t *testing.T) {
	t.Parallel()
	paused := store.Sweep{State: bench.StateRunning, Pause: &bench.Pause{By: "ada"}}
	for want, c := range map[string]struct {
		sw     store.Sweep
		stands string
	}{
		": paused,":     {paused, "pausing"},
		": pausing,":    {store.Sweep{State: bench.StateRunning}, "pausing"},
		": running,":    {store.Sweep{State: bench.StateRunning}, ""},
		": cancelling,": {store.Sweep{State: bench.StateRunning, Cancel: true}, "running"},
		": done,":       {store.Sweep{State: bench.StateDone}, "running"},
	} {
		require.Contains(t, headline(app.Progress{Sweep: c.sw}, c.stands), want)
	}
}

func TestReasonsAreShort(t *testing.T) {
	t.Parallel()
	q := asked{reason: strings.Repeat("x", store.MaxReasonBytes)}
	_, err := q.in()
	require.NoError(t, err)
	q.reason += "x"
	_, err = q.in()
	require.ErrorContains(t, err, "--reason has 501 bytes")
	drain := newHostDrain()
	drain.SetArgs([]string{"gpu1", "--reason", q.reason})
	drain.SilenceUsage, drain.SilenceErrors = true, true
	require.ErrorContains(t, drain.Execute(), "--reason has 501 bytes")
}
