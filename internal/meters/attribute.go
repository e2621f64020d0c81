package meters

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Attribute shares a window's energy out to the calls inside it by their
// duration: each gets the window's mean power times its own latency, in J. What
// was used between calls stays with the window. Where calls overlapped, so
// that they last longer together than the window, they share all of it.
// Figures made so carry the method bench.EnergyAttributed. When the window has
// no energy the result is nil and missing says why.
func Attribute(window bench.PhaseReading, calls []time.Duration) (energyJ []float64, missing string) {
	if window.EnergyJ == nil {
		if window.Missing == "" {
			return nil, "the channel measures no energy"
		}
		return nil, window.Missing
	}
	var sum time.Duration
	for _, d := range calls {
		if d < 0 {
			return nil, "a call has a negative duration"
		}
		sum += d
	}
	whole := max(window.Window, sum)
	if whole <= 0 {
		return nil, "the window has no length"
	}
	energyJ = make([]float64, len(calls))
	for i, d := range calls {
		energyJ[i] = *window.EnergyJ * float64(d) / float64(whole)
	}
	return energyJ, ""
}
