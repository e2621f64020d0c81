package trace

import (
	"sort"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Samples are the decoded readings of a series, or of a part of it.
type Samples struct {
	Series bench.TraceSeries
	Seq    []int64
	// Readings of each channel, tick by tick; nil for channels not asked for.
	Readings [][]bench.Reading
}

// Load decodes blocks of one series in the order of time. want says which
// channels are needed, nil for all. A tick that stands in two blocks counts
// once.
func Load(series bench.TraceSeries, blocks []bench.TraceBlock, want func(channel int) bool) (Samples, error) {
	s := Samples{Series: series, Readings: make([][]bench.Reading, len(series.Channels))}
	var d Decoder
	for _, one := range blocks {
		b, err := d.Decode(one.Data, want)
		if err != nil {
			return Samples{}, err
		}
		if len(b.Readings) != len(series.Channels) {
			return Samples{}, broken("it has another number of channels than its series")
		}
		fresh := 0
		if n := len(s.Seq); n > 0 {
			fresh = sort.Search(len(b.Seq), func(i int) bool { return b.Seq[i] > s.Seq[n-1] })
		}
		s.Seq = append(s.Seq, b.Seq[fresh:]...)
		for ch, readings := range b.Readings {
			if readings != nil {
				s.Readings[ch] = append(s.Readings[ch], readings[fresh:]...)
			}
		}
	}
	return s, nil
}

// Channel gives the place of a channel by its name, -1 when there is none.
func (s Samples) Channel(name string) int {
	for i, c := range s.Series.Channels {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// Stamp gives a moment on the clock of the samples.
func (s Samples) Stamp(t time.Time) time.Duration { return t.Sub(s.Series.Anchor) }

// Span gives the first and the last stamp of a channel; ok is false when there
// is none.
func (s Samples) Span(channel int) (first, last time.Duration, ok bool) {
	r := s.Readings[channel]
	if len(r) == 0 {
		return 0, 0, false
	}
	return r[0].At, r[len(r)-1].At, true
}

// Reason gives the words of a reading's reason, the sampler's own included, as
// meters.ReasonText; "" when it is ok.
func (s Samples) Reason(r bench.Reading) string { return meters.ReasonText(s.Series.Reasons, r) }

// gap is how far apart two readings may be and still be joined by a line:
// three and a half periods, as in package meters.
func (s Samples) gap(channel int) time.Duration {
	period := max(s.Series.Interval, s.Series.Channels[channel].UpdatePeriod)
	return 3*period + period/2
}

// joinable reports whether a reading's value can be the end of a line: also
// the first after a counter's reset.
func joinable(r bench.Reading) bool { return r.Has() || r.State == bench.ReadingReset }

// pair is two usable readings that follow each other.
type pair struct {
	a, b bench.Reading
	// uncounted: between them the counter told that it did not count.
	uncounted bool
}

// joined reports whether a straight line may be drawn.
func (p pair) joined(gap time.Duration) bool {
	return p.b.At-p.a.At <= gap && p.b.State != bench.ReadingReset && !p.uncounted
}

// lines visits the pairs of readings that follow each other and reach into
// from..to, also those too far apart to be joined. Their stamps are set back by
// what the source tells late (meters.Delay). For as long behind the last of all
// readings it is taken to go on as it was, as in package meters.
func (s Samples) lines(channel int, from, to time.Duration, visit func(pair)) {
	r, counter := s.Readings[channel], s.Series.Channels[channel].Counter
	delay := meters.Delay(s.Series.Channels[channel])
	from, to = from+delay, to+delay
	give := func(p pair) {
		p.a.At -= delay
		p.b.At -= delay
		visit(p)
	}
	i := sort.Search(len(r), func(i int) bool { return r[i].At > from })
	for i > 0 {
		i--
		if joinable(r[i]) {
			break
		}
	}
	var a bench.Reading
	have, uncounted, last := false, false, 0
	for ; i < len(r); i++ {
		if !joinable(r[i]) {
			uncounted = uncounted || meters.Uncounted(counter, r[i])
			continue
		}
		if have && r[i].At > from && r[i].At > a.At {
			give(pair{a, r[i], uncounted})
		}
		a, have, uncounted, last = r[i], true, false, i
		if a.At >= to {
			return
		}
	}
	if end := min(to, a.At+delay); have && !uncounted && end > max(a.At, from) {
		b := bench.Reading{At: end, Value: a.Value + s.slope(channel, last)*float64(end-a.At)}
		// Shorter than a gap, however long the delay is.
		for step := s.gap(channel); b.At-a.At > step; {
			mid := bench.Reading{At: a.At + step, Value: a.Value + (b.Value-a.Value)*float64(step)/float64(b.At-a.At)}
			give(pair{a: a, b: mid})
			a = mid
		}
		give(pair{a: a, b: b})
	}
}

// slope is by how much a counter rose per nanosecond up to reading i, over as
// many readings as a line may span: one that holds its values rises in steps. A
// power is level, and so is a counter with nothing before.
func (s Samples) slope(channel, i int) float64 {
	r := s.Readings[channel]
	if !s.Series.Channels[channel].Counter {
		return 0
	}
	first := i
	for first > 0 && r[first].State == bench.ReadingOK && r[first-1].Has() && r[i].At-r[first-1].At <= s.gap(channel) {
		first--
	}
	if r[i].At <= r[first].At {
		return 0
	}
	return (r[i].Value - r[first].Value) / float64(r[i].At-r[first].At)
}

// stretch is what the lines between readings add up to over some time.
type stretch struct {
	covered  time.Duration
	integral float64 // channel's unit × s
	min, max float64
}

// add takes in the part of the line from a to b that lies in from..to.
func (s *stretch) add(a, b bench.Reading, from, to time.Duration) {
	from, to = max(from, a.At), min(to, b.At)
	if to <= from {
		return
	}
	slope := (b.Value - a.Value) / float64(b.At-a.At)
	v0, v1 := a.Value+slope*float64(from-a.At), b.Value-slope*float64(b.At-to)
	if s.covered == 0 {
		s.min, s.max = v0, v0
	}
	s.min, s.max = min(s.min, v0, v1), max(s.max, v0, v1)
	s.covered += to - from
	s.integral += (v0 + v1) / 2 * (to - from).Seconds()
}

// mean is weighted by time. Rounding never takes it past the extremes.
func (s *stretch) mean() float64 {
	return min(max(s.integral/s.covered.Seconds(), s.min), s.max)
}
