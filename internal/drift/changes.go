package drift

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// warmer is the difference of temperatures at the start that is worth naming:
// 3 °C, about what a room does over a day; leakage then moves a GPU's power by
// about a percent.
const warmer = 3.0

// changes lists what differs between the conditions of two sides.
func changes(before, now Conditions) ([]Change, *Temperatures) {
	out := []Change{}
	note := func(what, a, b string) {
		if a != b {
			out = append(out, Change{what, a, b})
		}
	}
	note("operating system", before.OS, now.OS)
	note("kernel", before.Kernel, now.Kernel)
	note("processor", before.CPU, now.CPU)
	note("driver", before.Driver, now.Driver)
	note("runtime", before.Runtime, now.Runtime)
	note("runtime's environment", listed(before.RuntimeEnv), listed(now.RuntimeEnv))
	note("worker's build", before.WorkerBuild, now.WorkerBuild)
	note("model digest", short(before.ModelDigest), short(now.ModelDigest))
	note("prompt", short(before.PromptHash), short(now.PromptHash))
	note("dataset", short(before.DatasetHash), short(now.DatasetHash))
	note("rung of the load ladder", before.Rung, now.Rung)
	note("layers on GPU", count(before.LayersGPU), count(now.LayersGPU))
	out = append(out, gpuChanges(before.GPUs, now.GPUs)...)
	t := temperatures(before.StartC, now.StartC)
	if t != nil && math.Abs(t.Now-t.Before) >= warmer {
		what := "temperature at start"
		if before.Simulated || now.Simulated {
			what += " (simulated)"
		}
		note(what, fmt.Sprintf("%.1f °C", t.Before), fmt.Sprintf("%.1f °C", t.Now))
	}
	return out, t
}

// gpuChanges compares GPUs by their identity.
func gpuChanges(before, now []GPU) []Change {
	var out []Change
	later := map[string]GPU{}
	for _, g := range now {
		later[g.UUID] = g
	}
	for _, b := range before {
		n, found := later[b.UUID]
		delete(later, b.UUID)
		if !found {
			out = append(out, Change{"GPU", b.Name + " " + b.UUID, "gone"})
			continue
		}
		for _, one := range []struct{ what, a, b string }{
			{"driver", b.Driver, n.Driver},
			{"VBIOS", b.VBIOS, n.VBIOS},
			{"power limit", watts(b.PowerLimitW), watts(n.PowerLimitW)},
			{"ECC", b.ECC, n.ECC},
			{"MIG", b.MIG, n.MIG},
		} {
			if one.a != one.b {
				out = append(out, Change{one.what + " of " + b.Name, one.a, one.b})
			}
		}
	}
	for _, g := range now {
		if _, fresh := later[g.UUID]; fresh {
			out = append(out, Change{"GPU", "not there", g.Name + " " + g.UUID})
		}
	}
	return out
}

func watts(w float64) string {
	if w == 0 {
		return ""
	}
	return fmt.Sprintf("%g W", w)
}

func listed(list []string) string {
	return strings.Join(slices.Sorted(slices.Values(list)), " ")
}

// short cuts a hash to what tells it apart.
func short(hash string) string {
	const enough = 12
	hash = strings.TrimPrefix(hash, "sha256:")
	return hash[:min(len(hash), enough)]
}

func count(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// temperatures are the means over the channels that both sides have.
func temperatures(before, now map[string]float64) *Temperatures {
	t := Temperatures{}
	channels := make([]string, 0, len(before))
	for name := range before {
		channels = append(channels, name)
	}
	slices.Sort(channels) // so that sums round alike each time
	for _, name := range channels {
		later, both := now[name]
		if !both {
			continue
		}
		t.Before += before[name]
		t.Now += later
		t.Channels++
	}
	if t.Channels == 0 {
		return nil
	}
	t.Before /= float64(t.Channels)
	t.Now /= float64(t.Channels)
	return &t
}
