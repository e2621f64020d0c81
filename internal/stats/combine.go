package stats

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// term is a summand of a figure with its uncertainty: factor × a value that one
// channel told of one window.
type term struct {
	channel string
	factor  float64
	of      *bench.Uncertainty
}

// partKey names a line of a budget: errors of different channels are
// independent of each other.
type partKey struct{ name, kind, channel string }

// combine is the uncertainty of a sum of terms by the law of propagation (GUM,
// JCGM 100:2008, 5.1 and 5.2): an error that is the same in every window of a
// channel adds up with its sign, so that it partly cancels in a difference;
// all others add up as squares. Lines of the same name become one. More lines,
// such as that of repeats, come in as they are.
func combine(terms []term, more ...bench.UncertaintyPart) *bench.Uncertainty {
	lines := map[partKey]*budgetLine{}
	add := func(key partKey, part bench.UncertaintyPart, factor float64) {
		if lines[key] == nil {
			lines[key] = &budgetLine{part: part}
		}
		lines[key].add(part, factor)
	}
	for _, t := range terms {
		for _, part := range partsOf(t.of) {
			add(partKey{part.Name, part.Type, t.channel}, part, t.factor)
		}
	}
	for _, part := range more {
		add(partKey{part.Name, part.Type, ""}, part, 1)
	}
	return expand(merge(lines))
}

// partsOf gives the lines of a budget; one without lines is a line of its own.
func partsOf(u *bench.Uncertainty) []bench.UncertaintyPart {
	if len(u.Parts) > 0 {
		return u.Parts
	}
	return []bench.UncertaintyPart{{Name: "of the reading", Type: "B", Standard: u.Standard, DOF: u.DOF, Basis: "as told with the reading"}}
}

// budgetLine adds one error up over the terms of a channel.
type budgetLine struct {
	part    bench.UncertaintyPart // of the first term, for its words
	linear  float64               // of what is common to all windows
	squares float64               // of what is not
	fourths float64               // Σ u⁴/ν, by Welch and Satterthwaite
}

func (l *budgetLine) add(part bench.UncertaintyPart, factor float64) {
	u := factor * part.Standard
	if part.Common {
		l.linear += u
		l.part.Common = true
	} else {
		l.squares += u * u
	}
	if part.DOF > 0 {
		l.fourths += u * u * u * u / part.DOF
	}
}

// variance is the square of the line's standard uncertainty.
func (l *budgetLine) variance() float64 { return l.linear*l.linear + l.squares }

// merge sums the lines of one name over the channels, in order of name.
func merge(lines map[partKey]*budgetLine) []bench.UncertaintyPart {
	keys := make([]partKey, 0, len(lines))
	for key := range lines {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b partKey) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(a.name, b.name), strings.Compare(a.channel, b.channel))
	})
	var out []bench.UncertaintyPart
	for from := 0; from < len(keys); {
		key, part := keys[from], lines[keys[from]].part
		var variance, fourths float64
		for ; from < len(keys) && keys[from].name == key.name && keys[from].kind == key.kind; from++ {
			variance += lines[keys[from]].variance()
			fourths += lines[keys[from]].fourths
		}
		part.Standard, part.DOF = math.Sqrt(variance), freedom(variance, fourths)
		out = append(out, part)
	}
	return out
}

// freedom is the effective degrees of freedom by Welch and Satterthwaite (GUM
// G.4.1); 0 when infinite.
func freedom(variance, fourths float64) float64 {
	if fourths <= 0 {
		return 0
	}
	return variance * variance / fourths
}

// expand makes the expanded uncertainty of independent lines, with the factor
// of Student's t at 95 %.
func expand(parts []bench.UncertaintyPart) *bench.Uncertainty {
	u := bench.Uncertainty{Parts: parts}
	var variance, fourths float64
	for _, p := range parts {
		v := p.Standard * p.Standard
		variance += v
		if p.DOF > 0 {
			fourths += v * v / p.DOF
		}
	}
	u.Standard, u.DOF = math.Sqrt(variance), freedom(variance, fourths)
	u.K = distuv.UnitNormal.Quantile((1 + Level) / 2)
	if u.DOF > 0 {
		u.K = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: max(1, u.DOF)}.Quantile((1 + Level) / 2)
	}
	u.U95 = u.K * u.Standard
	return &u
}
