package report

import (
	"math"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// plusMinus prints a figure with its half-width at 95 %, both rounded to two
// significant digits of the half-width, as in "5.87 ± 0.31".
func plusMinus(v, half float64) string {
	if !(half > 0) {
		return three(v) + " ± 0"
	}
	if math.Abs(v)/half > 1e9 { // more digits than anybody reads
		return sig(v, 10) + " ± " + sig(half, 2)
	}
	half, exponent := roundTwo(half)
	if size := max(math.Abs(v), half); size < 1e-4 || size >= 1e12 {
		e := int(math.Floor(math.Log10(size)))
		scale := math.Pow(10, float64(e))
		decimals := max(0, e-exponent+1)
		_, power, _ := cutPower(scientific(scale, 1))
		return "(" + fixed(v/scale, decimals) + " ± " + fixed(half/scale, decimals) + ")×" + power
	}
	decimals := max(0, 1-exponent)
	step := math.Pow(10, float64(exponent-1))
	if step > 1 { // more digits than the doubt allows become zeros
		v = math.Round(v/step) * step
	}
	return fixed(v, decimals) + " ± " + fixed(half, decimals)
}

// roundTwo rounds to two significant digits and gives the power of ten of the
// first.
func roundTwo(v float64) (rounded float64, exponent int) {
	text := strconv.FormatFloat(v, 'e', 1, 64)
	rounded, err := strconv.ParseFloat(text, 64)
	if err != nil { // what FormatFloat writes parses
		rounded = v
	}
	return rounded, int(math.Floor(math.Log10(rounded) + 1e-9))
}

// cutPower splits "1×10⁻⁵" at the sign.
func cutPower(text string) (mantissa, power string, found bool) {
	for i, r := range text {
		if r == '×' {
			return text[:i], text[i+len("×"):], true
		}
	}
	return text, "", false
}

// withDoubt prints a figure with its uncertainty, or with three digits when it
// has none.
func withDoubt(v float64, u *bench.Uncertainty) string {
	if u == nil {
		return three(v)
	}
	return plusMinus(v, u.U95)
}

// withU95 is withDoubt for a bare half-width.
func withU95(v float64, half *float64) string {
	if half == nil {
		return three(v)
	}
	return plusMinus(v, *half)
}

// partName says in words what part of a host a figure covers.
func partName(p bench.Part) string {
	switch p {
	case bench.PartWall:
		return "wall"
	case bench.PartGPU:
		return "GPU"
	case bench.PartCPU:
		return "CPU"
	case bench.PartNone:
		return "host"
	default:
		return printable(string(p), 20)
	}
}

// partRank orders parts as the reconciliation does.
func partRank(p bench.Part) int {
	switch p {
	case bench.PartWall:
		return 0
	case bench.PartGPU:
		return 1
	case bench.PartCPU:
		return 2
	default:
		return 3
	}
}

// coverageLimit is the share of a window below which too little was seen to
// trust an energy without saying so (design: the trapezoid's own limit).
const coverageLimit = 0.95

// energyDoubts lists, in words, what makes an energy doubtful: flags of its
// windows, views that disagree, and samples that cover too little.
func energyDoubts(e bench.EnergyFigure) []string {
	doubts := doubtsOf(e.Flags, e.Disagreement)
	if e.Coverage < coverageLimit {
		doubts = append(doubts, "samples cover "+percent(e.Coverage)+" of the windows, less than "+sig(coverageLimit*100, 2)+" %")
	}
	return doubts
}

func doubtsOf(flags []string, d *bench.Disagreement) []string {
	var doubts []string
	for _, f := range flags {
		doubts = append(doubts, printable(f, 300))
	}
	if d != nil && d.Exceeded {
		doubts = append(doubts, "two views of the same device disagree: "+disagreementText(d))
	}
	return doubts
}

// disagreementText says how far another view of the same device lies away.
func disagreementText(d *bench.Disagreement) string {
	return signedPercent(d.Relative) + " against " + printable(d.With, 80) + ", limit " + sig(d.Limit*100, 1) + " %"
}

// signedPercent prints a relative difference with its sign.
func signedPercent(share float64) string {
	sign := ""
	if share > 0 {
		sign = "+"
	}
	return sign + sig(share*100, 2) + " %"
}

// statesText counts the readings of a window that held no plain value.
func statesText(n bench.ReadingCounts, missed int) string {
	text := ""
	for _, s := range []struct {
		n    int
		name string
	}{
		{missed, "missed"},
		{n.Missing, "missing"},
		{n.Stale, "stale"},
		{n.Reset, "reset"},
		{n.Wrapped, "wrapped"},
		{n.OutOfRange, "out of range"},
	} {
		if s.n > 0 {
			text = words(text, count(s.n)+" "+s.name)
		}
	}
	return text
}

// figureWord says on what a figure rests when it was not measured.
func figureWord(e bench.EnergyFigure) string {
	return basisWord(e.Estimated || e.Method == bench.EnergyEstimated, e.Simulated)
}
