package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A stop is seen however it comes, and a busy machine is none.
func TestPulse(t *testing.T) {
	t.Parallel()
	var now, slept time.Duration
	p := &pulse{now: func() time.Duration { return now }, asleep: func() time.Duration { return slept }}
	for range 100 {
		now += missedPulse
		slept += 10 * time.Millisecond // two clocks that are read one after the other
		require.Zero(t, p.look(), "it was slow, and ran")
	}
	now += 9 * time.Second
	require.Equal(t, 9*time.Second, p.look(), "a signal stopped it")
	require.Equal(t, 9*time.Second, p.look(), "each stop counts once")
	slept += time.Hour
	require.Equal(t, time.Hour+9*time.Second, p.look(), "its machine slept, and the clock with it")
}
