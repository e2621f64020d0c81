package activities

import (
	"context"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/store"
)

// coursePoints is about how many points a cell's curve has: as many as a chart
// can show.
const coursePoints = 600

// told is what a cell's traces tell beyond the figures of its windows.
type told struct {
	store.Course
	Calls []bench.CallReading
}

// course reads a cell's traces once, series by series.
func (r *Results) course(ctx context.Context, cell store.Cell, calls []bench.Call, phases []bench.PhaseReading) (told, error) {
	c := tracing{calls: calls, windows: windowsOf(phases), at: map[string]int{}, quality: map[string]*quality{}}
	c.step = max(c.measured()/coursePoints, time.Millisecond)
	// The baseline belongs to every epoch and stands under 0.
	for _, epoch := range []int{0, cell.Epoch} {
		query := store.TraceQuery{Cell: cell.ID, Epoch: epoch}
		if err := r.Store.Traces(ctx, query, c.add); err != nil {
			return told{}, err
		}
		sizes, err := r.Store.TraceSize(ctx, cell.ID, epoch)
		if err != nil {
			return told{}, err
		}
		c.sized(sizes)
	}
	return c.course(), nil
}

// windowKey names a phase window.
type windowKey struct {
	phase   bench.Phase
	run, no int
}

// window is a phase window on the wall clock.
type window struct{ from, to time.Time }

func windowsOf(phases []bench.PhaseReading) map[windowKey]window {
	out := map[windowKey]window{}
	for _, p := range phases {
		out[windowKey{p.Phase, p.Run, p.No}] = window{p.Started, p.Started.Add(p.Window)}
	}
	return out
}

// tracing gathers what series after series tells.
type tracing struct {
	calls   []bench.Call
	windows map[windowKey]window
	step    time.Duration

	curves    []bench.Curve
	at        map[string]int // place of a channel in curves
	stretches [][]stretch    // of each curve, one per window
	readings  []bench.CallReading
	quality   map[string]*quality
}

// stretch is the part of a curve in one window, with its energy since the
// window began.
type stretch struct {
	from   time.Time
	points []bench.Point
	endJ   float64
}

// quality adds up how sampling a meter went over windows.
type quality struct {
	sum      bench.SamplingQuality
	p50Ticks float64 // Σ median lateness × ticks
}

// measured is how long the windows are together. The time from the first to the
// last is no measure: a night between two segments, or a clock that was set a
// year ahead, would leave each of them a point.
func (t *tracing) measured() time.Duration {
	var sum time.Duration
	for _, w := range t.windows {
		sum += w.to.Sub(w.from)
	}
	return sum
}

// add takes one series.
func (t *tracing) add(one store.Trace) error {
	t.note(one.Series.Quality)
	inference := one.Series.Phase == bench.PhaseInference
	s, err := trace.Load(one.Series, one.Blocks, func(channel int) bool {
		return inference || drawn(one.Series.Channels[channel])
	})
	if err != nil {
		return err
	}
	if inference {
		t.readings = append(t.readings, s.PerCall(t.calls)...)
	}
	w, known := t.windows[windowKey{one.Series.Phase, one.Series.Run, one.Series.No}]
	if !known {
		return nil // its figures were not stored: there is no window to draw it in
	}
	for channel, c := range one.Series.Channels {
		if drawn(c) {
			t.draw(s, channel, w)
		}
	}
	return nil
}

// drawn tells which channels have a curve: power and energy of what is counted,
// and temperatures.
func drawn(c bench.Channel) bool {
	if c.PartOf != "" {
		return false
	}
	switch c.Unit {
	case bench.UnitWatt:
		return c.Scope.Part() != bench.PartNone || c.Scope == bench.ScopePSU || c.Estimated
	case bench.UnitJoule:
		return c.Scope == bench.ScopePackage || c.Scope == bench.ScopeDRAM // counters without a power of their own
	case bench.UnitCelsius:
		return true
	default:
		return false
	}
}

// draw adds a window to a channel's curve.
func (t *tracing) draw(s trace.Samples, channel int, w window) {
	c := s.Series.Channels[channel]
	i, known := t.at[c.Name]
	if !known {
		i = len(t.curves)
		t.at[c.Name] = i
		t.curves = append(t.curves, bench.Curve{
			Channel: c.Name, Unit: c.Unit, Part: c.Scope.Part(), Estimated: c.Estimated, Simulated: c.Simulated,
		})
		t.stretches = append(t.stretches, nil)
	}
	points, end := s.Curve(channel, s.Stamp(w.from), s.Stamp(w.to), t.step, 0)
	if c.Counter && c.Unit == bench.UnitJoule {
		t.curves[i].Unit = bench.UnitWatt
		powerOf(points, 0, t.step)
	}
	t.stretches[i] = append(t.stretches[i], stretch{from: w.from, points: points, endJ: end})
}

// join puts the stretches of each curve one after the other in the order of
// time, which is not that of their keys: a baseline measured again belongs
// where it was measured. The energy of each goes on where the one before ended.
func (t *tracing) join() {
	for i, list := range t.stretches {
		slices.SortStableFunc(list, func(a, b stretch) int { return a.from.Compare(b.from) })
		var sumJ float64
		var last time.Time
		for _, one := range list {
			back := t.setBack(one.points, last)
			for _, p := range one.points {
				p.At = p.At.Add(back)
				if !p.At.After(last) {
					continue // windows of two tries may overlap by a step
				}
				last = p.At
				if p.CumulativeJ != nil {
					sum := sumJ + *p.CumulativeJ
					p.CumulativeJ = &sum
				}
				t.curves[i].Points = append(t.curves[i].Points, p)
			}
			sumJ += one.endJ
		}
	}
}

// setBack is by how much points are to be moved so that they begin behind the
// last one drawn. Windows of two tries overlap by a step at most; more is a
// clock that was set back between them, which each window keeps to as its worker
// found it.
func (t *tracing) setBack(points []bench.Point, last time.Time) time.Duration {
	if len(points) == 0 || last.IsZero() {
		return 0
	}
	if over := last.Sub(points[0].At); over > t.step {
		return over + t.step
	}
	return 0
}

// powerOf gives the steps of a counter's curve their mean power, which is what
// it grew by over the step. The last step of a window may be shorter and is
// left without.
func powerOf(points []bench.Point, startJ float64, step time.Duration) {
	before := &startJ
	for i := range points {
		p := &points[i]
		if p.CumulativeJ != nil && before != nil && i+1 < len(points) {
			mean := (*p.CumulativeJ - *before) / step.Seconds()
			p.Mean, p.Min, p.Max = &mean, &mean, &mean
		}
		before = p.CumulativeJ
	}
}

// note adds up the quality of one series.
func (t *tracing) note(q bench.SamplingQuality) {
	have := t.quality[q.Meter]
	if have == nil {
		have = &quality{sum: bench.SamplingQuality{Meter: q.Meter}}
		t.quality[q.Meter] = have
	}
	s := &have.sum
	s.Interval = max(s.Interval, q.Interval)
	s.Samples, s.Missed, s.Dropped = s.Samples+q.Samples, s.Missed+q.Missed, s.Dropped+q.Dropped
	s.LateP99, s.LateMax = max(s.LateP99, q.LateP99), max(s.LateMax, q.LateMax)
	have.p50Ticks += float64(q.LateP50) * float64(q.Samples)
}

func (t *tracing) sized(bytes map[string]int64) {
	for meter, n := range bytes {
		if have := t.quality[meter]; have != nil {
			have.sum.StoredBytes += n
		}
	}
}

func (t *tracing) course() told {
	t.join()
	out := told{Course: store.Course{Curves: t.curves, Sampling: []bench.SamplingQuality{}}, Calls: t.readings}
	for _, q := range t.quality {
		if q.sum.Samples > 0 {
			q.sum.LateP50 = time.Duration(q.p50Ticks / float64(q.sum.Samples))
		}
		out.Sampling = append(out.Sampling, q.sum)
	}
	slices.SortFunc(out.Sampling, func(a, b bench.SamplingQuality) int {
		if a.Meter < b.Meter {
			return -1
		}
		return 1
	})
	if len(out.Curves) == 0 {
		out.Missing = "no power, energy or temperature was sampled"
	}
	return out
}
