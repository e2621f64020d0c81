package report

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Verify refuses results that hold a figure nobody could trust or repeat: one
// without host, runtime version, model digest, prompt and dataset hash,
// wattsweep version or method, one that is not a finite number, one that is
// missing without a reason, or one that hides that it is estimated or
// simulated. Figures must agree: parts of an uncertainty with the whole, windows
// with their phase, wall with GPU + CPU + rest. The error is a *[fault.Problems] that lists them all, each with its place.
func Verify(r bench.Results) error {
	v := &verifier{results: r}
	v.nonFinite("", reflect.ValueOf(r))
	if slices.ContainsFunc(r.Cells, hasFigures) {
		v.need("provenance.wattsweep", r.Provenance.Wattsweep != "", "no version of wattsweep",
			"say which build made the figures")
		v.need("provenance.method", len(r.Provenance.Method) > 0, "no sentence on how figures were made",
			"state the method")
	}
	for i, c := range r.Cells {
		v.cell(fmt.Sprintf("cells[%d]", i), c)
	}
	v.targets(r.Targets)
	return refused(r, v.problems)
}

// refused is the error of results with problems; nil without any.
func refused(r bench.Results, problems []fault.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b fault.Problem) int { return cmp.Compare(a.Where, b.Where) })
	problems = slices.Compact(problems)
	subject := "results of sweep " + printable(string(r.Sweep.ID), 40)
	return &fault.Problems{Subject: subject, List: problems}
}

// problemsOf holds one cell against a head without cells; below 0 it is the
// head alone.
func problemsOf(head bench.Results, c bench.CellResult, i int) []fault.Problem {
	v := &verifier{results: head}
	if i < 0 {
		v.nonFinite("", reflect.ValueOf(head))
		v.targets(head.Targets)
		return v.problems
	}
	where := fmt.Sprintf("cells[%d]", i)
	v.nonFinite(where, reflect.ValueOf(c))
	v.results.Cells = []bench.CellResult{c}
	v.need("provenance.wattsweep", !hasFigures(c) || head.Provenance.Wattsweep != "", "no version of wattsweep",
		"say which build made the figures")
	v.need("provenance.method", !hasFigures(c) || len(head.Provenance.Method) > 0, "no sentence on how figures were made",
		"state the method")
	v.cell(where, c)
	return v.problems
}

type verifier struct {
	results  bench.Results
	problems []fault.Problem
	marks    map[bench.CellID][]bench.Channel // estimated and simulated channels by cell
}

func (v *verifier) need(where string, ok bool, msg, mend string) {
	if !ok {
		v.problems = append(v.problems, fault.Problem{Where: where, Msg: msg, Mend: mend})
	}
}

func (v *verifier) cell(where string, c bench.CellResult) {
	stopped := c.State == bench.StateFailed || c.State == bench.StateUnfit
	v.need(where+".reason", !stopped || c.Reason != "", "a cell that is "+string(c.State)+" without a reason",
		"store why the cell stopped")
	for _, f := range figures(c) {
		v.need(where+"."+f.key+"_missing", f.has || f.reason != "", "the "+f.name+" is missing without a reason",
			"say why the figure does not exist")
	}
	for _, f := range parts(c) {
		v.need(where+"."+f.key+"_missing", f.has || f.reason != "", "the "+f.name+" is missing without a reason",
			"say why it does not exist")
	}
	for i, p := range c.Phases {
		v.need(fmt.Sprintf("%s.phases[%d].method", where, i), p.EnergyJ == nil || p.Method != "",
			"an energy without the method that made it", "state counter, trapezoid, estimated or attributed")
	}
	v.energies(where, c)
	if hasFigures(c) {
		v.provenance(where, c)
		v.basis(where, c)
		return
	}
	v.need(where+".host", len(c.Phases) == 0 || findHost(v.results.Provenance, c.Coordinates) != nil,
		"phases were measured but the provenance has no facts about the host", "inspect the host and publish again")
}

// provenance asks for the facts behind a cell's figures.
func (v *verifier) provenance(where string, c bench.CellResult) {
	const measureAgain = "inspect the host and publish the cell again"
	host := findHost(v.results.Provenance, c.Coordinates)
	v.need(where+".host", c.Host != "" && host != nil,
		"no facts about host "+printable(c.Host, 60)+" in the provenance", measureAgain)
	if host != nil {
		v.need(where+".runtime", host.Runtime != "", "no version of the runtime in the facts about its host", measureAgain)
		v.need(where+".driver", len(host.GPUs) == 0 || host.Driver != "",
			"the host has GPUs but its facts name no driver", measureAgain)
	}
	v.need(where+".model_facts.digest", c.ModelFacts != nil && c.ModelFacts.Digest != "",
		"no digest of the model", "pull the model again so that its digest is stored")
	v.need(where+".prompt_template_sha256", c.PromptHash != "", "no hash of the prompt", "store the prompt's hash")
	v.need(where+".dataset_sha256", c.DatasetHash != "", "no hash of the dataset", "verify the dataset again")
	pinned := slices.ContainsFunc(v.results.Provenance.Datasets, func(d bench.DatasetInfo) bool {
		return d.Hash == c.DatasetHash
	})
	v.need(where+".dataset", c.DatasetHash == "" || pinned,
		"the provenance describes no dataset with the hash that the cell names", "add the dataset to the provenance")
}

// basis asks that energy and money say how they were made.
func (v *verifier) basis(where string, c bench.CellResult) {
	p := v.results.Provenance
	if e := c.Energy; e != nil {
		at := where + ".energy_j_per_call"
		v.need(at+".method", e.Method != "", "an energy without the method that made it",
			"state counter, trapezoid, estimated or attributed")
		v.need(at+".basis", e.Basis != "", "an energy without its basis in words", "say what was read and how")
		v.need(at+".channel", e.Channel != "" && metered(p, c), "no facts about the meter behind the energy",
			"add the channel to the host's meters")
		v.need(at+".estimated", e.Method != bench.EnergyEstimated || e.Estimated,
			"the method is estimated but the figure is not marked so", "mark the figure as estimated")
		v.need("provenance.estimated", !e.Estimated || p.Estimated,
			"the provenance does not say that "+where+" is estimated", "mark the provenance as estimated")
		v.need("provenance.simulated", !e.Simulated || p.Simulated,
			"the provenance does not say that "+where+" is simulated", "mark the provenance as simulated")
	}
	if c.Cost != nil {
		at := where + ".cost_per_100_calls"
		v.need(at+".currency", c.Cost.Currency != "", "an amount without a currency", "state the currency")
		v.need(at+".basis", c.Cost.Basis != "", "an amount without its assumptions", "state price, PUE and energy used")
	}
}

// findHost gives the facts about a cell's host, those that name the cell's
// runtime first: a host with two runtimes has facts for each.
func findHost(p bench.Provenance, at bench.Coordinates) *bench.HostFacts {
	var found *bench.HostFacts
	for i, h := range p.Hosts {
		if h.Host != at.Host {
			continue
		}
		if found == nil || (!namesRuntime(*found, at) && namesRuntime(h, at)) {
			found = &p.Hosts[i]
		}
	}
	return found
}

func namesRuntime(h bench.HostFacts, at bench.Coordinates) bool {
	return strings.Contains(strings.ToLower(h.Runtime), strings.ToLower(at.Runtime))
}

// metered reports whether every channel behind a cell's energy is described.
func metered(p bench.Provenance, c bench.CellResult) bool {
	for name := range strings.SplitSeq(c.Energy.Channel, "+") {
		of := func(m bench.Channel) bool { return m.Name == name }
		known := slices.ContainsFunc(c.Phases, func(r bench.PhaseReading) bool { return of(r.Channel) })
		for _, h := range p.Hosts {
			known = known || (h.Host == c.Host && slices.ContainsFunc(h.Meters, of))
		}
		if !known {
			return false
		}
	}
	return true
}

// nonFinite finds every NaN and infinity with the key path under which it
// would be printed.
func (v *verifier) nonFinite(path string, value reflect.Value) {
	if allFinite(value) { // curves have many points, and paths are dear
		return
	}
	switch value.Kind() {
	case reflect.Float64:
		f := value.Float()
		v.need(path, !math.IsNaN(f) && !math.IsInf(f, 0), "not a finite number", "recompute the figure")
	case reflect.Pointer:
		if !value.IsNil() {
			v.nonFinite(path, value.Elem())
		}
	case reflect.Slice:
		for i := range value.Len() {
			v.nonFinite(fmt.Sprintf("%s[%d]", path, i), value.Index(i))
		}
	case reflect.Struct:
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			v.nonFinite(join(path, key), value.Field(i))
		}
	default:
	}
}

// allFinite reports whether a value holds neither NaN nor infinity.
func allFinite(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Float64:
		f := value.Float()
		return !math.IsNaN(f) && !math.IsInf(f, 0)
	case reflect.Pointer:
		return value.IsNil() || allFinite(value.Elem())
	case reflect.Slice:
		for i := range value.Len() {
			if !allFinite(value.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() && !allFinite(value.Field(i)) {
				return false
			}
		}
	default:
	}
	return true
}

func join(path, key string) string {
	switch {
	case key == "":
		return path
	case path == "":
		return key
	default:
		return path + "." + key
	}
}
