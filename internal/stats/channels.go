package stats

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// enough is the share of the calls whose energy a channel must tell to go
// before one of lower rank: one window that is too short for a wall meter must
// not turn a measured cell into an estimated one.
const enough = 0.9

// series is one energy channel over the phase windows of a cell.
type series struct {
	channel bench.Channel
	of      map[phaseKey]bench.PhaseReading
}

// views are the channels of one device, which show the same power: one of
// them is counted, none is added to another.
type views struct {
	device string
	list   []series // by name
}

// group holds the devices of one rank, whose sum is one part of a host. At the
// wall a group is of one meter and one feed, or the sum of several feeds.
type group struct {
	part    bench.Part
	rank    int
	feed    string   // where it is of one feed
	feeds   []string // that are added up in it
	sources []string // meters at the wall
	devices []views
}

// scopeRank orders what a channel covers from the whole machine down; 0 for
// what overlaps others (RAPL's psys) or is no part of a machine. The outlets
// that a host is plugged into say more of it than an inlet or a phase, which
// may feed other machines too; a supply's own reading stands between, as what
// the supply loses may be outside of it.
func scopeRank(s bench.Scope) int {
	order := [][]bench.Scope{
		{bench.ScopeOutlet},
		{bench.ScopePSU},
		{bench.ScopePhase},
		{bench.ScopeInlet},
		{bench.ScopeModule},
		{bench.ScopeBoard},
		{bench.ScopeGPU},
		{bench.ScopePackage, bench.ScopeDRAM},
		{bench.ScopeHost},
		{bench.ScopeProcess},
	}
	return 1 + slices.IndexFunc(order, func(scopes []bench.Scope) bool { return slices.Contains(scopes, s) })
}

// partOf is the part of the host under which a scope is accounted: a supply
// counts as wall, and its figure says what read it.
func partOf(s bench.Scope) bench.Part {
	if s == bench.ScopePSU {
		return bench.PartWall
	}
	return s.Part()
}

// rank orders channels by trust: real before made up, measured before
// estimated, then by scope.
func rank(c bench.Channel) int {
	r := scopeRank(c.Scope)
	if c.Estimated {
		r += untrusted
	}
	if c.Simulated {
		r += madeUp
	}
	return r
}

// countable says that a channel's energy may be counted: it is power or
// energy, covers a part of a machine, and is no summand of another channel.
func countable(c bench.Channel) bool {
	return (c.Unit == bench.UnitWatt || c.Unit == bench.UnitJoule) && c.PartOf == "" && scopeRank(c.Scope) > 0
}

// deviceOf names what a channel measures, so that gpu0.power and gpu0.energy
// are known as one device. Packages and their memory are devices of their own.
func deviceOf(c bench.Channel) string {
	if c.Device != "" {
		return string(c.Scope) + "\x00" + c.Device
	}
	name := c.Name
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		name = name[:at]
	}
	return string(c.Scope) + "\x00" + name + "\x00" + c.Identity
}

// groupKey tells groups apart.
type groupKey struct {
	rank         int
	source, feed string // at the wall alone
}

func groupKeyOf(c bench.Channel) groupKey {
	key := groupKey{rank: rank(c)}
	if partOf(c.Scope) == bench.PartWall {
		key.source, key.feed = sourceOf(c), c.Feed
	}
	return key
}

// groupsOf sorts the energy channels of a cell into groups by rank, best first.
// Memory without a package is no part by itself and left out.
func groupsOf(list []series) []group {
	byKey := map[groupKey]*group{}
	for _, s := range list {
		key := groupKeyOf(s.channel)
		if byKey[key] == nil {
			byKey[key] = &group{part: partOf(s.channel.Scope), rank: key.rank, feed: key.feed}
			if key.source != "" {
				byKey[key].sources = []string{key.source}
			}
		}
		byKey[key].add(s)
	}
	keys := slices.SortedFunc(maps.Keys(byKey), func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.source, b.source), cmp.Compare(a.feed, b.feed))
	})
	var out []group
	for _, key := range keys {
		for _, device := range byKey[key].devices {
			device.setFrozenAside()
		}
		if !byKey[key].onlyMemory() {
			out = append(out, *byKey[key])
		}
	}
	return out
}

// add puts a channel beside the others of its device.
func (g *group) add(s series) {
	device := deviceOf(s.channel)
	i := slices.IndexFunc(g.devices, func(v views) bool { return v.device == device })
	if i < 0 {
		i = len(g.devices)
		g.devices = append(g.devices, views{device: device})
	}
	g.devices[i].list = append(g.devices[i].list, s)
}

func (g *group) onlyMemory() bool {
	return !slices.ContainsFunc(g.devices, func(v views) bool { return v.list[0].channel.Scope != bench.ScopeDRAM })
}

// weighted is a window with the weight that its energy has in a choice.
type weighted struct {
	key    phaseKey
	weight int
}

// pick takes of every device the view that counts.
func (g *group) pick(a *account, windows []weighted) []series {
	var out []series
	for _, device := range g.devices {
		out = append(out, a.viewOf(device, windows))
	}
	return out
}

// option is a group with the channels picked of it, and the weight of the
// windows whose energy they tell all together.
type option struct {
	group  group
	chosen []series
	told   int
}

// best is the first of options (in order of rank) that tells enough of total;
// where none does, the first of those that tell the most. ok is false where
// none tells any.
func best(options []option, total int) (chosen option, ok bool) {
	for _, o := range options {
		if o.told > chosen.told {
			chosen = o
		}
		if o.told > 0 && float64(o.told) >= enough*float64(total) {
			break
		}
	}
	return chosen, chosen.told > 0
}

// perPart gives the best option of every part that any channel tells, in order
// of rank.
func perPart(a *account, windows []weighted) []option {
	byPart := map[bench.Part][]option{}
	for _, g := range a.groups {
		if g.part == bench.PartWall {
			continue
		}
		chosen := g.pick(a, windows)
		byPart[g.part] = append(byPart[g.part], option{g, chosen, a.told(chosen, windows)})
	}
	var out []option
	if wall, ok := a.bestView(wallOptions(a, windows), windows); ok {
		out = append(out, wall)
	}
	for _, part := range parts() {
		if o, ok := best(byPart[part], total(windows)); ok {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b option) int { return a.group.rank - b.group.rank })
	return out
}

// parts lists the parts of a host, the whole first.
func parts() []bench.Part {
	return []bench.Part{bench.PartWall, bench.PartGPU, bench.PartCPU, bench.PartNone}
}

func namesOf(chosen []series) string {
	names := make([]string, 0, len(chosen))
	for _, s := range chosen {
		names = append(names, s.channel.Name)
	}
	return strings.Join(names, "+")
}

// gap says why the channel cannot tell the energy of a window; "" when it can.
func (s series) gap(key phaseKey) string {
	p, read := s.of[key]
	switch {
	case !read:
		return "not read"
	case p.EnergyJ == nil:
		return or(p.Missing, "no energy")
	case !finite(*p.EnergyJ) || *p.EnergyJ < 0:
		return fmt.Sprintf("%g J is no energy", *p.EnergyJ)
	}
	return ""
}
