package meters

import (
	"fmt"
	"math"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

// compareViews holds energies of one device in one window against each other:
// a power against the counter of its device, or where there is none against
// the device's other power; a counter against the power. They disagree where
// they are further apart than bench.DisagreementLimit and than their own
// uncertainties explain: the difference of two right figures is within
// √(U1² + U2²) at 95 %. Then both are flagged, and the difference bounds a
// further part of the uncertainty of each. It is all of the difference, as
// neither is known to be the right one: of either, the other may be the truth.
func compareViews(readings []bench.PhaseReading) {
	for i := range readings {
		r := &readings[i]
		if r.EnergyJ == nil || r.Channel.Estimated {
			continue
		}
		if other := otherView(readings, i); other != nil {
			r.Disagreement = disagreement(r, other)
		}
	}
	for i := range readings {
		r := &readings[i]
		d := r.Disagreement
		if d == nil || !d.Exceeded {
			continue
		}
		r.Flags = append(r.Flags, fmt.Sprintf("differs by %.1f %% from what %s tells (limit %g %%)",
			100*math.Abs(d.Relative), d.With, 100*d.Limit))
		u := gum.Combine(append(r.Uncertainty.Parts, bench.UncertaintyPart{
			Name: PartDisagreement, Standard: gum.Rectangular(*r.EnergyJ - d.EnergyJ), Type: gum.TypeB, Common: true,
			Basis: "the difference to what " + d.With + " tells: either may be the right one",
		}))
		r.Uncertainty = &u
	}
}

// otherView finds what the energy of reading i is compared with: of the
// opposite kind if there is one, instant before averaged.
func otherView(readings []bench.PhaseReading, i int) *bench.PhaseReading {
	var best *bench.PhaseReading
	rank := 0
	for j := range readings {
		r := &readings[j]
		if j == i || r.EnergyJ == nil || !sameView(&readings[i].Channel, &r.Channel) {
			continue
		}
		now := 1
		if r.Channel.Counter != readings[i].Channel.Counter {
			now += 2
		}
		if r.Channel.Sensor == bench.SensorInstant {
			now++
		}
		if now > rank {
			best, rank = r, now
		}
	}
	return best
}

// sameView reports whether two channels are views of one power: of one device
// and of the same scope, so that a module is not held against its GPU.
func sameView(a, b *bench.Channel) bool {
	return !a.Estimated && !b.Estimated && a.Scope == b.Scope && a.Identity == b.Identity && deviceOf(a) == deviceOf(b)
}

func deviceOf(c *bench.Channel) string {
	if c.Device != "" {
		return c.Device
	}
	if dot := strings.LastIndexByte(c.Name, '.'); dot >= 0 {
		return c.Name[:dot]
	}
	return c.Name
}

// disagreement compares two views before anything of it is in their budgets.
func disagreement(this, other *bench.PhaseReading) *bench.Disagreement {
	a, b := *this.EnergyJ, *other.EnergyJ
	d := &bench.Disagreement{With: other.Channel.Name, EnergyJ: b, Limit: bench.DisagreementLimit}
	if mean := (a + b) / 2; mean != 0 {
		d.Relative = (a - b) / math.Abs(mean)
	}
	explained := math.Hypot(this.Uncertainty.U95, other.Uncertainty.U95)
	d.Exceeded = math.Abs(d.Relative) > d.Limit && math.Abs(a-b) > explained
	return d
}
