package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// budget is the uncertainty of one energy, with the cell it belongs to.
type budget struct {
	cell bench.CellResult
	e    bench.EnergyFigure
	name string
}

// budgets lists the energies that have an uncertainty.
func budgets(cells []bench.CellResult) []budget {
	names := newNaming(cells)
	var list []budget
	for _, r := range energyRows(cells) {
		if r.e.Uncertainty != nil && len(r.e.Uncertainty.Parts) > 0 {
			list = append(list, budget{r.cell, r.e, names.cell(r.cell.Coordinates) + " · " + partName(r.e.Part)})
		}
	}
	return list
}

// partKind is a part's name without the channel that stands before it where
// several were added up: "gpu0.energy: sensor accuracy" is sensor accuracy.
func partKind(name string) string {
	if i := strings.LastIndex(name, ": "); i >= 0 {
		return name[i+2:]
	}
	return name
}

// kindShare is all parts of one kind in a budget.
type kindShare struct {
	name, types string
	variance    float64
}

// kindsOf adds up the parts of a budget by kind, in the order of names.
func kindsOf(u *bench.Uncertainty, names []string) []kindShare {
	var list []kindShare
	for _, name := range names {
		k := kindShare{name: name}
		for _, p := range u.Parts {
			if partKind(p.Name) != name {
				continue
			}
			k.variance += variance(p)
			if !strings.Contains(k.types, p.Type) {
				k.types += p.Type
			}
		}
		if k.types != "" {
			list = append(list, k)
		}
	}
	return list
}

// partNames lists the kinds of parts of all budgets, the weightiest first, so that a
// part has one colour throughout.
func partNames(list []budget) []string {
	weight := map[string]float64{}
	var names []string
	for _, b := range list {
		for _, p := range b.e.Uncertainty.Parts {
			kind := partKind(p.Name)
			if _, seen := weight[kind]; !seen {
				names = append(names, kind)
			}
			weight[kind] += variance(p) / max(total(b.e.Uncertainty), 1e-300)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(weight[b], weight[a]) })
	return names
}

func variance(p bench.UncertaintyPart) float64 { return p.Standard * p.Standard }

func total(u *bench.Uncertainty) float64 {
	sum := 0.0
	for _, p := range u.Parts {
		sum += variance(p)
	}
	return sum
}

// partSeries gives the colour of a part; all beyond the fifth share one.
func partSeries(names []string, name string) int { return min(slices.Index(names, name), maxSeries-1) }

func budgetLegend(list []budget) []legendItem {
	var items []legendItem
	names := partNames(list)
	for i, name := range names {
		if i == maxSeries-1 && len(names) > maxSeries {
			name = "other parts"
		}
		if i < maxSeries {
			items = append(items, legendItem{"M-5,-5H5V5H-5z", seriesClass(i), printable(name, 40)})
		}
	}
	return items
}

// budgetDrawings stack each budget's parts by their share of the variance.
func budgetDrawings(list []budget) []drawing {
	names := partNames(list)
	a := linear(0, 1, 4, plotFrom, plotUpTo)
	for i := range a.ticks {
		a.ticks[i].Label = percent(a.ticks[i].At)
	}
	var panels []drawing
	for chunk := range slices.Chunk(list[:min(len(list), 3*dotPanelRows)], dotPanelRows) {
		d := drawing{
			ID: "budget-" + strconv.Itoa(len(panels)+1), Title: "Uncertainty budget",
			Desc: "Share of each part in the variance of the energy per call; the half-width at 95 % stands on the right.",
		}
		y := 4
		for _, b := range chunk {
			d.budget(b, names, a, y)
			y += 50
		}
		d.vertical(a, 0, y)
		d.text(pct(plotUpTo), y+32, "axistitle end", "share of the variance")
		d.Height = y + 38
		panels = append(panels, d)
	}
	return panels
}

func (d *drawing) budget(b budget, names []string, a axis, y int) {
	title := words(b.name, figureWord(b.e))
	d.Texts = append(d.Texts, label{
		X: "0", Y: px(y + 13), DX: "0", Class: "rowlabel", Text: printable(title, 64), Title: title,
	})
	u := b.e.Uncertainty
	at, sum := 0.0, total(u)
	for _, k := range kindsOf(u, names) {
		if sum <= 0 {
			break
		}
		portion := k.variance / sum
		from, upTo := a.percent(at), a.percent(at+portion)
		at += portion
		text := printable(k.name, 30) + " " + percent(portion)
		class := "seg " + seriesClass(partSeries(names, k.name))
		d.block(from, upTo, y+20, 20, class, text+" (type "+printable(k.types, 4)+")")
		if upTo-from > 1.9*float64(len([]rune(text))) {
			d.text(pct((from+upTo)/2), y+34, "inside mid", text)
		}
	}
	d.text("100%", y+34, "value end", halfWidth(u)+" J")
}

// halfWidth prints the half-width at 95 % with its two digits.
func halfWidth(u *bench.Uncertainty) string { return "± " + sig(u.U95, 2) }

// budgetTable lists every part of every budget.
func budgetTable(list []budget) tableView {
	t := tableView{
		ID: "budgets", Folded: len(list) > 2, Empty: "No energy has an uncertainty.",
		Caption: "Parts of each uncertainty of energy per call, in J per call. Combined as in the GUM: the standard " +
			"uncertainty is the root of the sum of squares, the half-width k times that.",
	}
	t.Heads = []headView{
		{"Figure", "", false},
		{"Part", "", false},
		{"Type", "", false},
		{"Standard", "J", true},
		{"Of the variance", "", true},
		{"In every window", "", false},
		{"How it is known", "", false},
	}
	for _, b := range list {
		u := b.e.Uncertainty
		sum := total(u)
		for _, p := range u.Parts {
			share, common := none, "independent"
			if sum > 0 {
				share = percent(variance(p) / sum)
			}
			if p.Common {
				common = "the same"
			}
			t.Rows = append(t.Rows, []cellView{
				{Main: b.name, Beside: figureWord(b.e), Head: true},
				{Main: printable(p.Name, 60)},
				{Main: printable(p.Type, 4)},
				{Main: sig(p.Standard, 2), Num: true},
				{Main: share, Num: true},
				{Main: common},
				{Main: printable(p.Basis, 300), Beside: degrees(p.DOF)},
			})
		}
		t.Rows = append(t.Rows, []cellView{
			{Main: b.name, Beside: "all parts", Head: true},
			{Main: "combined"},
			{Main: ""},
			{Main: sig(u.Standard, 2), Num: true},
			{Main: "100 %", Num: true},
			{Main: ""},
			{Main: withDoubt(b.e.Mean, u) + " J, k = " + sig(u.K, 3), Beside: degrees(u.DOF)},
		})
	}
	return t
}

func degrees(dof float64) string {
	if dof <= 0 {
		return ""
	}
	return sig(dof, 3) + " degrees of freedom"
}
