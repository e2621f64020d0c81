package stats

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// endTolerance is how much later than its window a call may end and still lie
// in it: stamps are cut to microseconds, and a clock may slew a little. It is
// far below the two seconds of readings that a killed worker may lose.
const endTolerance = 50 * time.Millisecond

// EnergyWindow is an inference window that a cell's energy rests on, with the
// calls that lie in it.
type EnergyWindow struct {
	Run, Segment int
	Window       time.Duration
	EnergyJ      float64 // of all chosen channels, what was used between calls included
	// ByChannel is the energy of each chosen channel, in J, by its name.
	ByChannel map[string]float64
	Calls     []bench.Call
}

// EnergyWindows gives the windows that the energy of a cell rests on, by the
// rules of [Cell], or says why there are none. A call that lies in none of
// them has no energy of its own. Windows with foreign processes count.
func EnergyWindows(calls []bench.Call, phases []bench.PhaseReading) (list []EnergyWindow, missing string) {
	return WindowsOf(CellInput{Calls: calls, Phases: phases})
}

// WindowsOf is [EnergyWindows] with the cell's own rules on foreign processes.
func WindowsOf(in CellInput) (list []EnergyWindow, missing string) {
	uses, missing := usesOf(inOrder(in.Calls), phasesInOrder(in.Phases), in.Cell.Config.Meters.Foreign)
	if missing != "" {
		return nil, missing
	}
	u := headline(uses)
	for _, w := range u.windows {
		one := EnergyWindow{
			Run: w.run, Segment: w.segment, Window: lengthOf(u.chosen, w.key()), EnergyJ: energyOf(u.chosen, w.key()),
			ByChannel: map[string]float64{}, Calls: w.calls,
		}
		for _, s := range u.chosen {
			one.ByChannel[s.channel.Name] = *s.of[w.key()].EnergyJ
		}
		list = append(list, one)
	}
	return list, ""
}

// windowKey names an inference window: a segment of a run.
type windowKey struct{ run, segment int }

func (k windowKey) key() phaseKey { return phaseKey{bench.PhaseInference, k.run, k.segment} }

// callWindow is an inference window with the calls in it.
type callWindow struct {
	windowKey
	calls []bench.Call
}

// leftOut counts what no energy is told of.
type leftOut struct {
	windows []leftWindows // with calls, but without an energy
	unread  int           // calls in segments whose window nobody read
	late    int           // calls that ended after the last reading of their window
}

// leftWindows are windows without an energy for the same reason.
type leftWindows struct {
	reason         string
	windows, calls int
}

// place shares the calls out to the windows in which they ended. A call begins
// after its window, by construction. Windows without calls are dropped: they
// were cut before their first and say nothing about calls.
func place(calls []bench.Call, phases []bench.PhaseReading) ([]callWindow, leftOut) {
	ends := map[windowKey]time.Time{}
	for _, p := range phases {
		if p.Phase != bench.PhaseInference {
			continue
		}
		key, end := windowKey{p.Run, p.No}, p.Started.Add(p.Window)
		if known, read := ends[key]; !read || end.Before(known) {
			ends[key] = end
		}
	}
	var windows []callWindow
	var out leftOut
	for _, c := range calls {
		key := windowKey{c.Run, c.Segment}
		end, read := ends[key]
		switch {
		case !read:
			out.unread++
			continue
		case c.StartedAt.Add(c.Latency).After(end.Add(endTolerance)):
			out.late++
			continue
		}
		i := slices.IndexFunc(windows, func(w callWindow) bool { return w.windowKey == key })
		if i < 0 {
			i = len(windows)
			windows = append(windows, callWindow{windowKey: key})
		}
		windows[i].calls = append(windows[i].calls, c)
	}
	slices.SortFunc(windows, func(a, b callWindow) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.segment, b.segment))
	})
	return windows, out
}

// add counts a window that is left out.
func (l *leftOut) add(w callWindow, reason string) {
	i := slices.IndexFunc(l.windows, func(have leftWindows) bool { return have.reason == reason })
	if i < 0 {
		i = len(l.windows)
		l.windows = append(l.windows, leftWindows{reason: reason})
	}
	l.windows[i].windows++
	l.windows[i].calls += len(w.calls)
}

// clone copies the counts, so that each part of the host adds its own.
func (l leftOut) clone() leftOut {
	l.windows = slices.Clone(l.windows)
	return l
}

// withWindow counts the calls whose window was read but told no energy.
func (l leftOut) withWindow() int {
	n := 0
	for _, w := range l.windows {
		n += w.calls
	}
	return n
}

// String says what was left out and why; "" when nothing was.
func (l leftOut) String() string {
	var parts []string
	for _, w := range l.windows {
		parts = append(parts, fmt.Sprintf("%s in %s (%s)", counted(w.calls, "call"), counted(w.windows, "window"), w.reason))
	}
	if l.unread > 0 {
		parts = append(parts, counted(l.unread, "call")+" in segments without a reading")
	}
	if l.late > 0 {
		parts = append(parts, counted(l.late, "call")+" that ended after the last reading of their window")
	}
	if len(parts) == 0 {
		return ""
	}
	return "left out: " + strings.Join(parts, ", ")
}

// counted gives "1 call" or "3 calls".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
