package meters

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

// ExpectedRelative says how uncertain the energy of a window of steady power
// would be on a channel, as a share of that energy at 95 %, before anything
// was measured: from accuracy, resolution and the age of values at both ends.
// Basis names the parts, the largest first. What power does between samples
// is not in it. It is +Inf where power is below the floor, and NaN with a
// reason for a channel that tells no energy. What a channel does not tell of its
// period and its lag is assumed, as a sampler does.
func ExpectedRelative(c bench.Channel, powerW float64, window time.Duration) (u95 float64, basis string) {
	c = described([]bench.Channel{c})[0]
	length := window.Seconds()
	switch {
	case !tellsEnergy(&c):
		return math.NaN(), "the channel tells no energy"
	case powerW <= 0 || length <= 0:
		return math.NaN(), "no power or no window"
	case c.Floor > 0 && !c.Counter && powerW < c.Floor:
		return math.Inf(1), fmt.Sprintf("%g W is below the floor of %g W", powerW, c.Floor)
	}
	joules := powerW * length
	accuracy := accuracyPart(&c, joules, length)
	parts := []bench.UncertaintyPart{
		accuracy, {Name: PartDelay, Standard: gum.Rectangular(powerW * lagDoubt(&c).Seconds())},
	}
	late := c.UpdatePeriod.Seconds() / 2
	if c.Counter {
		parts = append(parts,
			bench.UncertaintyPart{Name: PartResolution, Standard: gum.Triangular(c.Resolution)},
			bench.UncertaintyPart{Name: PartEdges, Standard: math.Sqrt2 * gum.Rectangular(powerW*late)},
			bench.UncertaintyPart{Name: PartStamps, Standard: math.Sqrt2 * gum.Rectangular(powerW*c.StampError.Seconds())})
	} else {
		// A window begins and ends with a step of all of its power.
		edge := math.Hypot(gum.Rectangular(late), gum.Arcsine(c.Window.Seconds()/8))
		parts = append(parts,
			bench.UncertaintyPart{Name: PartResolution, Standard: c.Resolution / math.Sqrt(12) * length},
			bench.UncertaintyPart{Name: PartEdges, Standard: 2 * powerW * edge},
			bench.UncertaintyPart{Name: PartStamps, Standard: 2 * gum.Rectangular(powerW*c.StampError.Seconds())},
			bench.UncertaintyPart{Name: PartClock, Standard: gum.Rectangular(clockRate * joules)})
	}
	u := gum.Combine(parts)
	return u.U95 / joules, expectedBasis(c, parts, u, joules, powerW, window)
}

func expectedBasis(
	c bench.Channel, parts []bench.UncertaintyPart, u bench.Uncertainty, joules, powerW float64, window time.Duration,
) string {
	text := fmt.Sprintf("at %g W over %s", powerW, window)
	largest := parts[0]
	for _, p := range parts[1:] {
		if p.Standard > largest.Standard {
			largest = p
		}
	}
	if largest.Standard > 0 {
		text += fmt.Sprintf(", mostly %s (±%.2g %%)", largest.Name, 100*u.K*largest.Standard/joules)
	}
	if parts[0].Standard == 0 {
		text += "; " + parts[0].Basis
	}
	if strings.HasPrefix(c.PeriodBasis, assumedPrefix) {
		text += "; update period " + c.PeriodBasis
	}
	if window < minPeriods*c.UpdatePeriod {
		text += "; too short for an energy of its own"
	}
	return text
}
