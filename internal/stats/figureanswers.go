package stats

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// ofAnswers makes a figure of rightness that is a ratio over the scored calls.
func (j *judged) ofAnswers(metric bench.MetricName) bench.FigureInterval {
	f := bench.FigureInterval{Unit: "1"}
	term, level := termOf(metric)
	switch {
	case j.answers.missing != "":
		f.Missing = j.answers.missing
		return f
	case term == nil:
		f.Missing = fmt.Sprintf("no figure is called %s", metric)
		return f
	case level != "" && j.r.F1Missing != "":
		f.Missing = j.r.F1Missing
		return f
	case metric == bench.MetricUnknownShare && j.r.CodeList == "":
		f.Missing = "no code list was chosen"
		return f
	}
	items := make(map[bench.CallKey]int, len(j.in.Calls))
	for _, c := range j.in.Calls {
		items[c.CallKey] = c.Item
	}
	var parts []part
	for _, row := range j.answers.rows {
		if c := term(row); c.weight > 0 {
			parts = append(parts, part{row.key.Run, items[row.key], c})
		}
	}
	if len(parts) == 0 {
		f.Missing = "no answer counts for it"
		return f
	}
	return j.general(parts, "1", Share)
}

// termOf gives what a call adds to a figure of rightness, with a weight of 0
// where it does not count, and the level of the code that it is about.
func termOf(metric bench.MetricName) (term func(scored) cluster, level string) {
	full := func(s scored) bench.Hits { return s.full }
	category := func(s scored) bench.Hits { return s.category }
	chapter := func(s scored) bench.Hits { return s.chapter }
	mean := func(value func(scored) float64) func(scored) cluster {
		return func(s scored) cluster { return cluster{value(s), 1} }
	}
	switch metric {
	case bench.MetricWeightedScore:
		return mean(func(s scored) float64 { return s.weighted }), ""
	case bench.MetricExactMatch:
		return mean(func(s scored) float64 { return s.exactAt1 }), ""
	case bench.MetricExactAt5:
		return mean(func(s scored) float64 { return s.exactAt5 }), ""
	case bench.MetricMicroPrecision:
		return func(s scored) cluster { return cluster{float64(s.full.TP), float64(s.full.TP + s.full.FP)} }, "full"
	case bench.MetricMicroRecall:
		return func(s scored) cluster { return cluster{float64(s.full.TP), float64(s.full.TP + s.full.FN)} }, "full"
	case bench.MetricMicroF1:
		return microF1(full), "full"
	case bench.MetricMacroF1:
		return macroF1(full), "full"
	case bench.MetricCategoryMicroF1:
		return microF1(category), "category"
	case bench.MetricCategoryMacroF1:
		return macroF1(category), "category"
	case bench.MetricChapterMicroF1:
		return microF1(chapter), "chapter"
	case bench.MetricChapterMacroF1:
		return macroF1(chapter), "chapter"
	case bench.MetricNoCodeShare:
		return func(s scored) cluster { return cluster{oneIf(s.noCode), oneIf(s.answered)} }, ""
	case bench.MetricUnknownShare:
		return func(s scored) cluster { return cluster{float64(s.unknown), float64(s.codes)} }, ""
	default:
		return nil, ""
	}
}

// microF1 is 2·TP over 2·TP + FP + FN, summed over calls.
func microF1(level func(scored) bench.Hits) func(scored) cluster {
	return func(s scored) cluster {
		h := level(s)
		return cluster{float64(2 * h.TP), float64(2*h.TP + h.FP + h.FN)}
	}
}

// macroF1 is the mean of the calls' F1.
func macroF1(level func(scored) bench.Hits) func(scored) cluster {
	return func(s scored) cluster {
		_, _, one := level(s).PRF()
		return cluster{one, 1}
	}
}
