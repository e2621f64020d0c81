package stats

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// flagCount counts the windows in which a doubt arose.
type flagCount struct {
	text    string
	windows int
}

// flags are the doubts about a figure in words, each with the share of the
// windows that it is about: foreign processes, what the meters said of their
// own windows, and views of a device that disagree.
func (u *energyUse) flags(d *bench.Disagreement) []string {
	return u.account.flags(u.chosen, u.keys(), d)
}

func (a *account) flags(chosen []series, keys []phaseKey, d *bench.Disagreement) []string {
	var counts []flagCount
	for _, key := range keys {
		for _, text := range a.windowFlags(chosen, key) {
			i := slices.IndexFunc(counts, func(c flagCount) bool { return c.text == text })
			if i < 0 {
				i = len(counts)
				counts = append(counts, flagCount{text: text})
			}
			counts[i].windows++
		}
	}
	var out []string
	if d != nil && d.Exceeded {
		out = append(out, fmt.Sprintf("%s and %s differ by %.1f %% over all windows, more than %g %%",
			namesOf(chosen), d.With, 100*math.Abs(d.Relative), 100*d.Limit))
	}
	for _, c := range counts {
		out = append(out, fmt.Sprintf("%s (%d of %s)", c.text, c.windows, counted(len(keys), "window")))
	}
	return out
}

// windowFlags are the doubts about one window, each once.
func (a *account) windowFlags(chosen []series, key phaseKey) []string {
	out := a.foreign.flags(key)
	for _, s := range chosen {
		p := s.of[key]
		d := p.Disagreement
		apart := d != nil && d.Exceeded
		for _, text := range p.Flags {
			if !apart || !strings.Contains(text, d.With) { // said once for all windows below
				out = append(out, s.channel.Name+": "+text)
			}
		}
		if apart {
			out = append(out, fmt.Sprintf("%s and %s differ by more than %g %% in a window", s.channel.Name, d.With, 100*d.Limit))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// disagreementOf holds the chosen channels against other views of the same
// devices, over the windows that both tell: a counter against power and the
// other way round, where there are such. Devices with one view are in neither
// sum. They disagree where they are further apart than the limit and than their
// own uncertainties explain. It is nil where no device has two.
func disagreementOf(a *account, g group, chosen []series, keys []phaseKey) *bench.Disagreement {
	var these, others, square float64
	var names []string
	for i, s := range chosen {
		other, ok := secondView(a, g.devices[i], s, keys)
		if !ok {
			continue
		}
		var both []phaseKey
		for _, key := range keys {
			if s.gap(key) == "" && other.gap(key) == "" {
				both = append(both, key)
			}
		}
		these += energyOver([]series{s}, both)
		others += energyOver([]series{other}, both)
		square += explained(s, other, both)
		names = append(names, other.channel.Name)
	}
	if len(names) == 0 {
		return nil
	}
	d := bench.Disagreement{With: strings.Join(names, "+"), EnergyJ: others, Limit: bench.DisagreementLimit}
	if mean := (these + others) / 2; mean > 0 {
		d.Relative = (these - others) / mean
	}
	d.Exceeded = math.Abs(d.Relative) > d.Limit && math.Abs(these-others) > math.Sqrt(square)
	return &d
}

// explained is the square of the difference in J that the uncertainties of two
// views explain, U1² + U2²; 0 where neither is known.
func explained(one, other series, keys []phaseKey) float64 {
	square := 0.0
	for _, s := range []series{one, other} {
		if u := ownU95([]series{s}, keys); !math.IsInf(u, 1) {
			square += u * u
		}
	}
	return square
}

// secondView is the channel of a device that tells most of the windows beside
// the chosen one: of another kind (counter, power) first.
func secondView(a *account, device views, chosen series, keys []phaseKey) (series, bool) {
	windows := make([]weighted, 0, len(keys))
	for _, key := range keys {
		windows = append(windows, weighted{key, 1})
	}
	at, most := -1, 0
	for i, s := range device.list {
		told := a.told([]series{s}, windows)
		if s.channel.Name == chosen.channel.Name || told == 0 {
			continue
		}
		if s.channel.Counter != chosen.channel.Counter {
			told += len(keys) + 1
		}
		if told > most {
			at, most = i, told
		}
	}
	if at < 0 {
		return series{}, false
	}
	return device.list[at], true
}
