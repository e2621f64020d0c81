package trace_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/tracetest"
)

// FuzzDecode gives the decoder any bytes, once as they are and once under a
// checksum that fits, which reaches what lies behind it.
func FuzzDecode(f *testing.F) {
	for _, data := range blocks(tracetest.Simulated(3, 1, 40, 50*time.Millisecond), 20) {
		f.Add(data)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var d trace.Decoder
		for _, one := range [][]byte{data, sealed(data)} {
			b, err := d.Decode(one, nil)
			if err != nil {
				require.NotEmpty(t, fault.HintOf(err))
				continue
			}
			for _, readings := range b.Readings {
				require.Len(t, readings, len(b.Seq))
			}
		}
	})
}

// sealed puts a fitting head and checksum around what a block holds.
func sealed(data []byte) []byte {
	body := append([]byte{0xB7, 'w', 1}, data[min(len(data), 3):]...)
	body = body[:max(3, len(body)-4)]
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// FuzzRoundTrip encodes readings of any values and stamps.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("some bytes that become readings of two channels"), 0.001)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0xF0, 0x7F, 1, 2, 3, 4, 5, 6, 0xF8, 0xFF}, 1e-300)
	f.Fuzz(func(t *testing.T, data []byte, resolution float64) {
		one := tracetest.Trace{Interval: 50 * time.Millisecond, Channels: []bench.Channel{{Resolution: resolution}, {}}}
		at := time.Duration(0)
		for seq := int64(0); len(data) >= 10; data = data[10:] {
			seq += 1 + int64(data[8]%3)
			at += time.Duration(data[9]) * time.Microsecond
			v := floatOf(data)
			one.Seq = append(one.Seq, seq)
			one.Ticks = append(one.Ticks, []bench.Reading{
				{At: at, Value: v, State: bench.ReadingState(data[8] % 6), Reason: data[9]},
				{At: at * 3, Value: float64(int8(data[0])) / 8},
			})
		}
		var d trace.Decoder
		i := 0
		for _, data := range blocks(one, 64) {
			b, err := d.Decode(data, nil)
			require.NoError(t, err)
			for k := range b.Seq {
				for ch, c := range one.Channels {
					want, got := kept(c, one.Ticks[i][ch]), b.Readings[ch][k]
					require.Equal(t, bitsOf(want), bitsOf(got), "tick %d", i)
				}
				i++
			}
		}
		require.Equal(t, len(one.Ticks), i)
	})
}
