// Package student is Student's t for degrees of freedom that need not be whole:
// what comparisons and judgements need of it, on nothing but arithmetic.
package student

import "math"

// Survival is the two-sided p-value of |t| under Student's t with dof degrees of
// freedom, which need not be whole: I(dof/(dof+t²); dof/2, 1/2), NIST Digital
// Library of Mathematical Functions 8.17.
func Survival(t, dof float64) float64 {
	if math.IsInf(t, 0) {
		return 0
	}
	return betaI(dof/2, 0.5, dof/(dof+t*t))
}

// Critical is the t whose two-sided p-value is alpha: Newton's steps, kept within
// a bracket.
func Critical(alpha, dof float64) float64 {
	low, high := 0.0, 1.0
	for Survival(high, dof) > alpha && high < 1e12 {
		low, high = high, 2*high
	}
	t := (low + high) / 2
	for range 60 {
		over := Survival(t, dof) - alpha
		if over > 0 {
			low = t
		} else {
			high = t
		}
		next := t + over/(2*density(t, dof))
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		if math.Abs(next-t) <= 1e-13*t {
			return next
		}
		t = next
	}
	return t
}

// density is that of Student's t.
func density(t, dof float64) float64 {
	above, _ := math.Lgamma((dof + 1) / 2)
	below, _ := math.Lgamma(dof / 2)
	return math.Exp(above-below-(dof+1)/2*math.Log1p(t*t/dof)) / math.Sqrt(dof*math.Pi)
}

// betaI is the regularised incomplete beta function by its continued fraction
// (DLMF 8.17.22), evaluated by Lentz's method.
func betaI(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaI(b, a, 1-x) // where the fraction converges fast
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	return front * fraction(a, b, x)
}

// fraction is the continued fraction of betaI.
func fraction(a, b, x float64) float64 {
	const tiny, enough, most = 1e-300, 1e-15, 500
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	f := d
	for i := range most {
		m := float64(i + 1)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / away(1+even*d)
		c = away(1 + even/c)
		f *= c * d
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / away(1+odd*d)
		c = away(1 + odd/c)
		f *= c * d
		if math.Abs(c*d-1) < enough {
			break
		}
	}
	return f
}
