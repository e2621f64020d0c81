package host

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
	psprocess "github.com/shirou/gopsutil/v4/process"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// BenchmarkReadAgainstGopsutil compares one sample of CPU times, memory and one
// process by this meter with the same through gopsutil.
func BenchmarkReadAgainstGopsutil(b *testing.B) {
	for name, opts := range map[string]Options{
		"host":             {Processes: itself, RefreshEvery: time.Hour},
		"host and harness": {Processes: itself, RefreshEvery: time.Hour, Harness: true},
	} {
		b.Run(name, func(b *testing.B) { benchmarkRead(b, opts) })
	}
	b.Run("gopsutil", func(b *testing.B) {
		ctx := context.Background()
		p, err := psprocess.NewProcessWithContext(ctx, int32(os.Getpid()))
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			_, err1 := cpu.TimesWithContext(ctx, false)
			_, err2 := mem.VirtualMemoryWithContext(ctx)
			_, err3 := p.MemoryInfoWithContext(ctx)
			_, err4 := p.TimesWithContext(ctx)
			if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
				b.Fatal(err1, err2, err3, err4)
			}
		}
	})
}

func benchmarkRead(b *testing.B, opts Options) {
	m, err := New(opts)
	require.NoError(b, err)
	defer m.Close()
	anchor := time.Now()
	now := func() time.Duration { return time.Since(anchor) }
	dst := make([]bench.Reading, len(m.Channels()))
	for dst[2].Value == 0 { // until the process has been looked up
		require.NoError(b, m.Read(b.Context(), now, dst))
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Read(ctx, now, dst); err != nil {
			b.Fatal(err)
		}
	}
}
