package parquet_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	library "github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/parquet"
	"github.com/wattsweep/wattsweep/internal/meters/trace/tracetest"
)

func stored(one tracetest.Trace, size int) (bench.TraceSeries, []bench.TraceBlock) {
	e := trace.NewEncoder(one.Channels, one.Interval)
	var out []bench.TraceBlock
	for i, tick := range one.Ticks {
		e.Add(one.Seq[i], tick)
		if e.Len() == size || i == len(one.Ticks)-1 {
			out = append(out, bench.TraceBlock{No: len(out), Data: e.Encode(0, e.Len())})
			e.Reset()
		}
	}
	return bench.TraceSeries{
		TraceKey: bench.TraceKey{Cell: "cell1", Epoch: 2, Phase: bench.PhaseInference, Run: 3, No: 4, Meter: one.Meter},
		Channels: one.Channels, Interval: one.Interval, Reasons: one.Reasons, Anchor: time.Date(2026, 11, 21, 9, 0, 0, 5, time.UTC),
	}, out
}

func TestWhatIsWrittenReadsBack(t *testing.T) {
	t.Parallel()
	one := tracetest.Simulated(1, 1, 2000, 50*time.Millisecond)
	series, blocks := stored(one, 300)
	var file bytes.Buffer
	w := parquet.NewWriter(&file, parquet.Provenance{Version: "1.2 (abc)", Sweep: "s1", Host: "gpu7", BootID: "b-9"})
	require.NoError(t, w.Write(series, append(blocks[:1:1], blocks...)), "a block that comes twice is written once")
	require.NoError(t, w.Close())

	f, err := library.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	for name, want := range map[string]string{"version": "1.2 (abc)", "sweep": "s1", "host": "gpu7", "boot_id": "b-9"} {
		got, ok := f.Lookup("wattsweep." + name)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	rows := make([]parquet.Row, one.Samples())
	r := library.NewGenericReader[parquet.Row](bytes.NewReader(file.Bytes()))
	n, err := r.Read(rows)
	if err != nil {
		require.ErrorIs(t, err, io.EOF)
	}
	require.Equal(t, one.Samples(), n)
	require.EqualValues(t, n, r.NumRows())

	at := 0
	missing := 0
	for from := 0; from < len(one.Ticks); from += 300 {
		to := min(from+300, len(one.Ticks))
		for ch, c := range one.Channels {
			for _, tick := range one.Ticks[from:to] {
				row, want := rows[at], tick[ch]
				at++
				require.Equal(t, "cell1", row.Cell)
				require.Equal(t, c.Name, row.Channel)
				require.Equal(t, int32(4), row.No)
				require.True(t, row.Simulated)
				require.Equal(t, int64(want.At.Round(time.Microsecond)), row.MonotonicNS)
				require.Equal(t, series.Anchor.Add(want.At.Round(time.Microsecond)), row.At())
				require.Equal(t, want.State.String(), row.State)
				if want.State == bench.ReadingMissing {
					missing++
					require.Nil(t, row.Value, "a missing reading is null, not zero")
					require.Equal(t, one.Reasons[0], row.Reason)
					continue
				}
				require.InDelta(t, want.Value, *row.Value, 0)
				require.Empty(t, row.Reason)
			}
		}
	}
	require.Positive(t, missing)
}

func TestMemoryStaysFlat(t *testing.T) {
	t.Parallel()
	series, blocks := stored(tracetest.Simulated(2, 1, 1200, 50*time.Millisecond), 1200)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	count := &counter{}
	w := parquet.NewWriter(count, parquet.Provenance{})
	most := uint64(0)
	for no := range 60 { // 720,000 rows
		series.No = no
		require.NoError(t, w.Write(series, blocks))
		if no%10 == 9 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapAlloc)
		}
	}
	require.NoError(t, w.Close())
	require.Positive(t, count.bytes)
	require.Less(t, int64(most)-int64(before.HeapAlloc), int64(96<<20)) //nolint:gosec // far below 2^63
}

type counter struct{ bytes int }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

func TestDamagedBlocksStopTheExport(t *testing.T) {
	t.Parallel()
	series, blocks := stored(tracetest.Simulated(3, 1, 10, 50*time.Millisecond), 10)
	blocks[0].Data[20] ^= 1
	err := parquet.NewWriter(io.Discard, parquet.Provenance{}).Write(series, blocks)
	require.ErrorContains(t, err, "export block 0 of nvml")
}
