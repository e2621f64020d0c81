package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// curvesElsewhere is why results.json holds no curves.
const curvesElsewhere = "the curves of this cell are in " + CurvesFile

// JSON writes results.json: [bench.Results] as it is, indented, the same bytes
// for the same results. Empty lists are written as lists, never as null, so
// that null always means a figure that does not exist. The courses of cells over
// time are not in it but in curves.csv, since they outweigh everything else; the
// field says so. The shape is described by docs/results.schema.json.
func JSON(w io.Writer, r bench.Results) error {
	if err := Verify(r); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // names stay readable; the file is data, not a page
	if err := enc.Encode(withoutNilLists(r)); err != nil {
		return fmt.Errorf("write results of sweep %s as JSON: %w", printable(string(r.Sweep.ID), 40), err)
	}
	return nil
}

// withoutNilLists copies r with empty lists and maps where it had nil ones.
func withoutNilLists(r bench.Results) bench.Results {
	r.Provenance.Hosts = copied(r.Provenance.Hosts)
	r.Provenance.Datasets = copied(r.Provenance.Datasets)
	r.Provenance.Method = copied(r.Provenance.Method)
	for i := range r.Provenance.Hosts {
		h := &r.Provenance.Hosts[i]
		h.GPUs, h.Meters = copied(h.GPUs), copied(h.Meters)
	}
	r.Cells = copied(r.Cells)
	for i := range r.Cells {
		c := &r.Cells[i]
		c.LoadAttempts, c.Phases = copied(c.LoadAttempts), copied(c.Phases)
		c.Energies, c.EnergyByPhase = copied(c.Energies), copied(c.EnergyByPhase)
		c.WhitePaper, c.Thesis = copied(c.WhitePaper), copied(c.Thesis)
		c.Trends, c.Sampling = copied(c.Trends), copied(c.Sampling)
		if len(c.Curves) > 0 {
			c.CurvesMissing = curvesElsewhere
		}
		c.Curves = []bench.Curve{}
		listParts(c)
		if c.Outcomes == nil {
			c.Outcomes = map[string]int{}
		}
	}
	return r
}

// listParts gives every uncertainty of a copied cell a list of parts.
func listParts(c *bench.CellResult) {
	if c.Energy != nil {
		e := *c.Energy
		e.Uncertainty, e.NetUncertainty = withParts(e.Uncertainty), withParts(e.NetUncertainty)
		c.Energy = &e
	}
	for i := range c.Energies {
		e := &c.Energies[i]
		e.Uncertainty, e.NetUncertainty = withParts(e.Uncertainty), withParts(e.NetUncertainty)
	}
	for i := range c.EnergyByPhase {
		c.EnergyByPhase[i].Uncertainty = withParts(c.EnergyByPhase[i].Uncertainty)
	}
	for i := range c.Phases {
		c.Phases[i].Uncertainty = withParts(c.Phases[i].Uncertainty)
	}
}

func withParts(u *bench.Uncertainty) *bench.Uncertainty {
	if u == nil || u.Parts != nil {
		return u
	}
	out := *u
	out.Parts = []bench.UncertaintyPart{}
	return &out
}

func copied[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return slices.Clone(list)
}
