package store

import (
	"math"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// rollup holds a block's seconds as arrays, channel after channel.
type rollup struct {
	second    int64
	seconds   int
	n         []int16
	base      []float64
	mean      []float32
	low, high []float32 // nil when they are the mean everywhere
}

// maxRollup bounds the entries of a block's rollup.
const maxRollup = 1 << 20

func rollUp(b bench.TraceBlock, width int) (rollup, error) {
	u := rollup{base: make([]float64, width), n: []int16{}, mean: []float32{}}
	if len(b.Seconds) == 0 {
		return u, nil
	}
	first, last := b.Seconds[0].Second.Unix(), b.Seconds[0].Second.Unix()
	for _, s := range b.Seconds {
		first, last = min(first, s.Second.Unix()), max(last, s.Second.Unix())
		if s.Channel < 0 || s.Channel >= width || s.N < 0 || s.N > math.MaxInt16 {
			return u, fault.New(fault.Internal, "", "report this", "sum up block %d: entry of channel %d with %d readings, the series has %d channels",
				b.No, s.Channel, s.N, width)
		}
	}
	if (last-first+1)*int64(width) > maxRollup {
		return u, fault.New(fault.Internal, "", "report this", "sum up block %d: it spans %d seconds of %d channels", b.No, last-first+1, width)
	}
	u.second, u.seconds = first, int(last-first+1)
	entries := u.seconds * width
	u.n, u.mean = make([]int16, entries), make([]float32, entries)
	u.low, u.high = make([]float32, entries), make([]float32, entries)
	seen := make([]bool, width)
	flat := true
	for _, s := range b.Seconds {
		if !seen[s.Channel] {
			seen[s.Channel], u.base[s.Channel] = true, s.Min
		}
		base := u.base[s.Channel]
		at := s.Channel*u.seconds + int(s.Second.Unix()-first)
		u.n[at] = int16(s.N) //nolint:gosec // bounded above
		u.mean[at], u.low[at], u.high[at] = float32(s.Mean-base), float32(s.Min-base), float32(s.Max-base)
		flat = flat && s.Min == s.Mean && s.Max == s.Mean
	}
	if flat {
		u.low, u.high = nil, nil
	}
	return u, nil
}
