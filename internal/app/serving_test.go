package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// polls says how long ago each queue was polled, and which hosts are at work.
type polls struct {
	last map[string]time.Duration
	work map[string]bool
}

func (p polls) lastPoll(_ context.Context, queue string, kind enumspb.TaskQueueType) (time.Time, error) {
	want := enumspb.TASK_QUEUE_TYPE_ACTIVITY
	if queue == "control" {
		want = enumspb.TASK_QUEUE_TYPE_WORKFLOW
	}
	ago, ok := p.last[queue]
	if kind != want || !ok {
		return time.Time{}, nil
	}
	return noon.Add(-ago), nil
}

func (p polls) busy(_ context.Context, host string) (bool, error) { return p.work[host], nil }

func TestUnservedHostsAreNamed(t *testing.T) {
	t.Parallel()
	hosts := []string{"local", "gpu9"}
	for name, c := range map[string]struct {
		q    polls
		want Unserved
	}{
		"nobody at all": {polls{}, Unserved{Hosts: []string{"gpu9", "local"}, Control: true}},
		"all served": {polls{last: map[string]time.Duration{
			"control": time.Second, "host.local": time.Minute, "host.gpu9": time.Second,
		}}, Unserved{}},
		"one went away": {polls{last: map[string]time.Duration{
			"control": time.Second, "host.local": time.Second, "host.gpu9": 3 * time.Minute,
		}}, Unserved{Hosts: []string{"gpu9"}}},
		"one measures and does not ask for more": {polls{
			last: map[string]time.Duration{"control": time.Second, "host.local": time.Second, "host.gpu9": 3 * time.Minute},
			work: map[string]bool{"gpu9": true},
		}, Unserved{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := unserved(t.Context(), c.q, hosts, noon)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.want.None(), len(got.Lines()) == 0)
		})
	}
	got, err := unserved(t.Context(), polls{}, nil, noon)
	require.NoError(t, err)
	require.True(t, got.None(), "what has ended needs nobody")
	require.Equal(t, []string{"no worker serves host gpu9: start wattsweep-worker --host gpu9 there"}, Unserved{Hosts: []string{"gpu9"}}.Lines())
}
