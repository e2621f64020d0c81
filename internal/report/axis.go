package report

import (
	"math"
	"strconv"
)

// axis maps values to a share of a chart's width, in percent of it, so that a
// chart fits any page without scaling its text.
type axis struct {
	low, high  float64
	log        bool
	from, upTo float64 // percent of the width at low and high
	ticks      []tick
}

type tick struct {
	At    float64 // value
	Label string
}

// newAxis spans the values. It starts at zero, so that lengths compare, unless
// the values span more than a factor of 50: then it is logarithmic.
func newAxis(values []float64, from, upTo float64) axis {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	switch {
	case high <= 1e-200: // nothing, or too little to divide
		return linear(0, 1, 4, from, upTo)
	case low > 0 && high/low > 50:
		return logarithmic(low, high, from, upTo)
	default:
		return linear(0, high, 4, from, upTo)
	}
}

// unitAxis spans 0 to 1, for scores and shares.
func unitAxis(from, upTo float64) axis { return linear(0, 1, 4, from, upTo) }

// aroundZero spans values of both signs evenly.
func aroundZero(values []float64, from, upTo float64) axis {
	reach := 0.0
	for _, v := range values {
		reach = max(reach, math.Abs(v))
	}
	if reach <= 1e-200 {
		reach = 1
	}
	a := linear(0, reach, 2, from, upTo)
	a.low = -a.high
	for _, t := range a.ticks[1:] {
		a.ticks = append(a.ticks, tick{-t.At, "−" + t.Label})
	}
	return a
}

// linear spans low to high in about as many round steps as asked.
func linear(low, high, steps, from, upTo float64) axis {
	step := niceStep((high - low) / steps)
	a := axis{low: low, from: from, upTo: upTo}
	for i := 0; ; i++ {
		at := low + float64(i)*step
		a.ticks = append(a.ticks, tick{at, tickLabel(at, step)})
		a.high = at
		if at >= high-step*1e-9 || i == 20 {
			return a
		}
	}
}

// niceStep rounds up to 1, 2, 2.5 or 5 times a power of ten.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if raw <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func tickLabel(at, step float64) string {
	decimals := 0
	if step < 1 {
		decimals = int(math.Ceil(-math.Log10(step) - 1e-9))
	}
	if r := step * math.Pow(10, float64(decimals)); math.Abs(r-math.Round(r)) > 1e-6 {
		decimals++ // steps of 2.5
	}
	return strconv.FormatFloat(at, 'f', decimals, 64)
}

func logarithmic(low, high, from, upTo float64) axis {
	first, last := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	a := axis{low: math.Pow(10, first), high: math.Pow(10, last), log: true, from: from, upTo: upTo}
	every := max(1, int(last-first)/5)
	for e := int(first); e <= int(last); e += every {
		at := math.Pow(10, float64(e))
		a.ticks = append(a.ticks, tick{at, sig(at, 1)})
	}
	return a
}

// share gives the place of v between 0 and 1, held within the axis.
func (a axis) share(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, a.low))
	}
	return min(1, max(0, (v-low)/(high-low)))
}

// x gives the place of v as a percentage of the chart's width.
func (a axis) x(v float64) string { return pct(a.from + a.share(v)*(a.upTo-a.from)) }

func pct(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + "%" }

// percent gives the place of v in percent of the chart's width.
func (a axis) percent(v float64) float64 { return a.from + a.share(v)*(a.upTo-a.from) }
