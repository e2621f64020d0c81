package stats

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// feedHint tells the user how meters at the wall are told apart.
const feedHint = "name feed in the settings if the machine has two supplies on two meters"

// aside are groups of the figure's part that are not counted in it: other views
// of its power, or devices that have no place in it. Made-up ones are left out
// of this where the figure is real.
func (u *energyUse) aside() []group {
	var out []group
	for _, g := range u.account.groups {
		if g.part != u.group.part || g.rank >= madeUp && !madeUpOf(u.chosen) || u.group.counts(g) {
			continue
		}
		out = append(out, g)
	}
	return out
}

// counts says that the devices of another group are among this one's.
func (g *group) counts(other group) bool {
	for _, device := range other.devices {
		if !slices.ContainsFunc(g.devices, func(v views) bool {
			return v.device == device.device && v.list[0].channel.Name == device.list[0].channel.Name
		}) {
			return false
		}
	}
	return true
}

// otherViews names what shows the wall beside the counted channels.
func (u *energyUse) otherViews() string {
	if u.group.part != bench.PartWall {
		return ""
	}
	var names []string
	for _, g := range u.aside() {
		if chosen := g.pick(u.account, u.weights()); u.account.told(chosen, u.weights()) > 0 {
			names = append(names, namesOf(chosen))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "other views, not added: " + strings.Join(names, ", ")
}

// weights are the figure's windows, each with the same weight.
func (u *energyUse) weights() []weighted {
	var out []weighted
	for _, key := range u.keys() {
		out = append(out, weighted{key, 1})
	}
	return out
}

// leftDevices are doubts about what of the part is not in the figure.
func (u *energyUse) leftDevices() []string {
	var out []string
	for _, g := range u.aside() {
		switch u.group.part {
		case bench.PartWall:
			if text := u.leftWall(g); text != "" {
				out = append(out, text)
			}
		case bench.PartGPU, bench.PartCPU:
			out = append(out, u.leftOf(g)...)
		case bench.PartNone: // estimates of the host are never added up
		}
	}
	return out
}

// untoldParts says of the parts that were read and have no figure what they
// lack, for the figure that stands for the cell in their place.
func (u *energyUse) untoldParts(uses []energyUse) []string {
	var out []string
	for _, part := range []bench.Part{bench.PartWall, bench.PartGPU, bench.PartCPU} {
		if slices.ContainsFunc(uses, func(use energyUse) bool { return use.group.part == part }) {
			continue
		}
		for _, g := range u.account.groups {
			if g.part != part || g.rank >= madeUp && !madeUpOf(u.chosen) {
				continue
			}
			if why := u.account.gap(g.pick(u.account, u.weights()), u.keys()[0]); why != "" {
				out = append(out, fmt.Sprintf("no figure of the %s: %s", part, why))
				break
			}
		}
	}
	return out
}

// leftOf names the devices of another scope that no counted channel covers.
func (u *energyUse) leftOf(g group) []string {
	covered := map[string]bool{}
	for _, device := range u.group.devices {
		covered[bareDevice(device.list[0].channel)] = true
	}
	var out []string
	for _, device := range g.devices {
		s := u.account.viewOf(device, u.weights())
		if covered[bareDevice(s.channel)] {
			continue
		}
		why := fmt.Sprintf("it covers a %s, what is counted covers a %s", s.channel.Scope, u.chosen[0].channel.Scope)
		switch {
		case u.account.told([]series{s}, u.weights()) == 0:
			why = s.gap(u.keys()[0])
		case s.channel.Estimated:
			why = "it rests on stated assumptions"
		}
		out = append(out, s.channel.Name+" is not in this figure: "+why)
	}
	return out
}

// leftWall says what a meter at the wall that is not counted may mean: another
// view that tells something else, or another supply. A meter's own inlet holds
// its outlets, and what supplies tell is below the wall by their losses: both
// are no doubt.
func (u *energyUse) leftWall(g group) string {
	chosen := g.pick(u.account, u.weights())
	ofSameMeter := slices.ContainsFunc(u.group.sources, func(s string) bool { return slices.Contains(g.sources, s) })
	if u.account.told(chosen, u.weights()) == 0 {
		if ofSameMeter {
			return ""
		}
		why := ""
		for _, s := range chosen {
			why = or(why, s.gap(u.keys()[0]))
		}
		return namesOf(chosen) + " is not in this figure: " + or(why, "it tells no window alone")
	}
	scope, counted := chosen[0].channel.Scope, u.chosen[0].channel.Scope
	known := g.feed != "" && slices.Contains(u.group.feeds, g.feed)
	switch {
	case known:
		if text := u.apart(chosen, u.ofFeed(g.feed), scope == counted); text != "" {
			return "two meters of one feed tell different powers: " + text
		}
		return ""
	case ofSameMeter:
		return ""
	}
	alike := scope == counted
	if alike || scope == bench.ScopePSU {
		if text := u.apart(chosen, u.chosen, alike); text != "" {
			return "two wall meters tell different powers: " + text + "; " + feedHint
		}
	}
	if scope == bench.ScopePSU || counted == bench.ScopePSU {
		return ""
	}
	return namesOf(chosen) + " is not in this figure: it is taken for another view of the same power; " + feedHint
}

// ofFeed are the counted channels of a feed.
func (u *energyUse) ofFeed(feed string) []series {
	var out []series
	for _, s := range u.chosen {
		if s.channel.Feed == feed {
			out = append(out, s)
		}
	}
	return out
}

// apart says by what powers another view and the counted channels are apart;
// "" where they are within 5 % or what their uncertainties explain, and, unless
// both ways matter, where the other view tells less.
func (u *energyUse) apart(other, counted []series, bothWays bool) string {
	both := u.account.toldBy(append(slices.Clone(other), counted...), u.weights())
	seconds := 0.0
	for _, key := range both {
		seconds += lengthOf(counted, key).Seconds()
	}
	if len(both) == 0 || seconds <= 0 {
		return ""
	}
	its, ours := energyOver(other, both), energyOver(counted, both)
	difference := its - ours
	if bothWays {
		difference = math.Abs(difference)
	}
	square := 0.0
	for _, chosen := range [][]series{other, counted} {
		if own := ownU95(chosen, both); !math.IsInf(own, 1) {
			square += own * own
		}
	}
	if difference <= bench.DisagreementLimit*(its+ours)/2 || difference <= math.Sqrt(square) {
		return ""
	}
	return fmt.Sprintf("%s %.3g W, %s %.3g W", namesOf(counted), ours/seconds, namesOf(other), its/seconds)
}

// bareDevice names a device whatever part of it a channel covers.
func bareDevice(c bench.Channel) string {
	c.Scope = ""
	return deviceOf(c)
}
