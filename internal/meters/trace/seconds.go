package trace

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Seconds sums up the usable readings of the ticks from up to, but without,
// to: channel by channel, one entry for each second of wall-clock time that
// has any. anchor is the wall clock at the zero of the stamps.
func (e *Encoder) Seconds(anchor time.Time, from, to int) []bench.TraceSecond {
	out := make([]bench.TraceSecond, 0, len(e.columns)*2)
	offset := anchor.UnixNano()
	for ch := range e.columns {
		c := &e.columns[ch]
		var sum float64
		open := len(out)
		before := int64(-1)
		for i := from; i < to; i++ {
			if !(bench.Reading{State: bench.ReadingState(c.states[i])}).Has() {
				continue
			}
			v := c.values[i]
			second := floorDiv(offset+c.at[i]*int64(StampStep), int64(time.Second))
			if len(out) == open || second != before {
				out = append(out, bench.TraceSecond{Channel: ch, Second: time.Unix(second, 0).UTC(), Min: v, Max: v})
				sum, before = 0, second
			}
			s := &out[len(out)-1]
			s.N++
			sum += v
			s.Min, s.Max = min(s.Min, v), max(s.Max, v)
			s.Mean = min(max(sum/float64(s.N), s.Min), s.Max)
		}
	}
	return out
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
