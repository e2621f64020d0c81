package papers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// What a reader must know of the GPUs' power. The white paper and the thesis
// read nvidia-smi and NVML's power usage, which on GPUs since Hopper and on
// most of Ampere is an average over 1 s; gpuN.power is the instant field where
// there is one.
const (
	averagedField = "the field that the paper's tool reads, which this GPU averages over up to 1 s; a call shorter than that also shows what was before it"
	instantField  = "the paper's tool reads a field that newer GPUs average over 1 s; means agree over windows much longer than that"
)

// power is the GPUs' power. Where no GPU has one, the power that was read of
// the whole host stands in, marked as such.
func (in Input) power() channels {
	if set := in.gpuPower(); len(set.list) > 0 {
		return set
	}
	return in.hostPower()
}

// gpuPower takes of every GPU the field that the papers' tool reads, where it
// tells anything, and its power otherwise.
func (in Input) gpuPower() channels {
	byGPU := map[string]bench.Channel{}
	note := instantField
	for _, suffix := range []string{suffixPower, suffixAverage} {
		for _, c := range in.gpus(summed, suffix).list {
			gpu := strings.TrimSuffix(c.Name, suffix)
			if _, known := byGPU[gpu]; !known || in.tells(c.Name) {
				byGPU[gpu] = c
			}
		}
	}
	set := channels{join: summed}
	for _, gpu := range slices.Sorted(maps.Keys(byGPU)) {
		c := byGPU[gpu]
		if strings.HasSuffix(c.Name, suffixAverage) {
			note = averagedField
		}
		set.list = append(set.list, c)
	}
	if len(set.list) > 1 {
		note = fmt.Sprintf("sum of %d GPUs; %s", len(set.list), note)
	}
	set.note = note
	return set
}

// tells says that a channel has a mean during inference.
func (in Input) tells(channel string) bool {
	_, missing := in.channelOver(bench.PhaseInference, channel, mean)
	return missing == ""
}

// hostPower is the power of the whole host, of the best scope that was read.
func (in Input) hostPower() channels {
	for _, estimated := range []bool{false, true} {
		for _, scope := range []bench.Scope{bench.ScopeOutlet, bench.ScopePSU, bench.ScopePhase, bench.ScopeInlet, bench.ScopeHost} {
			list := in.find(func(c bench.Channel) bool {
				return c.Unit == bench.UnitWatt && c.Scope == scope && c.PartOf == "" && c.Estimated == estimated
			})
			if len(list) > 0 {
				return channels{
					list: in.once(list),
					note: "no GPU's power was read: that of the whole host stands in, which the paper's figure does not hold",
				}
			}
		}
	}
	return channels{}
}

// once keeps one meter of every feed, as meters of one feed watch the same
// power; meters of which no feed is known are taken to watch the same. The
// meter behind the energy at the wall goes first, else the first by name.
func (in Input) once(list []bench.Channel) []bench.Channel {
	var counted []string
	for _, f := range in.Result.Energies {
		if f.Part == bench.PartWall {
			counted = strings.Split(f.Channel, "+")
		}
	}
	chosen := map[string]string{} // meter by feed
	for _, c := range list {
		first := slices.ContainsFunc(counted, func(name string) bool { return meterOf(name) == meterOf(c.Name) })
		if _, known := chosen[c.Feed]; !known || first {
			chosen[c.Feed] = meterOf(c.Name)
		}
	}
	if len(chosen) > 1 {
		delete(chosen, "") // what is said of feeds goes before a meter of which nothing is said
	}
	return slices.DeleteFunc(list, func(c bench.Channel) bool { return chosen[c.Feed] != meterOf(c.Name) })
}

// meterOf is the meter in a channel's name: pdu.a of pdu.a.outlet1.power.
func meterOf(channel string) string {
	parts := strings.Split(channel, ".")
	parts = parts[:max(1, len(parts)-1)] // without the quantity
	if parts[0] == "hwmon" {
		return parts[0]
	}
	return strings.Join(parts[:min(2, len(parts))], ".")
}
