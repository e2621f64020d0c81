package units

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The reference points of the design: white paper figures to all digits.
func TestReferencePoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		power   Watts
		latency time.Duration
		energyJ float64
		mWh     float64
	}{
		{470, 730 * time.Millisecond, 343.1, 95.3},
		{143, 5120 * time.Millisecond, 732.2, 203.4},
		{65, 3320 * time.Millisecond, 215.8, 59.9},
	} {
		e := c.power.For(c.latency)
		require.InDelta(t, c.energyJ, float64(e), 0.05)
		require.InDelta(t, c.mWh, e.MilliWattHours(), 0.05)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "343.1 J", Joules(343.1).String())
	require.Equal(t, "12 kW", Watts(12000).String())
	require.Equal(t, "5 mJ", Joules(0.005).String())
	require.Equal(t, "0 J", Joules(0).String())
	require.Equal(t, "1.50 GiB", Bytes(3<<29).String())
	require.Equal(t, "12 B", Bytes(12).String())
	require.Equal(t, "0.00368 SEK", Money{Amount: 0.00368, Currency: "SEK"}.String())
}
