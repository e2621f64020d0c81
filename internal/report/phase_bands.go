package report

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// phaseSpan is a stretch of time in one phase.
type phaseSpan struct {
	phase      bench.Phase
	from, upTo time.Duration
}

// phaseSpans finds the stretches of equal phase, each reaching half a step
// beyond its points.
func phaseSpans(steps []curveStep) []phaseSpan {
	half := typicalStep(steps) / 2
	var spans []phaseSpan
	for i, s := range steps {
		last := len(spans) - 1
		near := i > 0 && s.at-steps[i-1].at <= 6*half
		if last >= 0 && spans[last].phase == s.phase && near {
			spans[last].upTo = s.at + half
			continue
		}
		spans = append(spans, phaseSpan{s.phase, max(0, s.at-half), s.at + half})
	}
	return spans
}

// phases shades the phases and names those with room for it; the others show
// their name on hovering.
func (d *drawing) phases(steps []curveStep, times axis, top, bottom int) {
	free := 0.0 // percent of the width that names have taken
	for i, s := range phaseSpans(steps) {
		if s.phase == "" {
			continue
		}
		from := times.from + times.share(s.from.Seconds())*(times.upTo-times.from)
		upTo := times.from + times.share(s.upTo.Seconds())*(times.upTo-times.from)
		name := printable(string(s.phase), 20)
		class := "phase"
		if s.phase == bench.PhaseInference {
			class = "phase asked"
		} else if i%2 == 1 {
			class = "phase odd"
		}
		title := name + ", " + seconds(s.upTo-s.from)
		d.Under = append(d.Under, band{pct(from), px(top), pct(upTo - from), px(bottom - top), class, title})
		letters := float64(len([]rune(name)))
		room := runeWide * letters
		if upTo-from >= room && from >= free {
			class := "tick mid"
			if upTo-from < runeNarrow*letters {
				class += " roomy" // left out on a phone
			}
			d.text(pct((from+upTo)/2), top-8, class, name)
			free = (from+upTo)/2 + room/2
		}
	}
}
