package trace

import (
	"sort"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Why a call has no figure of a channel.
const (
	MissingNoSample = "no sample while the call ran"
	MissingGap      = "samples are too far apart to join"
	MissingEarly    = "the call began before the first sample that is stored"
	MissingLate     = "the call ended after the last sample that is stored"
)

// minCoverage is the share of a call that must be known, as of a window whose
// power is integrated.
const minCoverage = 0.95

// PerCall tells what each channel showed while each call ran: the mean, which
// is weighted by time, and the peak of the straight lines between readings, and
// how many usable readings lie inside. It looks at the calls of the series' own
// run and segment, whose clock the series shares, and leaves counters out,
// which have neither mean nor peak. Of power the lines are looked for as much
// later as the source tells them late (meters.Delay).
//
// A figure is nil with a reason where no usable reading lies in the call, and
// where gaps, or the ends of what was sampled, leave more than 5 % of it
// unknown.
func (s Samples) PerCall(calls []bench.Call) []bench.CallReading {
	var own []bench.Call
	for _, c := range calls {
		if c.Run == s.Series.Run && c.Segment == s.Series.No {
			own = append(own, c)
		}
	}
	var out []bench.CallReading
	for ch := range s.Series.Channels {
		if s.Readings[ch] == nil || s.Series.Channels[ch].Counter {
			continue
		}
		for _, c := range own {
			out = append(out, s.call(ch, c))
		}
	}
	return out
}

func (s Samples) call(channel int, c bench.Call) bench.CallReading {
	from, to := c.Start, c.Start+c.Latency
	r := s.Readings[channel]
	one := bench.CallReading{
		CallKey: c.CallKey, Channel: s.Series.Channels[channel].Name, Unit: s.Series.Channels[channel].Unit,
	}
	why := ""
	first := sort.Search(len(r), func(i int) bool { return r[i].At >= from })
	for i := first; i < len(r) && r[i].At <= to; i++ {
		if r[i].Has() {
			one.Samples++
		} else if why == "" {
			why = s.Reason(r[i])
		}
	}
	if one.Samples == 0 {
		if one.Missing = why; why == "" {
			one.Missing = MissingNoSample
		}
		return one
	}
	var in stretch
	s.lines(channel, from, to, func(p pair) {
		if p.joined(s.gap(channel)) {
			in.add(p.a, p.b, from, to)
		}
	})
	switch {
	case in.covered > 0 && float64(in.covered) >= minCoverage*float64(to-from):
		mean, peak := in.mean(), in.max
		one.Mean, one.Peak = &mean, &peak
	case r[0].At > from:
		one.Missing = MissingEarly
	case r[len(r)-1].At < to:
		one.Missing = MissingLate
	default:
		one.Missing = MissingGap
	}
	return one
}
