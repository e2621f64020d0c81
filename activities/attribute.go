package activities

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/stats"
)

// AttributedJoules shares the energy of each inference window that a cell's
// energy rests on out to the calls in it, in joules; other calls have none of
// their own.
func AttributedJoules(in stats.CellInput) map[bench.CallKey]float64 {
	out := map[bench.CallKey]float64{}
	windows, _ := stats.WindowsOf(in) // none: the cell's row says why
	for _, w := range windows {
		durations := make([]time.Duration, len(w.Calls))
		for i, c := range w.Calls {
			durations[i] = c.Latency
		}
		shares, _ := meters.Attribute(bench.PhaseReading{EnergyJ: &w.EnergyJ, Window: w.Window}, durations)
		for i := range shares {
			out[w.Calls[i].CallKey] = shares[i]
		}
	}
	return out
}
