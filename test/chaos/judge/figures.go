package judge

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// How far a figure of a struck stretch may lie from undisturbed ones. Machines
// are busy now and then; an outage of seconds lies far beyond these.
const (
	// WindowFactor and WindowSlack bound time and energy per call of a window:
	// a bad one is beyond both the factor and the slack for the whole window.
	WindowFactor = 3
	WindowSlack  = 1500 * time.Millisecond
	// CallFactor and CallSlack bound the latency of an answered call.
	CallFactor = 5
	CallSlack  = 1500 * time.Millisecond
)

// Requests is what was seen on the way to Ollama, by somebody who is neither
// the worker nor the database.
type Requests struct {
	Watched bool     // somebody looked
	Calls   int      // requests that carry the prompt of a call of the sweep
	Twice   int      // of those, beyond one for each call begun
	Strange []string // models of requests of no call and no warm-up
	Lacking int      // stored calls of which none was seen
}

// Latencies are those of answered calls: Struck of those between this fault and
// the next, Calm of those of the sweep that no fault touched.
type Latencies struct{ Calm, Struck []time.Duration }

func (l Latencies) judge() (slow int, why []string) {
	if len(l.Calm) == 0 {
		return 0, []string{"no undisturbed call to compare with"}
	}
	usual := middle(l.Calm)
	most := max(CallFactor*usual, usual+CallSlack)
	var longest time.Duration
	for _, one := range l.Struck {
		if one > most {
			slow, longest = slow+1, max(longest, one)
		}
	}
	if slow > 0 {
		why = append(why, fmt.Sprintf("%d calls took far longer than undisturbed ones, the longest %s against %s",
			slow, longest.Round(time.Millisecond), usual.Round(time.Millisecond)))
	}
	return slow, why
}

// Window is what one channel showed over one segment of a run.
type Window struct {
	Of      string // the segment, in words
	Channel string
	Calls   int
	Failed  time.Duration // of Length, what calls without an answer took
	Length  time.Duration
	EnergyJ *float64
	Missing string
	Flags   []string
	// Struck: it lies between this fault and the next. The others are those of the
	// sweep that no fault touched.
	Struck bool
}

func (w Window) calls() float64 { return float64(max(1, w.Calls)) }

// usual is what undisturbed windows of a channel have, per call.
type usual struct {
	length time.Duration
	energy *float64 // J; nil for a channel without
	flags  map[string]bool
}

func usualOf(list []Window) usual {
	u := usual{flags: map[string]bool{}}
	var lengths []time.Duration
	var energies []float64
	for _, w := range list {
		lengths = append(lengths, time.Duration(float64(w.Length)/w.calls()))
		if w.EnergyJ != nil {
			energies = append(energies, *w.EnergyJ/w.calls())
		}
		for _, f := range w.Flags {
			u.flags[shape(f)] = true
		}
	}
	u.length = middle(lengths)
	if len(energies) > 0 {
		e := middle(energies)
		u.energy = &e
	}
	return u
}

// shape is a flag without its figures: the same words about another window.
func shape(flag string) string { return regexp.MustCompile(`[0-9]+`).ReplaceAllString(flag, "0") }

// told tells whether a window says something that undisturbed ones do not.
func (u usual) told(w Window) bool {
	return w.Missing != "" || slices.ContainsFunc(w.Flags, func(f string) bool { return !u.flags[shape(f)] })
}

// judgeWindows compares what a fault touched with what it did not. A segment
// counts once, whatever the number of its channels.
func judgeWindows(list []Window) (bad int, why []string) {
	calm, struck := map[string][]Window{}, map[string][]Window{}
	var channels []string
	for _, w := range list {
		if !slices.Contains(channels, w.Channel) {
			channels = append(channels, w.Channel)
		}
		if w.Struck {
			struck[w.Channel] = append(struck[w.Channel], w)
		} else {
			calm[w.Channel] = append(calm[w.Channel], w)
		}
	}
	if len(calm) == 0 {
		return 0, []string{"no undisturbed window to compare with"}
	}
	told, wrong, long := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, channel := range channels {
		if len(calm[channel]) == 0 {
			if slices.ContainsFunc(struck[channel], func(w Window) bool { return w.EnergyJ != nil }) {
				why = append(why, "no undisturbed window of "+channel+" to compare with")
			}
			continue
		}
		u := usualOf(calm[channel])
		for _, w := range struck[channel] {
			told[w.Of] = told[w.Of] || u.told(w)
			if word := u.tooLong(w); word != "" {
				long[w.Of] = word
			}
			if word := u.wrongEnergy(w); word != "" {
				wrong[w.Of], why = true, append(why, word)
			}
		}
	}
	for _, of := range slices.Sorted(maps.Keys(long)) {
		if !told[of] {
			wrong[of], why = true, append(why, long[of])
		}
	}
	return len(wrong), why
}

// tooLong says how a window is longer than its calls account for, "" when it is
// not.
func (u usual) tooLong(w Window) string {
	usual := time.Duration(float64(u.length)*w.calls()) + w.Failed
	if w.Length <= max(WindowFactor*(usual-w.Failed)+w.Failed, usual+WindowSlack) {
		return ""
	}
	return fmt.Sprintf("%s holds %s for %d calls, %s is usual, and does not say why",
		w.Of, w.Length.Round(time.Millisecond), w.Calls, usual.Round(time.Millisecond))
}

// wrongEnergy says what a window's energy shows that cannot be, "" when nothing.
func (u usual) wrongEnergy(w Window) string {
	if u.energy == nil || u.told(w) {
		return ""
	}
	name := w.Channel + " over " + w.Of
	if w.EnergyJ == nil {
		return name + " has no energy and does not say why"
	}
	if *u.energy > 0 && *w.EnergyJ <= 0 {
		return fmt.Sprintf("%s holds %.3g J for %d calls", name, *w.EnergyJ, w.Calls)
	}
	perNs := *u.energy / float64(max(1, u.length)) // what such a window takes in a time
	failed := perNs * float64(w.Failed)
	usual := *u.energy*w.calls() + failed
	if *w.EnergyJ > max(WindowFactor*(usual-failed)+failed, usual+perNs*float64(WindowSlack)) {
		return fmt.Sprintf("%s holds %.4g J for %d calls, %.4g J is usual, and does not say why", name, *w.EnergyJ, w.Calls, usual)
	}
	return ""
}

// middle is the median, the lower one of an even number.
func middle[T time.Duration | float64](list []T) T {
	return slices.Sorted(slices.Values(list))[(len(list)-1)/2]
}
