package stats

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// phaseKey names a phase window of a cell.
type phaseKey struct {
	phase   bench.Phase
	run, no int
}

func keyOf(p bench.PhaseReading) phaseKey { return phaseKey{p.Phase, p.Run, p.No} }

// account holds a cell's readings sorted for the accounting of energy.
type account struct {
	groups  []group // by rank
	foreign foreigners
	policy  bench.ForeignPolicy
}

// accountOf sorts readings; phases are in order.
func accountOf(phases []bench.PhaseReading, policy bench.ForeignPolicy) *account {
	a := &account{foreign: foreignOf(phases), policy: policy}
	byName, summands := map[string]*series{}, summandsOf(phases)
	var names []string
	for _, p := range phases {
		c := p.Channel
		if !countable(c) || summands[deviceOf(c)] {
			continue
		}
		if byName[c.Name] == nil {
			byName[c.Name] = &series{channel: c, of: map[phaseKey]bench.PhaseReading{}}
			names = append(names, c.Name)
		}
		byName[c.Name].of[keyOf(p)] = p
		byName[c.Name].channel = withMarks(byName[c.Name].channel, c)
	}
	slices.Sort(names)
	list := make([]series, 0, len(names))
	for _, name := range names {
		list = append(list, *byName[name])
	}
	a.groups = groupsOf(list)
	return a
}

// summandsOf lists the devices that are part of what another device's channel
// tells, so that no other quantity of them is counted beside that.
func summandsOf(phases []bench.PhaseReading) map[string]bool {
	device := map[string]string{}
	for _, p := range phases {
		device[p.Channel.Name] = deviceOf(p.Channel)
	}
	out := map[string]bool{}
	for _, p := range phases {
		if whole, read := device[p.Channel.PartOf]; read && whole != deviceOf(p.Channel) {
			out[deviceOf(p.Channel)] = true
		}
	}
	return out
}

// void says why a window counts for no energy at all; "" when it does.
func (a *account) void(key phaseKey) string {
	if a.policy != bench.ForeignVoid {
		return ""
	}
	if names := a.foreign.seen[key]; len(names) > 0 {
		return "void: " + foreignSeen + " (" + strings.Join(names, ", ") + ")"
	}
	if names := a.foreign.unknown[key]; len(names) > 0 {
		return "void: " + foreignUnknown + " (" + strings.Join(names, ", ") + ")"
	}
	return ""
}

// gap is why chosen channels together cannot tell the energy of a window, with
// the channel that lacks it; "" when they can.
func (a *account) gap(chosen []series, key phaseKey) string {
	if why := a.void(key); why != "" {
		return why
	}
	for _, s := range chosen {
		if why := s.gap(key); why != "" {
			return s.channel.Name + ": " + why
		}
	}
	return ""
}

// told is the weight of the windows whose energy chosen channels tell.
func (a *account) told(chosen []series, windows []weighted) int {
	sum := 0
	for _, w := range windows {
		if a.gap(chosen, w.key) == "" {
			sum += w.weight
		}
	}
	return sum
}

// energyOf is the energy of a window in J over chosen channels, which tell it.
func energyOf(chosen []series, key phaseKey) float64 {
	joules := 0.0
	for _, s := range chosen {
		joules += *s.of[key].EnergyJ
	}
	return joules
}

// energyOver is the energy of windows in J over chosen channels.
func energyOver(chosen []series, keys []phaseKey) float64 {
	joules := 0.0
	for _, key := range keys {
		joules += energyOf(chosen, key)
	}
	return joules
}

// lengthOf is the length of a window by the first of chosen channels.
func lengthOf(chosen []series, key phaseKey) time.Duration { return chosen[0].of[key].Window }

// windowsOf lists the windows of a phase that the channel was read over, in
// order.
func (s series) windowsOf(phase bench.Phase) []phaseKey {
	var keys []phaseKey
	for key := range s.of {
		if key.phase == phase {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// windowsOf lists the windows of a phase that any of the group's channels was
// read over, in order.
func (g *group) windowsOf(phase bench.Phase) []phaseKey {
	var keys []phaseKey
	for _, device := range g.devices {
		for _, s := range device.list {
			keys = append(keys, s.windowsOf(phase)...)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

func compareKeys(a, b phaseKey) int {
	return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.no, b.no))
}

// methodOf is the weakest of the methods behind the windows' energy.
func methodOf(chosen []series, keys []phaseKey) bench.EnergyMethod {
	weakest := []bench.EnergyMethod{bench.EnergyCounter, bench.EnergyTrapezoid, bench.EnergyAttributed, bench.EnergyEstimated}
	if estimated, _ := marksOf(chosen, keys); estimated {
		return bench.EnergyEstimated
	}
	at := 0
	for _, s := range chosen {
		for _, key := range keys {
			at = max(at, slices.Index(weakest, s.of[key].Method))
		}
	}
	return weakest[at]
}

// coverageOf is the share of the windows' time that samples cover.
func coverageOf(chosen []series, keys []phaseKey) float64 {
	var covered, seconds float64
	for _, s := range chosen {
		for _, key := range keys {
			length := s.of[key].Window.Seconds()
			if c := s.of[key].Coverage; finite(c) && length > 0 {
				covered += min(max(c, 0), 1) * length
				seconds += length
			}
		}
	}
	if seconds == 0 {
		return 0
	}
	return covered / seconds
}

// marksOf tells whether any of the readings counted rests on stated assumptions
// or on a made-up source.
func marksOf(chosen []series, keys []phaseKey) (estimated, simulated bool) {
	for _, s := range chosen {
		for _, key := range keys {
			c := s.of[key].Channel
			estimated, simulated = estimated || c.Estimated, simulated || c.Simulated
		}
	}
	return estimated, simulated
}

// withMarks is a channel with the marks of another window of it: what is made
// up or assumed in any window is not trusted like what never is.
func withMarks(c, other bench.Channel) bench.Channel {
	c.Estimated = c.Estimated || other.Estimated
	c.Simulated = c.Simulated || other.Simulated
	return c
}
