package stats

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// untrusted is what rank adds to a channel that is estimated, and madeUp to one
// that is simulated.
const (
	untrusted = 100
	madeUp    = 1000
)

// sourceOf names the meter that a channel comes from: pdu.a of
// pdu.a.outlet1.power. All monitors of the kernel are one source.
func sourceOf(c bench.Channel) string {
	parts := strings.Split(c.Name, ".")
	if n := len(parts); n > 1 {
		parts = parts[:n-1] // the quantity
	}
	if parts[0] == "hwmon" {
		return parts[0]
	}
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// wallOptions are the ways to tell what the host draws at the wall, best rank
// first. Meters that watch one feed are views of it, and feeds add up: that is
// one way. Every meter of which no feed is known is a way of its own, as it
// may watch what another one watches; only its own devices are added.
func wallOptions(a *account, windows []weighted) []option {
	var out []option
	for _, simulated := range []bool{false, true} {
		feeds := map[string][]option{}
		for _, g := range a.groups {
			if g.part != bench.PartWall || g.rank >= madeUp != simulated {
				continue
			}
			chosen := g.pick(a, windows)
			o := option{g, chosen, a.told(chosen, windows)}
			if feed := g.feed; feed != "" {
				feeds[feed] = append(feeds[feed], o)
				continue
			}
			out = append(out, o)
		}
		if len(feeds) > 0 {
			out = slices.Insert(out, 0, a.sumOfFeeds(feeds, windows))
		}
	}
	slices.SortStableFunc(out, func(a, b option) int { return cmp.Compare(a.group.rank, b.group.rank) })
	return out
}

// sumOfFeeds adds up the best view of every feed. It ranks as its best view
// does, or among the estimated where any of it is. A feed that nothing tells
// takes the sum away: one of two supplies is not the host.
func (a *account) sumOfFeeds(feeds map[string][]option, windows []weighted) option {
	var sum option
	sum.group.part, sum.group.rank = bench.PartWall, math.MaxInt
	trust := 0
	for _, feed := range slices.Sorted(maps.Keys(feeds)) {
		list := feeds[feed]
		one, ok := a.bestView(list, windows)
		if !ok {
			one = list[0]
		}
		sum.group.sources = append(sum.group.sources, one.group.sources...)
		sum.group.feeds = append(sum.group.feeds, feed)
		sum.group.devices = append(sum.group.devices, one.group.devices...)
		sum.chosen = append(sum.chosen, one.chosen...)
		trust = max(trust, one.group.rank/untrusted)
		sum.group.rank = min(sum.group.rank, one.group.rank%untrusted)
	}
	sum.group.rank += trust * untrusted
	sum.told = a.told(sum.chosen, windows)
	return sum
}

// bestView is best among options that show the same power: of one rank, the
// one with the smaller uncertainty over the windows that both tell.
func (a *account) bestView(options []option, windows []weighted) (option, bool) {
	chosen, ok := best(options, total(windows))
	if !ok || len(chosen.group.feeds) > 0 {
		return chosen, ok // the user said what its feeds are; that of one meter may be one of them
	}
	for _, o := range options {
		if o.group.rank != chosen.group.rank || float64(o.told) < enough*float64(chosen.told) {
			continue
		}
		both := a.toldBy(append(slices.Clone(o.chosen), chosen.chosen...), windows)
		if len(both) == 0 {
			continue
		}
		if u, than := ownU95(o.chosen, both), ownU95(chosen.chosen, both); u < than && !close95(u, than) {
			chosen = o
		}
	}
	return chosen, true
}

func total(windows []weighted) int {
	sum := 0
	for _, w := range windows {
		sum += w.weight
	}
	return sum
}
