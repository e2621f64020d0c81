package papers

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Input is all that is known of a cell.
type Input struct {
	Result bench.CellResult // as package stats made it
	Calls  []bench.Call
	// Readings are what channels showed while each call ran; without them the
	// means of the inference windows stand in, and the basis says so.
	Readings []bench.CallReading
	Phases   []bench.PhaseReading
	Config   bench.CellConfig
	Host     bench.HostFacts // of the host that measured; may be empty
}

// The quantities of a GPU, as its channels end.
const (
	suffixPower       = ".power"
	suffixAverage     = ".power_average"
	suffixMemory      = ".memory_used"
	suffixUtilisation = ".utilisation"
	suffixTemperature = ".temperature"
)

// The channels of a host.
const (
	channelCPU    = "host.cpu"
	channelMemory = "host.memory_used"
)

// joining is how the values of several GPUs become one.
type joining uint8

const (
	summed   joining = iota // power, memory
	averaged                // utilisation, temperature
	highest                 // the hottest
)

// channels is a set of channels that make one figure together.
type channels struct {
	list []bench.Channel // by name
	join joining
	note string // what a reader must know of the choice
}

// gpus finds the channels of all GPUs with one of the suffixes; the first
// suffix that any GPU has is taken.
func (in Input) gpus(join joining, suffixes ...string) channels {
	for _, suffix := range suffixes {
		found := in.find(func(c bench.Channel) bool {
			return strings.HasPrefix(c.Name, "gpu") && strings.HasSuffix(c.Name, suffix) && c.PartOf == ""
		})
		if len(found) == 0 {
			continue
		}
		set := channels{list: found, join: join}
		if len(found) > 1 {
			set.note = fmt.Sprintf("%s of %d GPUs", [...]string{"sum", "mean", "highest"}[join], len(found))
		}
		return set
	}
	return channels{}
}

func (in Input) host(name string) channels {
	return channels{list: in.find(func(c bench.Channel) bool { return c.Name == name })}
}

// find lists the channels of the phases that match, by name, each once. Real
// ones go before made-up ones; one that is estimated or made up in any window is
// marked so.
func (in Input) find(match func(bench.Channel) bool) []bench.Channel {
	byName := map[string]bench.Channel{}
	measured := map[string]bool{}
	for _, p := range in.Phases {
		c := p.Channel
		if before, known := byName[c.Name]; known {
			c.Estimated, c.Simulated = c.Estimated || before.Estimated, c.Simulated || before.Simulated
		}
		byName[c.Name] = c
		measured[c.Name] = measured[c.Name] || !p.Channel.Simulated
	}
	var out, madeUp []bench.Channel
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		switch c := byName[name]; {
		case !match(c):
		case measured[name]:
			out = append(out, c)
		default:
			madeUp = append(madeUp, c)
		}
	}
	if len(out) == 0 {
		return madeUp
	}
	return out
}

func (s channels) names() string {
	names := make([]string, 0, len(s.list))
	for _, c := range s.list {
		names = append(names, c.Name)
	}
	return strings.Join(names, "+")
}

// marks copies what the channels rest on into a metric.
func (s channels) marks(m bench.Metric) bench.Metric {
	for _, c := range s.list {
		m.Estimated = m.Estimated || c.Estimated
		m.Simulated = m.Simulated || c.Simulated
	}
	return m
}

// together makes one value of one value per channel.
func (s channels) together(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	switch s.join {
	case averaged:
		return sum / float64(len(values))
	case highest:
		return slices.Max(values)
	default:
		return sum
	}
}

// statistic is what is taken of a channel over a window or call.
type statistic uint8

const (
	mean statistic = iota
	peak
)

func (s statistic) String() string {
	if s == peak {
		return "highest value"
	}
	return "mean"
}

// overPhase is a channel set's value over the windows of a phase: means weighed
// by time, or the highest value.
func (in Input) overPhase(phase bench.Phase, set channels, what statistic) (value float64, missing string) {
	if len(set.list) == 0 {
		return 0, "no such channel was read"
	}
	var values []float64
	for _, c := range set.list {
		v, why := in.channelOver(phase, c.Name, what)
		if why != "" {
			return 0, why
		}
		values = append(values, v)
	}
	return set.together(values), ""
}

func (in Input) channelOver(phase bench.Phase, channel string, what statistic) (value float64, missing string) {
	top, sum, seconds := math.Inf(-1), 0.0, 0.0
	missing = channel + " was not read during " + string(phase)
	for _, p := range in.Phases {
		if p.Phase != phase || p.Channel.Name != channel {
			continue
		}
		v := p.Mean
		if what == peak {
			v = p.Max
		}
		if v == nil || !finite(*v) || p.Window <= 0 {
			if p.Missing != "" {
				missing = channel + " during " + string(phase) + ": " + p.Missing
			}
			continue
		}
		top = max(top, *v)
		sum += *v * p.Window.Seconds()
		seconds += p.Window.Seconds()
	}
	switch {
	case seconds == 0:
		return 0, missing
	case what == peak:
		return top, ""
	default:
		return sum / seconds, ""
	}
}

// overCalls is the mean over the answered calls of each call's value: of its
// mean or of its highest, over the channels together. A call without all of
// them is left out.
func (in Input) overCalls(set channels, what statistic) (value float64, calls int) {
	at := map[string]map[bench.CallKey]*float64{}
	for i := range in.Readings {
		r := &in.Readings[i]
		if at[r.Channel] == nil {
			at[r.Channel] = map[bench.CallKey]*float64{}
		}
		at[r.Channel][r.CallKey] = r.Mean
		if what == peak {
			at[r.Channel][r.CallKey] = r.Peak
		}
	}
	sum := 0.0
	for _, c := range in.inOrder() {
		var values []float64
		for _, channel := range set.list {
			if v := at[channel.Name][c.CallKey]; v != nil && finite(*v) {
				values = append(values, *v)
			}
		}
		if n := len(values); n > 0 && n == len(set.list) {
			sum += set.together(values)
			calls++
		}
	}
	if calls == 0 {
		return 0, 0
	}
	return sum / float64(calls), calls
}

// inOrder lists the answered calls by key, so that sums do not depend on the
// order in which rows were read.
func (in Input) inOrder() []bench.Call {
	var out []bench.Call
	for _, c := range in.Calls {
		if c.Outcome.Answered() {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b bench.Call) int {
		if a.Run != b.Run {
			return a.Run - b.Run
		}
		return a.Item - b.Item
	})
	return out
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
