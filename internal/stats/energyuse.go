package stats

import (
	"fmt"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// energyUse is the energy of the inference windows with the calls in them, as
// one part of the host told it.
type energyUse struct {
	account *account
	group   group
	chosen  []series     // of the group, one channel of every device
	windows []callWindow // with calls and an energy
	left    leftOut
	totalJ  float64
	seconds float64     // length of the windows
	byRun   [][]cluster // energy over calls, one cluster per run
	inside  map[bench.CallKey]bool
	calls   int // inside the windows
	again   int // of them, measured again after a cut
}

// usesOf finds what every part of the host tells of the energy of calls, in
// order of rank, or says why none tells any. Calls and phases are in order. A
// window with calls but without an energy is left out with them.
func usesOf(calls []bench.Call, phases []bench.PhaseReading, policy bench.ForeignPolicy) ([]energyUse, string) {
	windows, left := place(calls, phases)
	a := accountOf(phases, policy)
	inferred := slices.ContainsFunc(a.groups, func(g group) bool { return len(g.windowsOf(bench.PhaseInference)) > 0 })
	switch {
	case !inferred:
		return nil, "no channel of power or energy was read during inference"
	case len(windows) == 0:
		return nil, "no call lies in an inference window that was read"
	}
	options := perPart(a, weigh(windows))
	if len(options) == 0 {
		return nil, nothingTold(a, windows[0])
	}
	uses := make([]energyUse, 0, len(options))
	for _, o := range options {
		uses = append(uses, newUse(a, o, windows, left))
	}
	return uses, ""
}

func newUse(a *account, o option, windows []callWindow, left leftOut) energyUse {
	use := energyUse{account: a, group: o.group, chosen: o.chosen, left: left.clone(), inside: map[bench.CallKey]bool{}}
	for _, w := range windows {
		if why := a.gap(o.chosen, w.key()); why != "" {
			use.left.add(w, why)
			continue
		}
		use.take(w)
	}
	return use
}

// headline is the use that stands for the cell: the first in rank that tells
// the energy of enough calls.
func headline(uses []energyUse) *energyUse {
	total, at, most := uses[0].calls, 0, 0
	for _, u := range uses {
		total = max(total, u.calls+u.left.withWindow())
	}
	for i, u := range uses {
		if u.calls > most {
			at, most = i, u.calls
		}
		if u.calls > 0 && float64(u.calls) >= enough*float64(total) {
			break
		}
	}
	return &uses[at]
}

// weigh gives each window the number of its calls for a weight.
func weigh(windows []callWindow) []weighted {
	out := make([]weighted, 0, len(windows))
	for _, w := range windows {
		out = append(out, weighted{w.key(), len(w.calls)})
	}
	return out
}

// nothingTold says of a window why no channel tells its energy.
func nothingTold(a *account, w callWindow) string {
	why := a.void(w.key())
	for _, g := range a.groups {
		for _, device := range g.devices {
			for _, s := range device.list {
				if gap := s.gap(w.key()); why == "" && gap != "" {
					why = fmt.Sprintf("%s in run %d, segment %d: %s", s.channel.Name, w.run, w.segment, gap)
				}
			}
		}
	}
	return "no channel tells the energy of an inference window with calls: " + or(why, "no window has all of its devices")
}

// take adds a window up, in all and in its run; windows come in order.
func (u *energyUse) take(w callWindow) {
	one := cluster{energyOf(u.chosen, w.key()), float64(len(w.calls))}
	if n := len(u.windows); n == 0 || u.windows[n-1].run != w.run {
		u.byRun = append(u.byRun, []cluster{one})
	} else {
		last := &u.byRun[len(u.byRun)-1][0]
		last.sum += one.sum
		last.weight += one.weight
	}
	u.windows = append(u.windows, w)
	u.totalJ += one.sum
	u.seconds += lengthOf(u.chosen, w.key()).Seconds()
	u.calls += len(w.calls)
	for _, c := range w.calls {
		u.inside[c.CallKey] = true
		if c.Remeasured {
			u.again++
		}
	}
}

// keys are the windows as the account knows them.
func (u *energyUse) keys() []phaseKey {
	out := make([]phaseKey, 0, len(u.windows))
	for _, w := range u.windows {
		out = append(out, w.key())
	}
	return out
}
