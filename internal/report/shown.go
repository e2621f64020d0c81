package report

import "github.com/wattsweep/wattsweep/internal/bench"

// Shown is how many cells the page and the terminal show in full. The tables
// (cells.csv and the others) and results.json hold all.
const Shown = 200

// shown are the cells that tables list.
func shown(cells []bench.CellResult) []bench.CellResult { return cells[:min(len(cells), Shown)] }

// leftOut says that tables do not list every cell; "" when they do.
func leftOut(cells []bench.CellResult) string {
	if len(cells) <= Shown {
		return ""
	}
	return "Tables and charts hold the first " + count(Shown) + " of " + plural(len(cells), "cell") + "; " + CellsFile +
		" and the other files hold all of them. Sentences and sums are over all."
}

// slim is a cell with what a row of cells needs, without what only its own
// sections show.
func slim(c bench.CellResult) bench.CellResult {
	c.Curves, c.Phases, c.EnergyByPhase, c.LoadAttempts, c.Trends, c.Sampling = nil, nil, nil, nil, nil, nil
	c.WhitePaper, c.Thesis, c.Energies, c.Intervals = nil, nil, nil, nil
	if c.Energy != nil {
		e := *c.Energy
		e.Flags = nil
		for _, u := range []**bench.Uncertainty{&e.Uncertainty, &e.NetUncertainty} {
			if *u != nil {
				bare := **u
				bare.Parts = nil
				*u = &bare
			}
		}
		c.Energy = &e
	}
	return c
}
