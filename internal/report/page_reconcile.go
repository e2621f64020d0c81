package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// reconciled lists the cells whose wall was held against its parts.
func reconciled(cells []bench.CellResult) []bench.CellResult {
	var list []bench.CellResult
	for _, c := range cells {
		if c.Reconciliation != nil && c.Reconciliation.WallJ > 0 {
			list = append(list, c)
		}
	}
	return list
}

// reconcileDrawings draw each wall as GPU + CPU + rest, in shares of the wall.
func reconcileDrawings(cells []bench.CellResult) []drawing {
	list := reconciled(cells)
	high := 1.0
	for _, c := range list {
		r := c.Reconciliation
		high = max(high, (r.WallJ-r.RestJ+restU95(*r))/r.WallJ)
	}
	a := linear(0, min(high, 3), 5, plotFrom, plotUpTo)
	for i := range a.ticks {
		a.ticks[i].Label = percent(a.ticks[i].At)
	}
	names := newNaming(cells)
	var panels []drawing
	for chunk := range slices.Chunk(list, dotPanelRows) {
		d := drawing{
			ID: "reconciliation-" + strconv.Itoa(len(panels)+1), Title: "Wall = GPU + CPU + rest",
			Desc: "What the wall delivered while calls were answered, as shares: GPU, CPU, and the rest that no meter " +
				"explains, with its doubt at 95 %.",
		}
		y := 4
		for _, c := range chunk {
			d.reconcile(c, names.cell(c.Coordinates), a, y)
			y += 52
		}
		d.vertical(a, 0, y)
		d.text(pct(plotUpTo), y+32, "axistitle end", "share of the wall's energy")
		d.Height = y + 38
		panels = append(panels, d)
	}
	return panels
}

// reconcileLegend names the parts of the bars.
func reconcileLegend() []legendItem {
	return []legendItem{
		{"M-5,-5H5V5H-5z", "s0", "GPU"},
		{"M-5,-5H5V5H-5z", "s1", "CPU"},
		{"M-5,-5H5V5H-5z", "s5", "rest"},
	}
}

func (d *drawing) reconcile(c bench.CellResult, name string, a axis, y int) {
	r := c.Reconciliation
	word := channelsWord(c, r.Channels)
	name = words(name, word)
	d.Texts = append(d.Texts, label{
		X: "0", Y: px(y + 13), DX: "0", Class: "rowlabel", Text: printable(name, 64), Title: name,
	})
	at := 0.0
	add := func(joules float64, what, class string) {
		from, upTo := a.percent(at), a.percent(at+joules/r.WallJ)
		at += joules / r.WallJ
		text := what + " " + percent(joules/r.WallJ)
		d.block(from, upTo, y+20, 20, "seg "+class, what+": "+three(joules)+" J, "+percent(joules/r.WallJ))
		if upTo-from > 1.9*float64(len([]rune(text))) {
			d.text(pct((from+upTo)/2), y+34, "inside mid", text)
		}
	}
	if r.GPUJ != nil {
		add(max(0, *r.GPUJ), "GPU", "s0")
	}
	if r.CPUJ != nil {
		add(max(0, *r.CPUJ), "CPU", "s1")
	}
	told := at
	if r.RestJ > 0 {
		add(r.RestJ, "rest", "s5 rest")
	}
	if r.RestU95 != nil {
		half := *r.RestU95 / r.WallJ
		d.line(a.x(told-half), y+30, a.x(told+half), y+30, "interval ink")
		for _, end := range []float64{told - half, told + half} {
			d.line(a.x(end), y+25, a.x(end), y+35, "stop ink")
		}
	}
	d.text("100%", y+34, "value end", restShare(*r))
}

// restU95 is the doubt of the rest in J, 0 where it is not known.
func restU95(r bench.Reconciliation) float64 {
	if r.RestU95 == nil {
		return 0
	}
	return *r.RestU95
}

// restShare is the rest in percent of the wall with its doubt.
func restShare(r bench.Reconciliation) string {
	var half *float64
	if r.RestU95 != nil {
		share := *r.RestU95 / r.WallJ * 100
		half = &share
	}
	return withU95(r.RestShare*100, half) + " %"
}

// reconcileTable says what each reconciliation came to.
func reconcileTable(cells []bench.CellResult) tableView {
	t := tableView{
		ID: "reconciliations", Empty: "No wall meter was read together with GPU or CPU.",
		Caption: "Wall = GPU + CPU + rest in J, over the inference windows in which all were told. Supplies, fans, drives " +
			"and whatever has no meter are in the rest; ± at 95 %.",
	}
	t.Heads = []headView{
		{"Model", "", false},
		{"Language", "", false},
		{"Time", "", true},
		{"Wall", "J", true},
		{"GPU", "J", true},
		{"CPU", "J", true},
		{"Rest", "J", true},
		{"Rest", "of the wall", true},
		{"Verdict", "", false},
	}
	names := newNaming(cells)
	for _, c := range cells {
		r := c.Reconciliation
		if r == nil {
			continue
		}
		share := none
		if r.WallJ > 0 {
			share = restShare(*r)
		}
		t.Rows = append(t.Rows, []cellView{
			{Main: printable(c.Model, 60), Beside: names.context(c.Coordinates), Head: true},
			{Main: language(c.Language)},
			{Main: seconds(r.Window), Num: true},
			{Main: sig(r.WallJ, 4), Num: true},
			orNone(r.GPUJ),
			orNone(r.CPUJ),
			{Main: withU95(r.RestJ, r.RestU95), Num: true},
			{Main: share, Num: true},
			{Main: printable(r.Verdict, 200), Beside: words(channelsWord(c, r.Channels), printable(r.Channels, 160))},
		})
	}
	t.Folded = len(t.Rows) > foldAfter
	return t
}

// channelsWord says whether a channel named in a list of them is estimated or
// simulated, by what the cell's readings and figures say of it.
func channelsWord(c bench.CellResult, text string) string {
	estimated, simulated := false, false
	for _, p := range c.Phases {
		if p.Channel.Name != "" && namesChannel(text, p.Channel.Name) {
			estimated = estimated || p.Channel.Estimated
			simulated = simulated || p.Channel.Simulated
		}
	}
	for _, e := range c.Energies {
		for name := range strings.SplitSeq(e.Channel, "+") {
			if name != "" && namesChannel(text, name) {
				estimated, simulated = estimated || e.Estimated, simulated || e.Simulated
			}
		}
	}
	return basisWord(estimated, simulated)
}

// namesChannel reports whether a text holds a channel's name as a word.
func namesChannel(text, name string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 || name == "" {
			return false
		}
		from += i
		if !endsInWord(text[:from]) && !startsInWord(text[from+len(name):]) {
			return true
		}
		from += len(name)
	}
}

func wordByte(b byte) bool {
	return b == '_' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

func endsInWord(text string) bool { return text != "" && wordByte(text[len(text)-1]) }

// startsInWord lets a full stop end a name, unless more of a name follows.
func startsInWord(text string) bool {
	if text == "" {
		return false
	}
	if text[0] == '.' {
		return len(text) > 1 && text[1] != '.' && wordByte(text[1])
	}
	return wordByte(text[0])
}
