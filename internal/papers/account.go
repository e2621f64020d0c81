package papers

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

// leftOutNote begins the flag of a line some of whose windows have no energy.
const leftOutNote = "left out: "

// leftOut says what windows of a line have no energy; "" where all have. It
// asks the line and, as the line has no count of them, the readings too.
func (in Input) leftOut(line bench.PhaseEnergy) string {
	for _, text := range line.Flags {
		if strings.HasPrefix(text, leftOutNote) {
			return text
		}
	}
	type window struct{ run, no int }
	read := map[window]bool{}
	names := strings.Split(line.Channel, "+")
	for _, p := range in.Phases {
		if p.Phase == line.Phase && slices.Contains(names, p.Channel.Name) {
			read[window{p.Run, p.No}] = true
		}
	}
	if left := len(read) - line.Windows; left > 0 {
		return fmt.Sprintf("%s%d of %d windows", leftOutNote, left, len(read))
	}
	return ""
}

// notWhole says why the energy of a line is not that of its phase; "" where it
// is. The joules of the windows that were told are named.
func (in Input) notWhole(line bench.PhaseEnergy) string {
	left := in.leftOut(line)
	if left == "" {
		return ""
	}
	return fmt.Sprintf("%s; the others took %.4g J in %.4g s", left, *line.EnergyJ, line.Window.Seconds())
}

// sumOfLines is the uncertainty of the energy of several phases: those of the
// same channels share what their windows share, others nothing. Or it says
// which has none.
func sumOfLines(lines []bench.PhaseEnergy) (u95 *float64, missing string) {
	var names []string
	of := map[string][]bench.Uncertainty{}
	for _, line := range lines {
		if line.Uncertainty == nil {
			return nil, fmt.Sprintf("no ±: the %s has none", line.Phase)
		}
		if of[line.Channel] == nil {
			names = append(names, line.Channel)
		}
		of[line.Channel] = append(of[line.Channel], *line.Uncertainty)
	}
	var sums []bench.Uncertainty
	for _, name := range names {
		sums = append(sums, gum.SumOver(of[name]))
	}
	all := gum.AddIndependent(nil, sums).U95
	return &all, ""
}

// sharedCalls are the calls that a figure of energy is over, by the readings of
// its channels: what they took together, and the words of their answers.
type sharedCalls struct {
	joules       float64
	words, calls int
}

// callsOf finds the calls of a figure: those that ended in an inference window
// of which all of its channels tell the energy. ok is false where they give
// another energy per call than the figure, so that they are not its calls.
func (in Input) callsOf(f bench.EnergyFigure) (out sharedCalls, ok bool) {
	names := strings.Split(f.Channel, "+")
	told := in.inferenceEnergies()
	counts := in.callsByWindow()
	windows := slices.SortedFunc(maps.Keys(counts), func(a, b inferenceWindow) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.segment, b.segment))
	})
	for _, at := range windows {
		joules, whole := 0.0, true
		for _, name := range names {
			energyJ, known := told[at][name]
			joules, whole = joules+energyJ, whole && known
		}
		if whole {
			out.joules += joules
			out.words += counts[at].words
			out.calls += counts[at].calls
		}
	}
	return out, out.calls > 0 && math.Abs(out.joules/float64(out.calls)-f.Mean) <= 1e-6*math.Abs(f.Mean)
}

// callsByWindow counts the calls that ended in an inference window that was
// read.
func (in Input) callsByWindow() map[inferenceWindow]sharedCalls {
	ends, out := in.windowEnds(), map[inferenceWindow]sharedCalls{}
	for _, c := range in.Calls {
		at := inferenceWindow{c.Run, c.Segment}
		if end, read := ends[at]; read && !c.StartedAt.Add(c.Latency).After(end.Add(endTolerance)) {
			one := out[at]
			one.words += max(0, c.OutputWords)
			one.calls++
			out[at] = one
		}
	}
	return out
}

// inferenceEnergies are the energies that channels tell of inference windows,
// in J by channel.
func (in Input) inferenceEnergies() map[inferenceWindow]map[string]float64 {
	out := map[inferenceWindow]map[string]float64{}
	for _, p := range in.Phases {
		if p.Phase != bench.PhaseInference || p.EnergyJ == nil || !finite(*p.EnergyJ) || *p.EnergyJ < 0 {
			continue
		}
		at := inferenceWindow{p.Run, p.No}
		if out[at] == nil {
			out[at] = map[string]float64{}
		}
		out[at][p.Channel.Name] = *p.EnergyJ
	}
	return out
}

// inferenceWindow is a segment of a run.
type inferenceWindow struct{ run, segment int }

// endTolerance is how much later than its window a call may end and still lie
// in it, as stamps are cut and clocks slew; the energy per call knows the same.
const endTolerance = 50 * time.Millisecond

// windowEnds are the ends of the inference windows, the earliest of their
// readings'.
func (in Input) windowEnds() map[inferenceWindow]time.Time {
	ends := map[inferenceWindow]time.Time{}
	for _, p := range in.Phases {
		if p.Phase != bench.PhaseInference {
			continue
		}
		at, end := inferenceWindow{p.Run, p.No}, p.Started.Add(p.Window)
		if before, read := ends[at]; !read || end.Before(before) {
			ends[at] = end
		}
	}
	return ends
}

// perWord is what a word of the answers took: energy and words of the same
// calls. The words are counted, so the energy's relative uncertainty is its.
func (in Input) perWord(name string, f bench.EnergyFigure) bench.Metric {
	const unit = "J/word"
	own := in.Result.Energy
	var m bench.Metric
	if own != nil && own.Part == f.Part && own.Channel == f.Channel {
		if in.Result.EnergyPerWord == nil {
			return untold(name, unit, in.Result.EnergyPerWordMissing)
		}
		m = told(name, unit, *in.Result.EnergyPerWord, "energy of the inference windows ÷ words of the answers to the calls in them", flagged(f.Flags))
	} else {
		c, ok := in.callsOf(f)
		switch {
		case !ok:
			return untold(name, unit, "the calls behind the energy per call cannot be told from the readings")
		case c.words == 0:
			return untold(name, unit, "no answer held a word")
		}
		m = told(name, unit, c.joules/float64(c.words),
			fmt.Sprintf("%.4g J ÷ %d words, both of the %d calls with an energy, failed calls included", c.joules, c.words, c.calls), flagged(f.Flags))
	}
	if f.Uncertainty != nil && f.Mean > 0 && m.Value != nil {
		u95 := f.Uncertainty.U95 / f.Mean * *m.Value
		m.U95 = &u95
	}
	return m
}

// flagged puts doubts into words for a basis.
func flagged(flags []string) string { return strings.Join(flags, "; ") }
