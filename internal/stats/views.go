package stats

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

// partDisagreement is the name under which a meter adds to a budget what two
// views of a device differ by.
const partDisagreement = "disagreement"

// alike is how close the uncertainties of two views are taken for equal.
const alike = 0.10

// fewSteps is the number of its steps below which a counter is not believed
// against a power that tells more.
const fewSteps = 10

// viewOf picks the view of a device that counts: see betterView.
func (a *account) viewOf(device views, windows []weighted) series {
	best := device.list[0]
	for _, s := range device.list[1:] {
		if a.betterView(s, best, windows) {
			best = s
		}
	}
	return best
}

// betterView says whether a view is to be taken before another of the same
// device: one that is fine enough for the windows; then the one that tells the
// energy of more of them, unless the other tells enough with less than half of
// its uncertainty; then the one with the smaller uncertainty over the windows
// that both tell, where one without any loses; within 10 % a counter before
// power, an instant sensor before one that averages.
func (a *account) betterView(s, than series, windows []weighted) bool {
	mine, its := a.told([]series{s}, windows), a.told([]series{than}, windows)
	if mine == 0 || its == 0 {
		return mine > its
	}
	if coarse := a.unresolved(s, than, windows); coarse != a.unresolved(than, s, windows) {
		return !coarse
	}
	mineU, itsU := math.Inf(1), math.Inf(1)
	if both := a.toldBy([]series{s, than}, windows); len(both) > 0 {
		mineU, itsU = ownU95([]series{s}, both), ownU95([]series{than}, both)
	}
	switch {
	case mine > its:
		return float64(its) < enough*float64(mine) || !(itsU < mineU/2)
	case mine < its:
		return float64(mine) >= enough*float64(its) && mineU < itsU/2
	case !close95(mineU, itsU):
		return mineU < itsU
	}
	return steadier(s.channel, than.channel)
}

// unresolved says that the steps of a counter are too coarse for all that it
// tells of the windows, while a power of the same device tells enough of them:
// standing still or one step more is no finding then.
func (a *account) unresolved(s, power series, windows []weighted) bool {
	if !s.channel.Counter || power.channel.Counter {
		return false
	}
	rise, drawn := energyOver([]series{s}, a.toldBy([]series{s}, windows)), energyOver([]series{power}, a.toldBy([]series{power}, windows))
	fewer := float64(a.told([]series{power}, windows)) < enough*float64(a.told([]series{s}, windows))
	return drawn > 0 && (rise == 0 || rise < fewSteps*s.channel.Resolution && !fewer)
}

// toldBy lists the windows whose energy chosen channels tell.
func (a *account) toldBy(chosen []series, windows []weighted) []phaseKey {
	var keys []phaseKey
	for _, w := range windows {
		if a.gap(chosen, w.key) == "" {
			keys = append(keys, w.key)
		}
	}
	return keys
}

// close95 says that two uncertainties are equal within 10 % of the larger, or
// both not known.
func close95(a, b float64) bool {
	return a == b || math.Abs(a-b) <= alike*max(a, b) && !math.IsInf(max(a, b), 1)
}

// steadier orders views of like uncertainty.
func steadier(c, than bench.Channel) bool {
	if c.Counter != than.Counter {
		return c.Counter
	}
	return c.Sensor != bench.SensorAveraged && than.Sensor == bench.SensorAveraged
}

// ownU95 is the uncertainty at 95 % of channels over windows in J, without what
// views disagree by: that is in the budget of both. Infinite where a meter told
// none.
func ownU95(chosen []series, keys []phaseKey) float64 {
	own := make([]series, len(chosen))
	for i, s := range chosen {
		own[i] = series{channel: s.channel, of: map[phaseKey]bench.PhaseReading{}}
		for _, key := range keys {
			own[i].of[key] = withoutPart(s.of[key], partDisagreement)
		}
	}
	sum, missing := sumDoubt(own, keys)
	if missing != "" || !finite(sum.U95) {
		return math.Inf(1)
	}
	return sum.U95
}

// withoutPart is a reading whose budget lacks the lines of a name.
func withoutPart(p bench.PhaseReading, name string) bench.PhaseReading {
	if !known(p.Uncertainty) || !slices.ContainsFunc(p.Uncertainty.Parts, func(u bench.UncertaintyPart) bool { return u.Name == name }) {
		return p
	}
	u := gum.Combine(slices.DeleteFunc(slices.Clone(p.Uncertainty.Parts), func(u bench.UncertaintyPart) bool { return u.Name == name }))
	p.Uncertainty = &u
	return p
}

// setFrozenAside takes the energy away from counters that stood still while a
// power of the same device went on, and what they said about that power.
func (v views) setFrozenAside() {
	for _, s := range v.list {
		if !s.channel.Counter {
			continue
		}
		for key, p := range s.of {
			if by, why := v.frozen(s, key); why != "" {
				p.EnergyJ, p.Missing, p.Uncertainty, p.Disagreement, p.Method = nil, why, nil, nil, ""
				s.of[key] = p
				v.forget(s.channel.Name, by, key)
			}
		}
	}
}

// frozen says why a counter is not believed about a window, with the power that
// contradicts it: it rose by less than some of its steps while the power tells
// more than those. Where a few steps are more than the window took, standing
// still is what it must do; betterView sees to that.
func (v views) frozen(s series, key phaseKey) (by, why string) {
	if s.gap(key) != "" {
		return "", ""
	}
	rise, steps := *s.of[key].EnergyJ, fewSteps*s.channel.Resolution
	for _, other := range v.list {
		if other.channel.Counter || other.gap(key) != "" {
			continue
		}
		drawn := *other.of[key].EnergyJ
		switch {
		case rise == 0 && drawn > steps:
			return other.channel.Name, fmt.Sprintf("it did not rise while %s tells %.4g J: it stood still", other.channel.Name, drawn)
		case rise < steps && drawn > steps:
			return other.channel.Name, fmt.Sprintf("it rose by %.4g J, less than %d of its steps of %g J, while %s tells %.4g J: it stood still",
				rise, fewSteps, s.channel.Resolution, other.channel.Name, drawn)
		}
	}
	return "", ""
}

// forget removes what a counter that is left aside said about the powers of
// its device, and says so on the one that contradicts it.
func (v views) forget(counter, by string, key phaseKey) {
	for _, other := range v.list {
		p, read := other.of[key]
		if !read || other.channel.Counter {
			continue
		}
		if p.Disagreement != nil && p.Disagreement.With == counter {
			p.Disagreement = nil
			p.Flags = slices.DeleteFunc(slices.Clone(p.Flags), func(text string) bool { return strings.Contains(text, counter) })
			p = withoutPart(p, partDisagreement)
		}
		if other.channel.Name == by {
			p.Flags = append(slices.Clone(p.Flags), counter+frozenNote)
		}
		other.of[key] = p
	}
}

// frozenNote follows the name of a counter in the flag on what contradicts it.
const frozenNote = " stood still while this power went on: it is left aside"
