package report

import (
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// TargetsText is how a sweep stands to its targets, for a terminal; color puts
// verdicts in colour.
func TargetsText(r bench.Results, color bool) string {
	if r.Targets == nil {
		return "No target is set.\n"
	}
	out := "Targets: " + paint(r.Targets.Verdict, color) + ". " + targetLine(*r.Targets) + "\n"
	list, left := worstFirst(r.Targets.Judgements)
	names := newNaming(shown(r.Cells))
	t := newTable([]column{
		{head: "Target", text: true}, {head: "Cell", text: true}, {head: "Verdict", text: true}, {head: "Figure"}, {head: "95\u00a0%", text: true}, {head: "Why", text: true},
	})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, WidthMax: 44, WidthMaxEnforcer: text.WrapHard},
		{Number: 4, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 6, WidthMax: 60, WidthMaxEnforcer: text.WrapSoft},
	})
	for _, j := range list {
		f := figureCell(j)
		why := words(printable(j.Reason, 300), printable(j.Note, 200))
		t.AppendRow(table.Row{printable(j.Target, 200), names.cell(j.Coordinates), paint(j.Verdict, color), f.Main, f.Beside, why})
	}
	for _, one := range r.Targets.Targets {
		if one.Reason != "" {
			t.AppendRow(table.Row{printable(one.Target, 200), none, paint(one.Verdict, color), none, "", printable(one.Reason, 200)})
		}
	}
	out += t.Render() + "\n"
	if left != "" {
		out += left + "\n"
	}
	return out
}

// paint is the word of a verdict, in colour if asked.
func paint(v bench.Verdict, color bool) string {
	word := verdictCell(v).Main
	if !color {
		return word
	}
	switch v {
	case bench.VerdictPass:
		return text.FgGreen.Sprint(word)
	case bench.VerdictFail:
		return text.FgRed.Sprint(word)
	default:
		return text.FgYellow.Sprint(word)
	}
}
