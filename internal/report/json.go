package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

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
	cells := r.Cells
	r.Cells = nil
	before, after, err := jsonAround(r)
	if err != nil {
		return err
	}
	out := &jsonCells{w: w}
	out.text(before)
	for _, c := range cells {
		out.add(c)
	}
	out.end()
	out.text(after)
	if out.err != nil {
		return fmt.Errorf("write results of sweep %s as JSON: %w", printable(string(r.Sweep.ID), 40), out.err)
	}
	return nil
}

// noCells is how an empty list of cells stands in the file. No text of a sweep
// can look so, since a line break inside a text is escaped.
const noCells = "\n  \"cells\": ["

// jsonAround is all of results.json before the first cell and after the last.
func jsonAround(r bench.Results) (before, after string, err error) {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // names stay readable; the file is data, not a page
	if err := enc.Encode(headLists(r)); err != nil {
		return "", "", fmt.Errorf("write results of sweep %s as JSON: %w", printable(string(r.Sweep.ID), 40), err)
	}
	at := strings.Index(out.String(), noCells) + len(noCells)
	return out.String()[:at], out.String()[at:], nil
}

// jsonCells writes the list of cells, one after the other.
type jsonCells struct {
	w   io.Writer
	n   int
	err error
}

func (j *jsonCells) text(text string) {
	if j.err == nil {
		_, j.err = io.WriteString(j.w, text)
	}
}

func (j *jsonCells) add(c bench.CellResult) {
	if j.err != nil {
		return
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("    ", "  ")
	enc.SetEscapeHTML(false)
	if j.err = enc.Encode(cellLists(c)); j.err != nil {
		return
	}
	if j.n > 0 {
		j.text(",")
	}
	j.n++
	j.text("\n    ")
	j.text(strings.TrimSuffix(out.String(), "\n"))
}

// end breaks the line before the list's closing bracket.
func (j *jsonCells) end() {
	if j.n > 0 {
		j.text("\n  ")
	}
}

// headLists copies results without cells, with empty lists where they had nil
// ones.
func headLists(r bench.Results) bench.Results {
	r.Provenance.Hosts = copied(r.Provenance.Hosts)
	r.Provenance.Datasets = copied(r.Provenance.Datasets)
	r.Provenance.Method = copied(r.Provenance.Method)
	for i := range r.Provenance.Hosts {
		h := &r.Provenance.Hosts[i]
		h.GPUs, h.Meters = copied(h.GPUs), copied(h.Meters)
	}
	r.Cells = []bench.CellResult{}
	if r.Targets != nil {
		t := *r.Targets
		t.Targets, t.Judgements = copied(t.Targets), copied(t.Judgements)
		r.Targets = &t
	}
	return r
}

// cellLists copies a cell with empty lists and maps where it had nil ones.
func cellLists(c bench.CellResult) bench.CellResult {
	c.LoadAttempts, c.Phases = copied(c.LoadAttempts), copied(c.Phases)
	c.Energies, c.EnergyByPhase = copied(c.Energies), copied(c.EnergyByPhase)
	c.WhitePaper, c.Thesis = copied(c.WhitePaper), copied(c.Thesis)
	c.Trends, c.Sampling = copied(c.Trends), copied(c.Sampling)
	if len(c.Curves) > 0 {
		c.CurvesMissing = curvesElsewhere
	}
	c.Curves = []bench.Curve{}
	listParts(&c)
	if c.Outcomes == nil {
		c.Outcomes = map[string]int{}
	}
	return c
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
