// Package gum combines uncertainties as the Guide to the expression of
// uncertainty in measurement does (JCGM 100:2008, "GUM"). It is pure algebra
// on bench.Uncertainty: who knows what a part comes from makes the part.
//
// A part is a standard uncertainty with its degrees of freedom. Parts of one
// budget are independent of each other, so they add in quadrature (GUM 5.1.2,
// equation 10 with sensitivities of one). A part marked Common is one error
// that all windows of a channel share, such as that of its calibration or of
// its delay: over windows it adds linearly (GUM 5.2.2, equation 16 with
// correlation +1). In a difference it cancels only where its sign is known to
// be the same on both sides, which is so of a sensor's accuracy alone. A part
// marked Shared is one error of several devices, and adds linearly over them.
package gum

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Types of evaluation (GUM 4.2 and 4.3).
const (
	TypeA = "A" // by statistics of repeated observations
	TypeB = "B" // by what else is known
)

// NameAccuracy is the name of the part that stands for the sensor itself. Of
// all parts it alone cancels in a difference (see Minus).
const NameAccuracy = "sensor accuracy"

// NameRepeats is the name of the part that WithRepeats adds.
const NameRepeats = "repeats"

// level is the probability that U95 stands for.
const level = 0.95

// maxDOF is how many degrees of freedom count as infinite: beyond, the
// coverage factor is 1.96 to three digits.
const maxDOF = 1e4

// Rectangular is the standard uncertainty of a quantity that lies anywhere
// within ±half (GUM 4.3.7, equation 7).
func Rectangular(half float64) float64 { return math.Abs(half) / math.Sqrt(3) }

// Triangular is that of a quantity within ±half that is likelier near the
// middle, such as the difference of two rounded values (GUM 4.3.9).
func Triangular(half float64) float64 { return math.Abs(half) / math.Sqrt(6) }

// Arcsine is that of a quantity within ±half that is likelier near the limits.
func Arcsine(half float64) float64 { return math.Abs(half) / math.Sqrt2 }

// Combine makes a budget of independent parts: Standard = √Σuᵢ² (GUM equation
// 10), effective degrees of freedom u⁴ / Σ(uᵢ⁴/νᵢ) (Welch and Satterthwaite, GUM
// equation G.2b), and K the two-sided 95 % point of Student's t (GUM G.3.2),
// 1.96 where the degrees are infinite. Parts that are not finite or negative
// leave a figure that says so: U95 is infinite.
func Combine(parts []bench.UncertaintyPart) bench.Uncertainty {
	var square, spread float64
	for _, p := range parts {
		if math.IsNaN(p.Standard) || math.IsInf(p.Standard, 0) || p.Standard < 0 {
			return bench.Uncertainty{U95: math.Inf(1), Standard: math.Inf(1), K: Coverage(0), Parts: parts}
		}
		square += p.Standard * p.Standard
	}
	u := math.Sqrt(square)
	for _, p := range parts {
		if p.DOF > 0 && u > 0 {
			spread += math.Pow(p.Standard/u, 4) / p.DOF
		}
	}
	dof := 0.0
	if spread > 0 && 1/spread < maxDOF {
		dof = 1 / spread
	}
	k := Coverage(dof)
	return bench.Uncertainty{U95: k * u, Standard: u, K: k, DOF: dof, Parts: parts}
}

// Coverage is the factor k by which a standard uncertainty with so many
// degrees of freedom becomes a half-width at 95 %; 0 degrees are infinite.
func Coverage(dof float64) float64 {
	if dof <= 0 || dof >= maxDOF {
		return distuv.UnitNormal.Quantile(0.5 + level/2)
	}
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: max(dof, 1)}.Quantile(0.5 + level/2)
}

// Scale gives the uncertainty of factor times the figure, such as of joules
// per call (factor 1/calls) or of the mean power (factor 1/seconds).
func Scale(u bench.Uncertainty, factor float64) bench.Uncertainty {
	parts := slices.Clone(u.Parts)
	for i := range parts {
		parts[i].Standard *= math.Abs(factor)
	}
	return Combine(parts)
}

// SumOver gives the uncertainty of the sum of figures of one channel in several
// windows. Parts of one name are merged into one: Common ones are added
// linearly, others in quadrature, with degrees of freedom after Welch and
// Satterthwaite. Parts are in the order of their first occurrence. Figures of
// different channels share no error: add those with AddIndependent.
func SumOver(list []bench.Uncertainty) bench.Uncertainty {
	var merged []bench.UncertaintyPart
	for _, u := range list {
		for _, p := range u.Parts {
			i := slices.IndexFunc(merged, func(m bench.UncertaintyPart) bool { return sameKind(m, p) })
			if i < 0 {
				merged = append(merged, p)
				continue
			}
			merged[i] = merge(merged[i], p)
		}
	}
	return Combine(merged)
}

// sameKind reports whether two parts are the same line of two budgets.
func sameKind(a, b bench.UncertaintyPart) bool {
	return a.Name == b.Name && a.Common == b.Common && a.Shared == b.Shared
}

// merge adds two parts of one name.
func merge(a, b bench.UncertaintyPart) bench.UncertaintyPart {
	if a.Type != b.Type {
		a.Type = TypeB // what is not all from repeats is not from repeats
	}
	if b.Standard > a.Standard {
		a.Basis = b.Basis // the larger one says more
	}
	if a.Common || a.Shared != "" {
		a.Standard += b.Standard
		a.DOF = lesser(a.DOF, b.DOF)
		return a
	}
	both := Combine([]bench.UncertaintyPart{{Standard: a.Standard, DOF: a.DOF}, {Standard: b.Standard, DOF: b.DOF}})
	a.Standard, a.DOF = both.Standard, both.DOF
	return a
}

// lesser is the smaller of two numbers of degrees of freedom, 0 being infinite.
func lesser(a, b float64) float64 {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	}
	return min(a, b)
}

// AddIndependent gives the uncertainty of the sum or the difference of figures
// of different devices or meters. They share no error but those marked Shared:
// parts that share one are merged and add linearly, which in a difference is
// rather too wide. The names of parts are led by those of labels.
func AddIndependent(labels []string, list []bench.Uncertainty) bench.Uncertainty {
	var parts []bench.UncertaintyPart
	var of [][]string // labels of each part
	for i, u := range list {
		var label []string
		if i < len(labels) && labels[i] != "" {
			label = labels[i : i+1 : i+1]
		}
		for _, p := range u.Parts {
			j := slices.IndexFunc(parts, func(q bench.UncertaintyPart) bool { return p.Shared != "" && p.Shared == q.Shared })
			if j < 0 {
				parts, of = append(parts, p), append(of, label)
				continue
			}
			parts[j], of[j] = merge(parts[j], p), append(of[j], label...)
		}
	}
	for i, label := range of {
		if len(label) > 0 {
			parts[i].Name = strings.Join(label, ", ") + ": " + parts[i].Name
		}
	}
	return Combine(parts)
}

// Minus gives the uncertainty of gross − baseline, both in the same unit and of
// the same channel, the baseline already scaled to the length of the window.
// The sensor's accuracy is the same error in both and cancels: what is left is
// the difference of the two (correlation +1, GUM equation 16). Of other Common
// parts the sign is not known: an edge or a view that disagrees may be above in
// one and below in the other, so they add linearly (correlation −1). What is
// left adds in quadrature; the baseline's is named so.
func Minus(gross, baseline bench.Uncertainty) bench.Uncertainty {
	parts := slices.Clone(gross.Parts)
	for _, p := range baseline.Parts {
		i := slices.IndexFunc(parts, func(g bench.UncertaintyPart) bool { return p.Common && sameKind(g, p) })
		switch {
		case i < 0:
			p.Name, p.Common = "baseline: "+p.Name, false
			parts = append(parts, p)
		case p.Name == NameAccuracy:
			parts[i].Standard = math.Abs(parts[i].Standard - p.Standard)
			parts[i].DOF = lesser(parts[i].DOF, p.DOF)
		default:
			parts[i] = merge(parts[i], p)
		}
	}
	return Combine(parts)
}

// WithRepeats adds what n repeats with standard deviation sd say about their
// mean: a part of type A, sd/√n with n − 1 degrees of freedom (GUM 4.2.3 and
// G.3.3). Below two repeats u stays as it is.
//
// What varies from one repeat to the next holds their window edges, sampling
// and resolution already, so the result counts those twice and is rather too
// wide than too narrow; the parts that are Common are in no repeat.
func WithRepeats(u bench.Uncertainty, sd float64, n int, basis string) bench.Uncertainty {
	if n < 2 {
		return u
	}
	return Combine(append(slices.Clone(u.Parts), bench.UncertaintyPart{
		Name: NameRepeats, Standard: sd / math.Sqrt(float64(n)), Type: TypeA, DOF: float64(n - 1), Basis: basis,
	}))
}
