package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// sumTolerance is how far a sum may lie from its summands, relative to their
// size: only rounding of floating point is allowed.
const sumTolerance = 1e-6

// near reports whether two figures are equal but for rounding at a size.
func near(a, b, size float64) bool {
	return math.Abs(a-b) <= sumTolerance*max(math.Abs(a), math.Abs(b), math.Abs(size))+1e-12
}

// energies holds the figures of energy of a cell against each other.
func (v *verifier) energies(where string, c bench.CellResult) {
	var seen []string
	found := len(c.Energies) == 0 || c.Energy == nil
	for i, e := range c.Energies {
		at := fmt.Sprintf("%s.energies[%d]", where, i)
		v.energy(at, c, e)
		key := string(e.Part) + "\x00" + e.Channel
		v.need(at, !slices.Contains(seen, key), "the same part and channels stand twice", "count a channel once")
		seen = append(seen, key)
		found = found || (e.Channel == c.Energy.Channel && near(e.Mean, c.Energy.Mean, 0))
	}
	v.need(where+".energies", found, "the cell's energy is not among the energies of its parts",
		"take the cell's energy from its parts")
	if c.Energy != nil {
		v.uncertainty(where+".energy_j_per_call.uncertainty", c.Energy.Uncertainty)
		v.uncertainty(where+".energy_j_per_call.net_uncertainty", c.Energy.NetUncertainty)
		v.marked(where+".energy_j_per_call", c, c.Energy.Channel, c.Energy.Estimated, c.Energy.Simulated)
	}
	for i, p := range c.EnergyByPhase {
		v.phaseEnergy(fmt.Sprintf("%s.energy_by_phase[%d]", where, i), c, p)
	}
	for i, p := range c.Phases {
		v.uncertainty(fmt.Sprintf("%s.phases[%d].uncertainty", where, i), p.Uncertainty)
	}
	v.reconciliation(where+".reconciliation", c.Reconciliation)
	v.metrics(where+".white_paper", c, c.WhitePaper)
	v.metrics(where+".thesis", c, c.Thesis)
	v.curves(where, c)
}

// energy asks of one part's figure what is asked of the cell's.
func (v *verifier) energy(at string, c bench.CellResult, e bench.EnergyFigure) {
	v.need(at+".method", e.Method != "", "an energy without the method that made it",
		"state counter, trapezoid, estimated or attributed")
	v.need(at+".basis", e.Basis != "", "an energy without its basis in words", "say what was read and how")
	v.need(at+".channel", e.Channel != "", "an energy without its channels", "name the channels that were added up")
	v.need(at+".coverage", e.Coverage >= 0 && e.Coverage <= 1+sumTolerance, "a coverage outside 0 to 1",
		"give the share of the windows that samples cover")
	v.uncertainty(at+".uncertainty", e.Uncertainty)
	v.uncertainty(at+".net_uncertainty", e.NetUncertainty)
	v.marked(at, c, e.Channel, e.Estimated, e.Simulated)
	v.told(at, e.Estimated, e.Simulated)
}

// uncertainty checks that the parts make the whole: Standard = √Σ uᵢ² and
// U95 = K × Standard.
func (v *verifier) uncertainty(at string, u *bench.Uncertainty) {
	if u == nil {
		return
	}
	v.need(at+".u95", u.U95 >= 0 && u.Standard >= 0 && (u.K > 0 || u.U95 == 0), "a negative uncertainty or coverage factor",
		"recompute the uncertainty")
	v.need(at+".parts", len(u.Parts) > 0 || u.Standard == 0, "an uncertainty without its parts", "list what it was combined from")
	sum := 0.0
	for i, p := range u.Parts {
		part := fmt.Sprintf("%s.parts[%d]", at, i)
		v.need(part+".type", p.Type == "A" || p.Type == "B", "a part that is neither type A nor type B",
			"say whether repeats (A) or knowledge of the source (B) made it")
		v.need(part+".name", p.Name != "" && p.Basis != "", "a part without name or basis", "say what it is and how it is known")
		v.need(part+".standard", p.Standard >= 0, "a negative standard uncertainty", "recompute the part")
		sum += p.Standard * p.Standard
	}
	v.need(at+".standard", near(math.Sqrt(sum), u.Standard, 0),
		"the parts do not combine to the standard uncertainty", "combine the parts as the root of the sum of squares")
	v.need(at+".u95", near(u.K*u.Standard, u.U95, 0), "the half-width is not k times the standard uncertainty",
		"multiply the standard uncertainty by k")
}

// phaseEnergy checks one line of the energy account against the readings that
// it adds up.
func (v *verifier) phaseEnergy(at string, c bench.CellResult, p bench.PhaseEnergy) {
	v.need(at+".missing", p.EnergyJ != nil || p.Missing != "", "an energy is missing without a reason",
		"say why it does not exist")
	v.need(at+".method", p.EnergyJ == nil || p.Method != "", "an energy without the method that made it",
		"state counter, trapezoid, estimated or attributed")
	v.uncertainty(at+".uncertainty", p.Uncertainty)
	v.marked(at, c, p.Channel, p.Estimated, p.Simulated)
	v.told(at, p.Estimated, p.Simulated)
	if p.EnergyJ == nil {
		return
	}
	names := strings.Split(strings.ReplaceAll(p.Channel, " ", ""), "+")
	sum, n := 0.0, 0
	for _, r := range c.Phases {
		if r.Phase == p.Phase && r.EnergyJ != nil && slices.Contains(names, r.Channel.Name) {
			sum += *r.EnergyJ
			n++
		}
	}
	complete := n > 0 && n == p.Windows*len(names)
	v.need(at+".energy_j", !complete || near(sum, *p.EnergyJ, 0), "the windows do not add up to the phase's energy",
		"add up the windows of the phase")
}

// reconciliation checks that wall = GPU + CPU + rest.
func (v *verifier) reconciliation(at string, r *bench.Reconciliation) {
	if r == nil {
		return
	}
	rest := r.WallJ
	for _, part := range []*float64{r.GPUJ, r.CPUJ} {
		if part != nil {
			rest -= *part
		}
	}
	v.need(at+".rest_j", near(rest, r.RestJ, r.WallJ), "wall is not GPU + CPU + rest", "recompute the rest")
	v.need(at+".rest_u95_j", r.RestU95 == nil || *r.RestU95 >= 0, "a negative uncertainty", "recompute the uncertainty of the rest")
	v.need(at+".verdict", r.Verdict != "", "a reconciliation without a verdict", "say what the rest means")
	if r.WallJ > 0 {
		v.need(at+".rest_share", near(r.RestJ/r.WallJ, r.RestShare, 1), "the share is not rest over wall",
			"divide the rest by the wall")
	}
}

func (v *verifier) metrics(at string, c bench.CellResult, list []bench.Metric) {
	for i, m := range list {
		place := fmt.Sprintf("%s[%d]", at, i)
		v.need(place+".name", m.Name != "", "a metric without a name", "name it as the work that defined it does")
		v.need(place+".missing", m.Value != nil || m.Text != "" || m.Missing != "", "the metric "+printable(m.Name, 60)+
			" is missing without a reason", "say why it does not exist")
		v.need(place+".basis", m.Value == nil || m.Basis != "", "the metric "+printable(m.Name, 60)+" has no basis",
			"say how it was made")
		v.need(place+".u95", m.U95 == nil || *m.U95 >= 0, "a negative uncertainty", "recompute the uncertainty")
		if m.Value != nil {
			v.marked(place, c, m.Basis, m.Estimated, m.Simulated)
		}
		v.told(place, m.Estimated, m.Simulated)
	}
}

// curves checks that curves go forward in time, are marked, and that
// cumulative energy never falls.
func (v *verifier) curves(where string, c bench.CellResult) {
	for i, k := range c.Curves {
		at := fmt.Sprintf("%s.curves[%d]", where, i)
		v.marked(at, c, k.Channel, k.Estimated, k.Simulated)
		v.told(at, k.Estimated, k.Simulated)
		last := 0.0
		for j, p := range k.Points {
			if j > 0 && p.At.Before(k.Points[j-1].At) {
				v.need(fmt.Sprintf("%s.points[%d].at", at, j), false, "the curve goes back in time", "sort the points")
			}
			if p.CumulativeJ == nil {
				continue
			}
			if *p.CumulativeJ < last-sumTolerance*math.Abs(last) {
				v.need(fmt.Sprintf("%s.points[%d].cumulative_j", at, j), false, "cumulative energy falls",
					"add up the energy from the beginning")
			}
			last = *p.CumulativeJ
		}
	}
}

// marked asks that a figure carries the marks of every channel that its text
// names.
func (v *verifier) marked(at string, c bench.CellResult, text string, estimated, simulated bool) {
	for _, m := range v.channels(c) {
		if !namesChannel(text, m.Name) {
			continue
		}
		name := printable(m.Name, 60)
		v.need(at+".simulated", simulated || !m.Simulated, "the channel "+name+" is simulated but the figure is not marked so",
			"mark what a made-up source reaches")
		v.need(at+".estimated", estimated || !m.Estimated, "the channel "+name+" is estimated but the figure is not marked so",
			"mark what an assumption reaches")
	}
}

// told asks that the provenance repeats the marks.
func (v *verifier) told(at string, estimated, simulated bool) {
	p := v.results.Provenance
	v.need("provenance.estimated", !estimated || p.Estimated, "the provenance does not say that "+at+" is estimated",
		"mark the provenance as estimated")
	v.need("provenance.simulated", !simulated || p.Simulated, "the provenance does not say that "+at+" is simulated",
		"mark the provenance as simulated")
}

// channels lists the marked channels of a cell and of its host, each once.
func (v *verifier) channels(c bench.CellResult) []bench.Channel {
	if v.marks == nil {
		v.marks = map[bench.CellID][]bench.Channel{}
	}
	if list, known := v.marks[c.Cell]; known {
		return list
	}
	list := []bench.Channel{}
	add := func(m bench.Channel) {
		same := func(o bench.Channel) bool { return o.Name == m.Name }
		if m.Name != "" && (m.Simulated || m.Estimated) && !slices.ContainsFunc(list, same) {
			list = append(list, m)
		}
	}
	for _, p := range c.Phases {
		add(p.Channel)
	}
	for _, h := range v.results.Provenance.Hosts {
		if h.Host == c.Host {
			for _, m := range h.Meters {
				add(m)
			}
		}
	}
	v.marks[c.Cell] = list
	return list
}
