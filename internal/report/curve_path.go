package report

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Inside of a panel: its own coordinates, stretched to the chart's width. Whole
// numbers at this size are finer than a screen shows and keep pages small.
const (
	panelWide = 2000
	panelFine = 2 // units per pixel of height
)

// curveStep is one step of a thinned curve.
type curveStep struct {
	at                  time.Duration // since the beginning of the cell's curves
	mean, min, max, sum *float64
	phase               bench.Phase
}

// thin merges neighbouring points until at most limit are left. A step that
// holds a point without a value has none: a gap is never drawn over.
func thin(points []bench.Point, from time.Time, limit int) []curveStep {
	every := max(1, (len(points)+limit-1)/max(limit, 1))
	steps := make([]curveStep, 0, len(points)/every+1)
	for chunk := range slices.Chunk(points, every) {
		steps = append(steps, mergePoints(chunk, from))
	}
	return steps
}

func mergePoints(chunk []bench.Point, from time.Time) curveStep {
	middle := chunk[len(chunk)/2]
	s := curveStep{at: middle.At.Sub(from), phase: middle.Phase}
	var total float64
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range chunk {
		if p.CumulativeJ != nil {
			s.sum = p.CumulativeJ
		}
		if p.Mean == nil {
			return curveStep{at: s.at, phase: s.phase, sum: s.sum}
		}
		total += *p.Mean
		low, high = min(low, *p.Mean), max(high, *p.Mean)
		if p.Min != nil {
			low = min(low, *p.Min)
		}
		if p.Max != nil {
			high = max(high, *p.Max)
		}
	}
	mean := total / float64(len(chunk))
	s.mean, s.min, s.max = &mean, &low, &high
	return s
}

// stretch is a run of steps without a gap.
type stretch []curveStep

// stretches cuts steps at missing values and where time jumps.
func stretches(steps []curveStep, has func(curveStep) *float64) []stretch {
	var list []stretch
	var open stretch
	jump := 3 * typicalStep(steps)
	for i, s := range steps {
		if has(s) == nil || (i > 0 && jump > 0 && s.at-steps[i-1].at > jump) {
			if len(open) > 0 {
				list = append(list, open)
			}
			open = nil
		}
		if has(s) != nil {
			open = append(open, s)
		}
	}
	if len(open) > 0 {
		list = append(list, open)
	}
	return list
}

// typicalStep is the median distance of neighbouring steps.
func typicalStep(steps []curveStep) time.Duration {
	if len(steps) < 2 {
		return 0
	}
	gaps := make([]time.Duration, 0, len(steps)-1)
	for i := 1; i < len(steps); i++ {
		gaps = append(gaps, steps[i].at-steps[i-1].at)
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// pen writes a path in whole numbers, each relative to the last.
type pen struct {
	out   []byte
	x, y  int
	drawn bool
}

func (p *pen) move(x, y int) {
	p.out = append(p.out, 'M')
	p.out = strconv.AppendInt(p.out, int64(x), 10)
	p.out = append(p.out, ' ')
	p.out = strconv.AppendInt(p.out, int64(y), 10)
	p.out = append(p.out, 'l')
	p.x, p.y, p.drawn = x, y, false
}

func (p *pen) to(x, y int) {
	if x == p.x && y == p.y {
		return
	}
	if p.drawn && x >= p.x { // a minus sign separates on its own
		p.out = append(p.out, ' ')
	}
	p.out = strconv.AppendInt(p.out, int64(x-p.x), 10)
	if y >= p.y {
		p.out = append(p.out, ' ')
	}
	p.out = strconv.AppendInt(p.out, int64(y-p.y), 10)
	p.x, p.y, p.drawn = x, y, true
}

func (p *pen) end() string {
	if !p.drawn { // a single point is drawn as a dot by its round cap
		p.out = append(p.out, "0 0"...)
	}
	return string(p.out)
}

// plane maps time and value to a panel's inside.
type plane struct {
	times, values axis
	height        int // pixels
}

func (p plane) x(at time.Duration) int {
	return int(math.Round(p.times.share(at.Seconds()) * panelWide))
}

func (p plane) y(v float64) int {
	return int(math.Round((1 - p.values.share(v)) * float64(p.height*panelFine)))
}

// lines draws a value over time, open at gaps.
func (p plane) lines(steps []curveStep, of func(curveStep) *float64) string {
	out := ""
	for _, s := range stretches(steps, of) {
		var pen pen
		pen.move(p.x(s[0].at), p.y(*of(s[0])))
		for _, step := range s[1:] {
			pen.to(p.x(step.at), p.y(*of(step)))
		}
		out += pen.end()
	}
	return out
}

// spread draws the band between the least and the greatest value of each step.
func (p plane) spread(steps []curveStep) string {
	out := ""
	for _, s := range stretches(steps, func(c curveStep) *float64 { return c.max }) {
		var pen pen
		pen.move(p.x(s[0].at), p.y(*s[0].max))
		for _, step := range s[1:] {
			pen.to(p.x(step.at), p.y(*step.max))
		}
		for _, step := range slices.Backward(s) {
			pen.to(p.x(step.at), p.y(*step.min))
		}
		out += pen.end() + "z"
	}
	return out
}
