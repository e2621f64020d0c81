package report

import "time"

// timeAxis spans elapsed time in seconds, labelled in the unit that reads
// best. It ends where the data end.
func timeAxis(span time.Duration, from, upTo float64) (a axis, unit string) {
	seconds := max(span.Seconds(), 1e-3)
	scale, unit := 1.0, "s"
	switch {
	case seconds > 3*3600:
		scale, unit = 3600, "h"
	case seconds > 180:
		scale, unit = 60, "min"
	}
	round := linear(0, seconds/scale, 6, from, upTo)
	a = axis{low: 0, high: seconds, from: from, upTo: upTo}
	for _, t := range round.ticks {
		if at := t.At * scale; at <= seconds*(1+1e-9) {
			a.ticks = append(a.ticks, tick{at, t.Label})
		}
	}
	return a, unit
}

// spaced moves labels apart so that they keep their order and stand at least
// gap pixels from each other, within low and high where that is possible.
func spaced(wanted []int, gap, low, high int) []int {
	out := append([]int(nil), wanted...)
	for i := range out {
		out[i] = max(out[i], low)
		if i > 0 {
			out[i] = max(out[i], out[i-1]+gap)
		}
	}
	for i := len(out) - 1; i >= 0; i-- {
		limit := high
		if i < len(out)-1 {
			limit = out[i+1] - gap
		}
		out[i] = min(out[i], limit)
	}
	return out
}
