package trace_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/tracetest"
)

// blocks encodes a whole trace in blocks of up to n ticks.
func blocks(t tracetest.Trace, n int) [][]byte {
	e := trace.NewEncoder(t.Channels, t.Interval)
	var all [][]byte
	for i, tick := range t.Ticks {
		e.Add(t.Seq[i], tick)
		if e.Len() == n || i == len(t.Ticks)-1 {
			all = append(all, e.Encode(0, e.Len()))
			e.Reset()
		}
	}
	return all
}

func traces(tb testing.TB) []tracetest.Trace {
	tb.Helper()
	all, err := tracetest.Recorded()
	require.NoError(tb, err)
	return append(all, tracetest.Simulated(1, 3, 2400, 50*time.Millisecond))
}

// kept is what a reading becomes in store: stamps to a microsecond, no value
// where none was read, no reason where none is needed.
func kept(c bench.Channel, r bench.Reading) bench.Reading {
	r.At = r.At.Round(time.Microsecond)
	if r.State == bench.ReadingMissing {
		r.Value = 0
	}
	if r.State == bench.ReadingOK {
		r.Reason = 0
	}
	return r
}

func TestWhatIsEncodedComesBack(t *testing.T) {
	t.Parallel()
	for _, one := range traces(t) {
		for _, size := range []int{20, 1200} {
			var d trace.Decoder
			i, bytes := 0, 0
			for _, data := range blocks(one, size) {
				bytes += len(data)
				b, err := d.Decode(data, nil)
				require.NoError(t, err)
				require.Equal(t, one.Interval, b.Interval)
				for k, seq := range b.Seq {
					require.Equal(t, one.Seq[i], seq)
					for ch, c := range one.Channels {
						want, got := kept(c, one.Ticks[i][ch]), b.Readings[ch][k]
						if c.Estimated {
							require.InDelta(t, want.Value, got.Value, 0.501e-6)
							want.Value = got.Value
						}
						require.Equal(t, want, got, "tick %d of %s", i, c.Name)
					}
					i++
				}
			}
			require.Equal(t, len(one.Ticks), i)
			t.Logf("%s in blocks of %d ticks: %.2f bytes per sample", one.Meter, size, float64(bytes)/float64(one.Samples()))
		}
	}
}
