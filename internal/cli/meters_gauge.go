package cli

import (
	"math"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// trendLength is how many columns a channel's chart has at most.
const trendLength = 120

// gauge follows one channel: its present value and state, extremes, rates and
// a chart. Values of an energy counter are followed as the power they tell.
type gauge struct {
	meter   string
	channel bench.Channel

	last     bench.Reading // newest reading, whatever its state
	seen     bool
	why      string
	value    float64 // newest value, NaN before the first
	low      float64 // of what the chart shows
	high     float64
	samples  int64
	changes  int64
	from, to time.Duration // stamps of the first and newest value
	before   bench.Reading // value of a counter at the last column
	primed   bool

	sum   float64 // within the present column
	n     int
	trend []float64 // a value per column, NaN for a gap
}

func newGauge(meter string, c bench.Channel) *gauge {
	return &gauge{meter: meter, channel: c, value: math.NaN(), low: math.Inf(1), high: math.Inf(-1)}
}

// counts tells whether the channel is an energy counter.
func (g *gauge) counts() bool { return g.channel.Counter && g.channel.Unit == bench.UnitJoule }

// shownUnit is the unit of the chart and the extremes.
func (g *gauge) shownUnit() bench.Unit {
	if g.counts() {
		return bench.UnitWatt
	}
	return g.channel.Unit
}

// take notes one reading.
func (g *gauge) take(r bench.Reading, reasons []string) {
	g.last, g.seen, g.why = r, true, whyText(r, reasons)
	if !r.Has() {
		return
	}
	if g.samples == 0 {
		g.from = r.At
	} else if r.Value != g.value {
		g.changes++
	}
	g.samples++
	g.value, g.to = r.Value, r.At
	if g.counts() {
		return // its power is taken over a whole column
	}
	g.sum, g.n = g.sum+r.Value, g.n+1
	g.low, g.high = min(g.low, r.Value), max(g.high, r.Value)
}

// column ends a column of the chart.
func (g *gauge) column() {
	v := math.NaN()
	if g.counts() {
		v = g.power()
		if !math.IsNaN(v) {
			g.low, g.high = min(g.low, v), max(g.high, v)
		}
	} else if g.n > 0 {
		v = g.sum / float64(g.n)
	}
	g.sum, g.n = 0, 0
	g.trend = append(g.trend, v)
	if len(g.trend) > trendLength {
		g.trend = g.trend[len(g.trend)-trendLength:]
	}
}

// power is the growth of a counter since the last column, NaN where it is not
// known: at the first value, after a reset, and where nothing new was read.
func (g *gauge) power() float64 {
	if !g.seen || !g.last.Has() {
		g.primed = false
		return math.NaN()
	}
	before := g.before
	ready := g.primed
	if g.last.At == before.At && ready {
		return math.NaN()
	}
	g.before, g.primed = g.last, true
	if !ready || g.last.Value < before.Value {
		return math.NaN()
	}
	return (g.last.Value - before.Value) / (g.last.At - before.At).Seconds()
}

// rates tell how often per second the channel was read, and how often its
// value changed; 0 before there are two values.
func (g *gauge) rates() (samples, changes float64) {
	span := (g.to - g.from).Seconds()
	if span <= 0 {
		return 0, 0
	}
	return float64(g.samples-1) / span, float64(g.changes) / span
}

// state says in a word or sentence how the channel is at now.
func (g *gauge) state(now, interval time.Duration) string {
	switch {
	case !g.seen:
		return "no reading yet"
	case g.last.State != bench.ReadingOK:
		if g.why == "" {
			return g.last.State.String()
		}
		return g.last.State.String() + ": " + g.why
	case now-g.last.At > 5*interval+2*time.Second:
		return "stale: the last reading is " + lasting(now-g.last.At) + " old"
	}
	return "ok"
}

// nowText is the present value for people; for a counter, its power too.
func (g *gauge) nowText() string {
	if math.IsNaN(g.value) || (g.seen && !g.last.Has() && g.last.State != bench.ReadingStale) {
		return "–"
	}
	text := unitText(g.value, g.channel.Unit)
	if g.counts() {
		for _, watts := range slices.Backward(g.trend) {
			if !math.IsNaN(watts) {
				return text + " (" + unitText(watts, bench.UnitWatt) + ")"
			}
		}
	}
	return text
}

// extremes gives the lowest and highest value for people.
func (g *gauge) extremes() (low, high string) {
	if g.low > g.high {
		return "–", "–"
	}
	return unitText(g.low, g.shownUnit()), unitText(g.high, g.shownUnit())
}

// board is the gauges of all meters that are sampled.
type board struct {
	sampler *meters.Sampler
	want    func(channel string) bool
	gauges  []*gauge
	taken   map[string]int64 // number of the newest tick per meter
	record  func(tick tickRow) error
	pace    map[string]time.Duration
}

// tickRow is one tick of one meter on its way to a file.
type tickRow struct {
	info     meters.MeterInfo
	seq      int64
	readings []bench.Reading
}

func newBoard(s *meters.Sampler, want func(channel string) bool, record func(tickRow) error) *board {
	b := &board{sampler: s, want: want, taken: map[string]int64{}, pace: map[string]time.Duration{}, record: record}
	for _, info := range s.Meters() {
		b.taken[info.Name] = -1
		b.pace[info.Name] = info.Interval
		for _, c := range info.Channels {
			if want(c.Name) {
				b.gauges = append(b.gauges, newGauge(info.Name, c))
			}
		}
	}
	return b
}

// pull takes every tick that came since the last pull, each exactly once.
func (b *board) pull() error {
	at := 0
	for _, info := range b.sampler.Meters() {
		mine := make([]*gauge, len(info.Channels)) // nil for what is not wanted
		for i, c := range info.Channels {
			if b.want(c.Name) {
				mine[i] = b.gauges[at]
				at++
			}
		}
		var failed error
		b.sampler.Ticks(info.Name, b.taken[info.Name], func(seq int64, readings []bench.Reading) bool {
			b.taken[info.Name] = seq
			for i, r := range readings {
				if mine[i] != nil {
					mine[i].take(r, info.Reasons)
				}
			}
			if b.record != nil {
				failed = b.record(tickRow{info: info, seq: seq, readings: readings})
			}
			return failed == nil
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// column ends a column of every chart and frees samples that were taken.
func (b *board) column() {
	for _, g := range b.gauges {
		g.column()
	}
	b.sampler.Forget(b.sampler.Mark() - time.Minute)
}
