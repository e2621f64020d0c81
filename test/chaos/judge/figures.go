package judge

import (
	"fmt"
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
	Watched bool // somebody looked
	Calls   int  // requests that carry the prompt of a call of the sweep
	Extra   int  // beyond one for each call begun, or of no call and no warm-up
	Lacking int  // stored calls of which none was seen
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
	Name    string // for people
	Channel string
	Calls   int
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

// judgeWindows compares what a fault touched with what it did not.
func judgeWindows(list []Window) (bad int, why []string) {
	var channels []string
	calm := map[string][]Window{}
	for _, w := range list {
		if !slices.Contains(channels, w.Channel) {
			channels = append(channels, w.Channel)
		}
		if !w.Struck {
			calm[w.Channel] = append(calm[w.Channel], w)
		}
	}
	if len(calm) == 0 && len(channels) == 0 {
		return 0, []string{"no undisturbed window to compare with"}
	}
	for _, channel := range channels {
		here := slices.DeleteFunc(slices.Clone(list), func(w Window) bool { return w.Channel != channel || !w.Struck })
		if len(calm[channel]) == 0 {
			if slices.ContainsFunc(here, func(w Window) bool { return w.EnergyJ != nil }) {
				why = append(why, "no undisturbed window of "+channel+" to compare with")
			}
			continue
		}
		u := usualOf(calm[channel])
		for _, w := range here {
			if word := u.wrong(w); word != "" {
				bad, why = bad+1, append(why, word)
			}
		}
	}
	return bad, why
}

// wrong says what a window shows that cannot be, "" when nothing.
func (u usual) wrong(w Window) string {
	told := w.Missing != "" || slices.ContainsFunc(w.Flags, func(f string) bool { return !u.flags[shape(f)] })
	if told {
		return ""
	}
	usualLength := time.Duration(float64(u.length) * w.calls())
	switch {
	case u.energy != nil && w.EnergyJ == nil:
		return w.Name + " has no energy and does not say why"
	case u.energy != nil && *u.energy > 0 && *w.EnergyJ <= 0:
		return fmt.Sprintf("%s holds %.3g J for %d calls", w.Name, *w.EnergyJ, w.Calls)
	case w.Length > max(WindowFactor*usualLength, usualLength+WindowSlack):
		return fmt.Sprintf("%s holds %s for %d calls, %s is usual, and does not say why",
			w.Name, w.Length.Round(time.Millisecond), w.Calls, usualLength.Round(time.Millisecond))
	case u.energy == nil || u.length <= 0:
		return ""
	}
	usualEnergy := *u.energy * w.calls()
	slack := *u.energy * float64(WindowSlack) / float64(u.length) // what such a window takes in that time
	if *w.EnergyJ > max(WindowFactor*usualEnergy, usualEnergy+slack) {
		return fmt.Sprintf("%s holds %.4g J for %d calls, %.4g J is usual, and does not say why", w.Name, *w.EnergyJ, w.Calls, usualEnergy)
	}
	return ""
}

// middle is the median, the lower one of an even number.
func middle[T time.Duration | float64](list []T) T {
	return slices.Sorted(slices.Values(list))[(len(list)-1)/2]
}
