package report

import (
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// phaseOrder lists the phases as they follow each other in a cell.
func phaseOrder() []bench.Phase {
	return []bench.Phase{
		bench.PhaseBaseline, bench.PhaseStartup, bench.PhaseIdle, bench.PhaseWarmUp, bench.PhaseInference,
		bench.PhaseShutdown,
	}
}

// phaseLegend names the colours of the bars.
func phaseLegend() []legendItem {
	var items []legendItem
	for i, p := range phaseOrder() {
		items = append(items, legendItem{"M-5,-5H5V5H-5z", seriesClass(i), string(p)})
	}
	return items
}

// chiefPart is the part whose energy by phase is drawn: the wall where it was
// measured, else the next.
func chiefPart(list []bench.PhaseEnergy) (bench.Part, bool) {
	best, found := bench.PartNone, false
	for _, p := range list {
		if p.EnergyJ != nil && (!found || partRank(p.Part) < partRank(best)) {
			best, found = p.Part, true
		}
	}
	return best, found
}

// phaseBar is one row of the chart.
type phaseBar struct {
	name, text, word string
	energy           map[bench.Phase]float64
	total            float64
}

func phaseBars(cells []bench.CellResult) []phaseBar {
	names := newNaming(cells)
	var bars []phaseBar
	for _, c := range cells {
		part, found := chiefPart(c.EnergyByPhase)
		if !found {
			continue
		}
		b := phaseBar{energy: map[bench.Phase]float64{}}
		for _, p := range c.EnergyByPhase {
			if p.Part != part || p.EnergyJ == nil {
				continue
			}
			b.energy[p.Phase] += max(0, *p.EnergyJ)
			b.total += max(0, *p.EnergyJ)
			b.word = basisWord(p.Estimated, p.Simulated)
		}
		b.name = words(names.cell(c.Coordinates)+" · "+partName(part), b.word)
		scale, unit := jouleScale(b.total)
		b.text = three(b.total/scale) + " " + unit
		bars = append(bars, b)
	}
	return bars
}

// phaseBarDrawings stack the phases of each cell, on a shared axis.
func phaseBarDrawings(cells []bench.CellResult) []drawing {
	bars := phaseBars(cells)
	high := 0.0
	for _, b := range bars {
		high = max(high, b.total)
	}
	if high <= 0 {
		return nil
	}
	scale, unit := jouleScale(high)
	a := linear(0, high/scale, 4, plotFrom, plotUpTo)
	var panels []drawing
	for chunk := range slices.Chunk(bars, dotPanelRows) {
		d := drawing{
			ID: "phase-energy-" + strconv.Itoa(len(panels)+1), Title: "Energy by phase",
			Desc: "Energy of each phase of each cell, stacked; the total stands on the right.",
		}
		y := 4
		for _, b := range chunk {
			d.phaseBar(b, a, scale, y)
			y += 50
		}
		d.vertical(a, 0, y)
		d.text(pct(plotUpTo), y+32, "axistitle end", unit)
		d.Height = y + 38
		panels = append(panels, d)
	}
	return panels
}

func (d *drawing) phaseBar(b phaseBar, a axis, scale float64, y int) {
	d.Texts = append(d.Texts, label{
		X: "0", Y: px(y + 13), DX: "0", Class: "rowlabel", Text: printable(b.name, 64), Title: b.name,
	})
	at := 0.0
	for i, p := range phaseOrder() {
		joules, found := b.energy[p]
		if !found {
			continue
		}
		from, upTo := a.percent(at/scale), a.percent((at+joules)/scale)
		at += joules
		portion := percent(joules / b.total)
		d.block(from, upTo, y+20, 20, "seg "+seriesClass(i), string(p)+": "+three(joules/scale)+", "+portion)
		name := string(p) + " " + portion
		if upTo-from > 1.9*float64(len([]rune(name))) {
			d.text(pct((from+upTo)/2), y+34, "inside mid", name)
		}
	}
	d.text("100%", y+34, "value end", b.text)
}

// phaseEnergyTable is the energy account of every cell.
func phaseEnergyTable(cells []bench.CellResult) tableView {
	t := tableView{
		ID: "phase-energy", Empty: "No energy account by phase was made.",
		Caption: "Energy by phase and part of the host, ± at 95 %, over all windows of a cell. Net is less baseline power × " +
			"window.",
	}
	t.Heads = []headView{
		{"Model", "", false},
		{"Language", "", false},
		{"Phase", "", false},
		{"Part", "", false},
		{"Windows", "", true},
		{"Time", "", true},
		{"Energy", "J", true},
		{"Net", "J", true},
		{"Mean power", "W", true},
		{"Method", "", false},
		{"Coverage", "", true},
		{"Doubts", "", false},
	}
	names := newNaming(cells)
	for _, c := range cells {
		for _, p := range c.EnergyByPhase {
			t.Rows = append(t.Rows, append([]cellView{
				{Main: printable(c.Model, 60), Beside: names.context(c.Coordinates), Head: true},
				{Main: language(c.Language)},
			}, phaseEnergyCells(p)...))
		}
	}
	t.Folded = len(t.Rows) > foldAfter/2
	return t
}

func phaseEnergyCells(p bench.PhaseEnergy) []cellView {
	word := basisWord(p.Estimated, p.Simulated)
	energy := cellView{Main: none, Num: true, Title: printable(p.Missing, 200)}
	doubts := ""
	if p.EnergyJ != nil {
		energy.Main, energy.Beside = withDoubt(*p.EnergyJ, p.Uncertainty), word
		if p.Uncertainty == nil {
			doubts = "no uncertainty of this energy is known"
		}
	} else {
		doubts = orText(printable(p.Missing, 200), "no reason was stored")
	}
	for _, f := range p.Flags {
		doubts = words(doubts, printable(f, 200))
	}
	return []cellView{
		{Main: printable(string(p.Phase), 40)},
		{Main: partName(p.Part), Title: printable(p.Channel, 120)},
		{Main: strconv.Itoa(p.Windows), Num: true},
		{Main: seconds(p.Window), Num: true},
		energy,
		orNone(p.NetJ),
		orNone(p.MeanPowerW),
		{Main: orText(printable(string(p.Method), 20), none)},
		{Main: percent(p.Coverage), Num: true},
		{Main: doubts},
	}
}

// orNone shows a number with three digits, or a dash.
func orNone(v *float64) cellView {
	if v == nil {
		return cellView{Main: none, Num: true}
	}
	return cellView{Main: three(*v), Num: true}
}
