package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// cellFilter chooses cells by what they have; each list takes any of its values.
type cellFilter struct {
	models, languages, hosts, runtimes, states []string
}

func (f *cellFilter) flags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.models, "model", nil, "only cells of these models")
	cmd.Flags().StringSliceVar(&f.languages, "language", nil, "only cells in these languages")
	cmd.Flags().StringSliceVar(&f.runtimes, "runtime", nil, "only cells of these runtimes")
	f.shortFlags(cmd)
}

// shortFlags are those that a listing has.
func (f *cellFilter) shortFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.hosts, "on-host", nil, "only cells on these hosts")
	cmd.Flags().StringSliceVar(&f.states, "in-state", nil, "only cells in these states: queued, running, done, unfit, failed, skipped, cancelled")
}

func (f *cellFilter) empty() bool {
	return len(f.models)+len(f.languages)+len(f.hosts)+len(f.runtimes)+len(f.states) == 0
}

// chooseCells resolves what a person typed into cells of a sweep, in planned
// order. What names no cell is refused with what is near.
func chooseCells(cells []store.Cell, named []string, f cellFilter) ([]bench.CellID, error) {
	if len(named) == 0 && f.empty() {
		return nil, errUsage{errors.New("name cells, or choose some with --model, --language, --on-host, --runtime or --in-state")}
	}
	if err := f.check(cells); err != nil {
		return nil, err
	}
	chosen := map[bench.CellID]bool{}
	for _, word := range named {
		id, err := findCell(cells, word)
		if err != nil {
			return nil, err
		}
		chosen[id] = true
	}
	var out []bench.CellID
	for _, c := range cells {
		if (len(named) == 0 || chosen[c.ID]) && f.takes(c) {
			out = append(out, c.ID)
		}
	}
	if len(out) == 0 {
		return nil, errUsage{errors.New("no cell is as the filters say; wattsweep status lists them")}
	}
	return out, nil
}

// criterion is one filter with what it looks at.
type criterion struct {
	flag   string
	wanted []string
	value  func(store.Cell) string
}

func (f *cellFilter) criteria() []criterion {
	return []criterion{
		{"--model", f.models, func(c store.Cell) string { return c.At.Model }},
		{"--language", f.languages, func(c store.Cell) string { return c.At.Language }},
		{"--on-host", f.hosts, func(c store.Cell) string { return c.At.Host }},
		{"--runtime", f.runtimes, func(c store.Cell) string { return c.At.Runtime }},
		{"--in-state", f.states, func(c store.Cell) string { return string(c.State) }},
	}
}

func (f *cellFilter) takes(c store.Cell) bool {
	for _, k := range f.criteria() {
		if len(k.wanted) > 0 && !slices.Contains(k.wanted, k.value(c)) {
			return false
		}
	}
	return true
}

// check refuses values that no cell of the sweep has.
func (f *cellFilter) check(cells []store.Cell) error {
	for _, k := range f.criteria() {
		if len(k.wanted) == 0 {
			continue
		}
		var have []string
		for _, c := range cells {
			if v := k.value(c); !slices.Contains(have, v) {
				have = append(have, v)
			}
		}
		for _, want := range k.wanted {
			known := slices.Contains(have, want) || (k.flag == "--in-state" && slices.Contains(cellStates(), want))
			if !known {
				slices.Sort(have)
				return errUsage{fmt.Errorf("%s %q is of no cell of the sweep; it has %s", k.flag, want, strings.Join(have, ", "))}
			}
		}
	}
	return nil
}

func cellStates() []string {
	return []string{
		string(bench.StateQueued), string(bench.StateRunning), string(bench.StateDone), string(bench.StateUnfit),
		string(bench.StateFailed), string(bench.StateSkipped), string(bench.StateCancelled),
	}
}

// findCell resolves one name of a cell: its id, the beginning of one, or its
// number in the plan.
func findCell(cells []store.Cell, word string) (bench.CellID, error) {
	number, marked := strings.CutPrefix(word, "#")
	var byNumber, byPrefix []bench.CellID
	n, notNumber := strconv.Atoi(number)
	for _, c := range cells {
		if string(c.ID) == word {
			return c.ID, nil
		}
		if notNumber == nil && c.Seq == n {
			byNumber = append(byNumber, c.ID)
		}
		if !marked && word != "" && strings.HasPrefix(string(c.ID), word) {
			byPrefix = append(byPrefix, c.ID)
		}
	}
	switch {
	case len(byNumber) == 1 && len(byPrefix) == 0:
		return byNumber[0], nil
	case len(byNumber) == 0 && len(byPrefix) == 1:
		return byPrefix[0], nil
	case len(byNumber)+len(byPrefix) > 1:
		return "", errUsage{fmt.Errorf("%q may be %d cells: type more of the id, or '#%s' for the number", word, len(byNumber)+len(byPrefix), number)}
	case notNumber == nil:
		return "", errUsage{fmt.Errorf("the sweep has no cell %q; its cells are numbered %s", word, numbers(cells))}
	}
	return "", errUsage{fmt.Errorf("the sweep has no cell %q; near it are %s", word, near(cells, word))}
}

func numbers(cells []store.Cell) string {
	if len(cells) == 0 {
		return "not at all: it has none"
	}
	byNumber := func(a, b store.Cell) int { return cmp.Compare(a.Seq, b.Seq) }
	return fmt.Sprintf("%d to %d", slices.MinFunc(cells, byNumber).Seq, slices.MaxFunc(cells, byNumber).Seq)
}

// near gives the cells whose ids have most of their beginning in common with
// what was typed.
func near(cells []store.Cell, word string) string {
	common := func(id bench.CellID) int {
		n := 0
		for n < min(len(id), len(word)) && id[n] == word[n] {
			n++
		}
		return n
	}
	list := slices.Clone(cells)
	slices.SortStableFunc(list, func(a, b store.Cell) int { return cmp.Compare(common(b.ID), common(a.ID)) })
	var names []string
	for _, c := range list[:min(3, len(list))] {
		names = append(names, fmt.Sprintf("%s (#%d, %s)", c.ID, c.Seq, c.At))
	}
	return strings.Join(names, ", ")
}
