package stats

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// reconcile makes the line wall = GPU + CPU + rest over the inference windows
// in which all parts that were read are told, or says why there is none.
// Made-up sources are held against made-up ones alone.
func reconcile(in CellInput) (*bench.Reconciliation, string) {
	a := accountOf(in.Phases, in.Cell.Config.Meters.Foreign)
	var windows []weighted
	for _, key := range a.windowsOf(bench.PhaseInference) {
		windows = append(windows, weighted{key, 1})
	}
	options := map[bench.Part]option{}
	for _, o := range perPart(a, windows) {
		options[o.group.part] = o
	}
	wall, read := options[bench.PartWall]
	if !read {
		return nil, "no meter at the wall told an energy during inference"
	}
	pretended := madeUpOf(wall.chosen)
	inner := map[bench.Part]option{}
	for _, part := range []bench.Part{bench.PartGPU, bench.PartCPU} {
		if o, read := options[part]; read {
			if madeUpOf(o.chosen) == pretended {
				inner[part] = o
			}
		}
	}
	if gpu, read := inner[bench.PartGPU]; read && gpu.chosen[0].channel.Scope == bench.ScopeModule {
		delete(inner, bench.PartCPU) // the module's own CPU is in its energy
	}
	if len(inner) == 0 {
		return nil, "neither a GPU nor a CPU package told an energy beside the wall, so all of it would be rest"
	}
	return balance(a, wall, inner, windows)
}

// balance adds the parts up over the windows that all of them tell.
func balance(a *account, wall option, inner map[bench.Part]option, windows []weighted) (*bench.Reconciliation, string) {
	all := append([]series{}, wall.chosen...)
	for _, part := range parts() {
		all = append(all, inner[part].chosen...)
	}
	var keys []phaseKey
	why := ""
	for _, w := range windows {
		if gap := a.gap(all, w.key); gap != "" {
			why = or(why, gap)
			continue
		}
		keys = append(keys, w.key)
	}
	if len(keys) == 0 {
		return nil, "no inference window was told by all parts: " + why
	}
	r := bench.Reconciliation{}
	for _, key := range keys {
		r.Window += lengthOf(wall.chosen, key)
		r.WallJ += energyOf(wall.chosen, key)
	}
	r.RestJ = r.WallJ
	channels := []string{"wall " + namesOf(wall.chosen)}
	for _, part := range parts() {
		o, read := inner[part]
		if !read {
			continue
		}
		joules := 0.0
		for _, key := range keys {
			joules += energyOf(o.chosen, key)
		}
		r.RestJ -= joules
		if part == bench.PartGPU {
			r.GPUJ = &joules
		} else {
			r.CPUJ = &joules
		}
		channels = append(channels, string(part)+" "+namesOf(o.chosen))
	}
	r.Channels = strings.Join(channels, "; ")
	if r.WallJ > 0 {
		r.RestShare = r.RestJ / r.WallJ
	}
	doubt := restDoubt(wall, inner, keys)
	if doubt != nil {
		r.RestU95 = &doubt.U95
	}
	r.Estimated, r.Simulated = marksOf(all, keys)
	r.Verdict = verdict(r, wall, inner, keys, len(windows)-len(keys))
	return &r, ""
}

// madeUpOf says whether any chosen channel was from a made-up source at any
// time.
func madeUpOf(chosen []series) bool {
	return slices.ContainsFunc(chosen, func(s series) bool { return s.channel.Simulated })
}

// verdict says in words what the rest means.
func verdict(r bench.Reconciliation, wall option, inner map[bench.Part]option, keys []phaseKey, left int) string {
	seconds := r.Window.Seconds()
	if r.Window < time.Microsecond {
		return "the windows have no length"
	}
	restW, known := r.RestJ/seconds, r.RestU95 != nil
	text := fmt.Sprintf("rest of %s W", plain(restW))
	if known {
		text = "rest of " + withDoubt(restW, *r.RestU95/seconds) + " W"
	} else {
		text += ", of unknown uncertainty,"
	}
	switch {
	case r.RestJ < 0 && (!known || -r.RestJ > *r.RestU95):
		text += " is below zero"
		if known {
			text += " by more than its uncertainty"
		}
		text += ": a meter is wrong, or one covers other machines or misses a supply of this one"
	case r.RestJ < 0:
		text += " is zero within its uncertainty: nothing without a meter draws power that could be told"
	default:
		text += " is what has no meter: supplies, fans, drives" + unread(inner)
	}
	if said := scopesSaid(wall.chosen); said != "" {
		text += "; the wall is " + said
	}
	if estimated, simulated := marksOf(wall.chosen, keys); simulated {
		text += "; all of it is from made-up sources"
	} else if estimated {
		text += "; the wall rests on stated assumptions"
	}
	if left > 0 {
		text += fmt.Sprintf("; %s left out, as not all parts told them", counted(left, "window"))
	}
	return text
}

// unread names the parts that have a place in the rest because nothing read
// them.
func unread(inner map[bench.Part]option) string {
	gpu, readGPU := inner[bench.PartGPU]
	cpu, readCPU := inner[bench.PartCPU]
	var parts []string
	if !readGPU {
		parts = append(parts, "GPUs, if there are any")
	}
	module := readGPU && gpu.chosen[0].channel.Scope == bench.ScopeModule
	switch {
	case readCPU && !hasMemory(cpu):
		parts = append(parts, "memory")
	case !readCPU && !module:
		parts = append(parts, "CPU and memory")
	}
	if len(parts) == 0 {
		return " and the board"
	}
	return ", the board, " + strings.Join(parts, ", ")
}

func hasMemory(cpu option) bool {
	for _, s := range cpu.chosen {
		if s.channel.Scope == bench.ScopeDRAM {
			return true
		}
	}
	return false
}

// plain prints a power to three digits or so without an exponent.
func plain(v float64) string {
	return fmt.Sprintf("%.*f", decimals(v, 3), v)
}

// withDoubt prints a figure to the second digit of its uncertainty.
func withDoubt(v, u95 float64) string {
	n := decimals(u95, 2)
	return fmt.Sprintf("%.*f ± %.*f", n, v, n, u95)
}

// decimals is how many places after the point show so many digits of v.
func decimals(v float64, digits int) int {
	if v == 0 || !finite(v) {
		return digits - 1
	}
	return min(max(digits-1-int(math.Floor(math.Log10(math.Abs(v)))), 0), 6)
}
