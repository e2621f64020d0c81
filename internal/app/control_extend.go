package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Extension is what would make a sweep larger.
type Extension struct {
	// New are the cells to add, in order.
	New []bench.Cell
	// Same counts cells that the sweep has already.
	Same int
	// Lacking are cells of the sweep that the spec has not; they stay.
	Lacking []bench.Cell
	// spec is what it was made from, as the user wrote it; empty for a copy.
	spec string
	// items is set where the cells' datasets are in the store already.
	items map[bench.CellID]int
}

// PlanExtension compares a spec with a sweep. The same place in the matrix
// with another configuration is refused: it would be two cells under one name.
func (a *App) PlanExtension(ctx context.Context, sw store.Sweep, spec *config.Spec) (Extension, error) {
	plan, err := spec.PlanInto(sw.ID)
	if err != nil {
		return Extension{}, err
	}
	had, err := a.Store.Cells(ctx, sw.ID)
	if err != nil {
		return Extension{}, err
	}
	out, err := compare(sw.ID, had, plan.Cells)
	out.spec = plan.SpecYAML
	return out, err
}

// compare sorts planned cells into new ones and ones that are there.
func compare(id bench.SweepID, had []store.Cell, planned []bench.Cell) (Extension, error) {
	at := map[bench.Coordinates]store.Cell{}
	for _, c := range had {
		at[c.At] = c
	}
	var out Extension
	found := &fault.Problems{Subject: "extend sweep " + string(id)}
	wanted := map[bench.Coordinates]bool{}
	for _, c := range planned {
		wanted[c.At] = true
		switch old, there := at[c.At]; {
		case !there:
			out.New = append(out.New, c)
		case old.ID == c.ID:
			out.Same++
		default:
			found.List = append(found.List, fault.Problem{
				Where: c.At.String(), Msg: fmt.Sprintf("is cell %s with another configuration (%s)", old.ID, differing(old.Config, c.Config)),
				Mend: "write it as it was, or launch the spec as a sweep of its own under another name",
			})
		}
	}
	for _, c := range had {
		if !wanted[c.At] {
			out.Lacking = append(out.Lacking, c.Cell)
		}
	}
	if len(found.List) > 0 {
		const most = 10
		if more := len(found.List) - most; more > 0 {
			found.List = append(found.List[:most], fault.Problem{Where: fmt.Sprintf("%d more cells", more), Msg: "differ likewise"})
		}
		return out, found
	}
	return out, nil
}

// differing names the parts of two configurations that are not the same.
func differing(a, b bench.CellConfig) string {
	a.Model.GGUF, b.Model.GGUF = "", "" // where files lie does not count
	a.Dataset.Path, b.Dataset.Path = "", ""
	a.Dataset.Hash, b.Dataset.Hash = "", ""
	left, right := parts(a), parts(b)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(left)) {
		if left[name] != right[name] {
			names = append(names, name)
		}
	}
	for name := range right {
		if _, both := left[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// parts gives the JSON of each section of a configuration.
func parts(c bench.CellConfig) map[string]string {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil
	}
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(raw, &sections); err != nil {
		return nil
	}
	out := map[string]string{}
	for name, value := range sections {
		out[name] = string(value)
	}
	return out
}

// PlanHosts adds hosts to what a sweep was launched and extended with. Specs
// are read anew, so the files that they name must be there.
func (a *App) PlanHosts(ctx context.Context, sw store.Sweep, hosts []string) (Extension, error) {
	extensions, err := a.Store.Extensions(ctx, sw.ID)
	if err != nil {
		return Extension{}, err
	}
	sources := []string{sw.SpecYAML}
	for _, e := range extensions {
		if e.AppliedAt != nil && e.SpecYAML != "" {
			sources = append(sources, e.SpecYAML)
		}
	}
	had, err := a.Store.Cells(ctx, sw.ID)
	if err != nil {
		return Extension{}, err
	}
	var planned []bench.Cell
	grown := ""
	for _, source := range sources {
		spec, err := config.ParseSpec("the spec of sweep "+string(sw.ID), []byte(source), SpecOptions())
		if err != nil {
			return Extension{}, fault.New(fault.Invalid, "",
				"run it in the folder of the spec, so that its files are found; or give --like HOST, which copies that host's cells as they are stored", "%w", err)
		}
		if spec, err = spec.WithHosts(hosts...); err != nil {
			return Extension{}, err
		}
		plan, err := spec.PlanInto(sw.ID)
		if err != nil {
			return Extension{}, err
		}
		for _, c := range plan.Cells {
			known := slices.ContainsFunc(planned, func(p bench.Cell) bool { return p.At == c.At })
			if slices.Contains(hosts, c.At.Host) && !known {
				planned = append(planned, c)
			}
		}
		grown = plan.SpecYAML
	}
	out, err := compare(sw.ID, had, planned)
	out.Lacking = nil // nothing was said about other hosts
	out.spec = grown
	return out, err
}

// PlanLike adds hosts with the cells that another host of the sweep has, as
// they are stored: no file is read anew.
func (a *App) PlanLike(ctx context.Context, sw store.Sweep, hosts []string, like string) (Extension, error) {
	had, err := a.Store.Cells(ctx, sw.ID)
	if err != nil {
		return Extension{}, err
	}
	if err := validHosts(hosts); err != nil {
		return Extension{}, err
	}
	var planned []bench.Cell
	items := map[bench.CellID]int{}
	for _, host := range hosts {
		for _, c := range had {
			if c.At.Host != like {
				continue
			}
			one, err := movedTo(c.Cell, host)
			if err != nil {
				return Extension{}, err
			}
			planned = append(planned, one)
			items[one.ID] = c.Items
		}
	}
	if len(planned) == 0 {
		return Extension{}, fault.New(fault.Invalid, "", "name one of "+strings.Join(hostsOf(had), ", "),
			"extend sweep %s: it has no cells on host %q", sw.ID, like)
	}
	out, err := compare(sw.ID, had, planned)
	out.Lacking, out.items = nil, items
	return out, err
}

// validHosts checks names of hosts as a spec does.
func validHosts(names []string) error {
	spec, err := config.ParseSpec("demo", config.DemoSpec(), SpecOptions())
	if err != nil {
		return err
	}
	_, err = spec.WithHosts(names...)
	return err
}

func hostsOf(cells []store.Cell) []string {
	var out []string
	for _, c := range cells {
		if !slices.Contains(out, c.At.Host) {
			out = append(out, c.At.Host)
		}
	}
	return out
}

// movedTo is a cell as the same spec has it for another host. Its id leaves
// out where files lie and what was pinned later, as package config makes ids.
func movedTo(c bench.Cell, host string) (bench.Cell, error) {
	c.At.Host = host
	portable := c.Config
	portable.Model.GGUF, portable.Dataset.Path, portable.Dataset.Hash = "", "", ""
	encoded, err := json.Marshal(portable)
	if err != nil {
		return c, fmt.Errorf("encode configuration of %s: %w", c.At, err)
	}
	c.ID = bench.NewCellID(c.Sweep, c.At, encoded)
	return c, nil
}

// Extend stores an extension with its datasets and asks for it.
func (a *App) Extend(ctx context.Context, sw store.Sweep, e Extension, in contract.ControlIn) (Controlled, error) {
	if len(e.New) == 0 {
		return Controlled{Text: fmt.Sprintf("sweep %s has all these cells already; nothing is added", sw.ID)}, nil
	}
	items := func(c bench.Cell) int { return e.items[c.ID] }
	if e.items == nil {
		var err error
		if items, err = a.prepare(ctx, e.New); err != nil {
			return Controlled{}, err
		}
		if err := a.sameDatasets(ctx, sw.ID, e.New); err != nil {
			return Controlled{}, err
		}
	}
	cells := make([]store.ExtensionCell, len(e.New))
	for i, c := range e.New {
		cells[i] = store.ExtensionCell{Cell: c, Items: items(c)}
	}
	hash, err := a.Store.PutExtension(ctx, store.Extension{Sweep: sw.ID, SpecYAML: e.spec, Cells: cells, By: in.By})
	if err != nil {
		return Controlled{}, err
	}
	in.Extension = hash
	return a.Control(ctx, sw, bench.ControlExtend, in)
}

// sameDatasets refuses a dataset that changed since the sweep was launched: its
// cells could not be compared.
func (a *App) sameDatasets(ctx context.Context, id bench.SweepID, fresh []bench.Cell) error {
	had, err := a.Store.Cells(ctx, id)
	if err != nil {
		return err
	}
	hashes := map[string]string{}
	for _, c := range had {
		hashes[c.Config.Dataset.Name] = c.Config.Dataset.Hash
	}
	for _, c := range fresh {
		if was, ok := hashes[c.Config.Dataset.Name]; ok && was != c.Config.Dataset.Hash {
			return fault.New(fault.Invalid, fault.CodeDatasetChanged, "give the dataset its content back, or give the changed one another name",
				"extend sweep %s: dataset %s has sha256 %.12s now; the sweep's cells ask about %.12s", id, c.Config.Dataset.Name, c.Config.Dataset.Hash, was)
		}
	}
	return nil
}
