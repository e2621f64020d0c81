package trace_test

import (
	"encoding/binary"
	"math"
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
							require.InDelta(t, want.Value, got.Value, 0.501e-4)
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

func floatOf(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// bitsOf tells readings apart to the bit, also those that are no number.
func bitsOf(r bench.Reading) [4]uint64 {
	return [4]uint64{uint64(r.At), math.Float64bits(r.Value), uint64(r.State), uint64(r.Reason)} //nolint:gosec // compared alone
}

func TestDamagedBlocksGiveOneClearError(t *testing.T) {
	t.Parallel()
	good := blocks(tracetest.Simulated(2, 1, 30, 50*time.Millisecond), 30)[0]
	huge := sealed(append([]byte{0, 0, 0}, 0xFF, 0xFF, 0x03, 0xFF, 0xFF, 0x03, 1, 0, 0, 0, 0))
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/2] ^= 4
	newer := append([]byte(nil), good...)
	newer[2] = 2
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":      {nil, "it is too short"},
		"cut":        {good[:len(good)-9], "checksum"},
		"flipped":    {flipped, "checksum"},
		"other file": {[]byte("PAR1 and so on"), "does not begin as a block does"},
		"newer":      {newer, "version 2, this build reads version 1"},
		"too large":  {huge, "larger than a block can be"},
		"no columns": {sealed([]byte{0, 0, 0, 2, 8, 1, 0, 0, 0, 0}), "end early"},
	} {
		var d trace.Decoder
		_, err := d.Decode(c.data, nil)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestOneChannelIsReadWithoutTheOthers(t *testing.T) {
	t.Parallel()
	one := tracetest.Simulated(4, 2, 100, 50*time.Millisecond)
	var d trace.Decoder
	b, err := d.Decode(blocks(one, 100)[0], func(ch int) bool { return ch == 12 })
	require.NoError(t, err)
	require.Nil(t, b.Readings[11])
	for i, r := range b.Readings[12] {
		require.Equal(t, kept(one.Channels[12], one.Ticks[i][12]), r)
	}
}

func TestEmptyBlocks(t *testing.T) {
	t.Parallel()
	var d trace.Decoder
	b, err := d.Decode(trace.NewEncoder(nil, time.Second).Encode(0, 0), nil)
	require.NoError(t, err)
	require.Empty(t, b.Seq)
	none := trace.NewEncoder(nil, time.Second) // a meter without channels
	none.Add(3, nil)
	b, err = d.Decode(none.Encode(0, 1), nil)
	require.NoError(t, err)
	require.Equal(t, []int64{3}, b.Seq)
}
