package app

import (
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/store"
)

// Estimate is how long a sweep's hosts still have to work for it, side by side.
type Estimate struct {
	Left time.Duration
	// Low and High bound it by twice the standard error of what was measured;
	// both are nil where too little was measured to tell.
	Low, High *time.Duration
}

// kindOfWork is what time depends on most.
type kindOfWork struct{ host, model string }

// pace is how long one thing takes, in seconds, with the bounds of its mean; a
// negative spread is not known.
type pace struct {
	mean, spread float64
	n            int
}

// paces are what was measured at one place.
type paces struct {
	call, turn sample
	pull       time.Duration
	// begun says that a cell was taken up here, so the model is had; turns
	// that at least one was closed.
	begun, turns bool
}

// sample sums up measured times: total over count, and how single cells differ.
type sample struct {
	seconds float64
	count   float64
	cells   store.Spread
}

func (s *sample) add(d time.Duration, count int, cells store.Spread) {
	s.seconds += d.Seconds()
	s.count += float64(count)
	s.cells.N += cells.N
	s.cells.Sum += cells.Sum
	s.cells.SumSquares += cells.SumSquares
}

func (s *sample) join(o sample) {
	s.seconds, s.count = s.seconds+o.seconds, s.count+o.count
	s.cells.N += o.cells.N
	s.cells.Sum += o.cells.Sum
	s.cells.SumSquares += o.cells.SumSquares
}

// deviation is the standard deviation between cells, as a share of the mean;
// negative when fewer than two cells tell.
func (s sample) deviation() float64 {
	if s.cells.N < 2 || s.cells.Sum <= 0 {
		return -1
	}
	n := float64(s.cells.N)
	mean := s.cells.Sum / n
	variance := max(0, s.cells.SumSquares-n*mean*mean) / (n - 1)
	return math.Sqrt(variance) / mean
}

// estimator knows what was measured of a sweep so far.
type estimator struct {
	at map[kindOfWork]*paces
}

func newEstimator(groups []store.CellGroup, running []store.RunningCell) *estimator {
	e := &estimator{at: map[kindOfWork]*paces{}}
	for _, g := range groups {
		p := e.place(g.Host, g.Model)
		p.call.add(g.Inference, g.CallsTimed, g.Paces)
		p.turn.add(g.Overhead, g.Turns, g.Overheads)
		p.pull = max(p.pull, g.Pull)
		p.begun = p.begun || g.Turns > 0 || g.CallsDone > 0
		p.turns = p.turns || g.Turns > 0
	}
	for _, r := range running {
		p := e.place(r.At.Host, r.At.Model)
		p.begun = true
		if r.CallsTimed > 0 && r.Inference > 0 {
			p.call.add(r.Inference, r.CallsTimed, store.Spread{})
		}
	}
	for _, r := range running {
		// The stages so far are the least that a turn takes. They count where
		// no whole turn is known.
		if p := e.place(r.At.Host, r.At.Model); p.turn.count == 0 && r.CallsTimed > 0 {
			p.turn.add(max(r.Overhead, r.Windows), 1, store.Spread{})
		}
	}
	return e
}

func (e *estimator) place(host, model string) *paces {
	key := kindOfWork{host, model}
	if e.at[key] == nil {
		e.at[key] = &paces{}
	}
	return e.at[key]
}

// of gives the pace at a place: as measured there, else as the same model has
// on other hosts, else as all have. pick chooses what is asked for.
func (e *estimator) of(host, model string, pick func(*paces) sample) pace {
	if own := pick(e.place(host, model)); own.count > 0 {
		return pace{mean: own.seconds / own.count, spread: e.deviation(own, pick), n: max(1, own.cells.N)}
	}
	var same, all []sample
	for key, p := range e.at {
		s := pick(p)
		if s.count == 0 {
			continue
		}
		all = append(all, s)
		if key.model == model {
			same = append(same, s)
		}
	}
	if len(same) > 0 {
		return between(same)
	}
	return between(all)
}

// deviation is a sample's own, else what all samples with one have in common.
func (e *estimator) deviation(own sample, pick func(*paces) sample) float64 {
	if d := own.deviation(); d >= 0 {
		return d
	}
	sum, n := 0.0, 0
	for _, p := range e.at {
		if d := pick(p).deviation(); d >= 0 {
			sum, n = sum+d, n+1
		}
	}
	if n == 0 {
		return -1
	}
	return sum / float64(n)
}

// between takes the pace of a place from others: their mean, each counting
// alike, since the new place may be like any of them.
func between(others []sample) pace {
	if len(others) == 0 {
		return pace{spread: -1}
	}
	var s store.Spread
	for _, o := range others {
		m := o.seconds / o.count
		s.N++
		s.Sum += m
		s.SumSquares += m * m
	}
	// One new place is drawn from the others, however many cells it has.
	return pace{mean: s.Sum / float64(s.N), spread: sample{cells: s}.deviation(), n: 1}
}

// hostLeft is how long one host has to work.
type hostLeft struct {
	seconds float64
	// square is of the standard error; unknown says that a part has none.
	square  float64
	unknown bool
}

// add counts n things of a pace, in so many cells.
func (h *hostLeft) add(p pace, n float64, cells int) {
	if n <= 0 {
		return
	}
	h.seconds += p.mean * n
	if p.spread < 0 {
		h.unknown = true
		return
	}
	// The mean is known so well, and the cells to come scatter around it.
	relative := p.spread * math.Sqrt(1/float64(p.n)+1/float64(max(1, cells)))
	h.square += p.mean * n * relative * p.mean * n * relative
}

func callPace(p *paces) sample { return p.call }
func turnPace(p *paces) sample { return p.turn }

// timeLeft tells how long the sweep still takes where its hosts work for it
// alone; nil until a call was measured, or when nothing is left.
func timeLeft(groups []store.CellGroup, running []store.RunningCell) *Estimate {
	e := newEstimator(groups, running)
	var all sample
	for _, p := range e.at {
		all.join(p.call)
	}
	if all.count == 0 {
		return nil
	}
	hosts := map[string]*hostLeft{}
	host := func(name string) *hostLeft {
		if hosts[name] == nil {
			hosts[name] = &hostLeft{}
		}
		return hosts[name]
	}
	for _, g := range groups {
		if g.State != "queued" {
			continue
		}
		h := host(g.Host)
		h.add(e.of(g.Host, g.Model, callPace), float64(g.CallsPlanned-g.CallsDone), g.Cells)
		h.add(e.of(g.Host, g.Model, turnPace), float64(g.TurnsLeft), g.Cells)
		if !e.place(g.Host, g.Model).begun {
			h.seconds += e.pull(g.Model).Seconds()
		}
	}
	for _, r := range running {
		h := host(r.At.Host)
		calls := e.of(r.At.Host, r.At.Model, callPace)
		h.add(calls, float64(max(0, r.CallsPlanned-r.CallsDone)), 1)
		turn := e.of(r.At.Host, r.At.Model, turnPace)
		h.seconds += max(0, max(turn.mean, r.Windows.Seconds())-r.Overhead.Seconds())
		if r.Pulling > 0 {
			h.seconds += max(0, e.pull(r.At.Model)-r.Pulling).Seconds()
		}
		if r.TurnCalls > 0 {
			left := math.Ceil(float64(max(0, r.CallsPlanned-r.CallsDone))/float64(r.TurnCalls)) - 1
			h.add(turn, left, 1)
		}
	}
	return longest(hosts)
}

// pull is how long the pull of a model may take that was not pulled yet on a
// host: as on others, else the mean of what other models took.
func (e *estimator) pull(model string) time.Duration {
	var same, sum time.Duration
	n := 0
	for key, p := range e.at {
		if !p.turns {
			continue
		}
		sum, n = sum+p.pull, n+1
		if key.model == model {
			same = max(same, p.pull)
		}
	}
	if same > 0 || n == 0 {
		return same
	}
	return sum / time.Duration(n)
}

// longest takes the host that has to work longest.
func longest(hosts map[string]*hostLeft) *Estimate {
	var left, low, high float64
	known := true
	for _, h := range hosts {
		margin := 2 * math.Sqrt(h.square)
		left = max(left, h.seconds)
		low, high = max(low, h.seconds-margin), max(high, h.seconds+margin)
		known = known && !h.unknown
	}
	if len(hosts) == 0 {
		return nil
	}
	out := &Estimate{Left: seconds(left)}
	if known {
		l, u := seconds(max(0, low)), seconds(high)
		out.Low, out.High = &l, &u
	}
	return out
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
