package hostfacts

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// WithGPUs adds what NVML told of the GPUs. Where it told anything, its names
// and driver take the place of those of the kernel's tables, which a container
// often cannot see; a GPU that is listed twice counts once, by its UUID.
func WithGPUs(facts bench.HostFacts, gpus []bench.GPUFacts) bench.HostFacts {
	if len(gpus) == 0 {
		return facts
	}
	facts.GPUFacts, facts.GPUs, facts.GPUsMissing = nil, []string{}, ""
	seen := map[string]bool{}
	for _, g := range gpus {
		if g.UUID != "" && seen[g.UUID] {
			continue
		}
		seen[g.UUID] = true
		facts.GPUFacts = append(facts.GPUFacts, g)
		name := g.Name
		if g.UUID != "" {
			name = fmt.Sprintf("%s (%s)", g.Name, g.UUID)
		}
		facts.GPUs = append(facts.GPUs, name)
		if g.Driver != "" {
			facts.Driver = g.Driver
		}
	}
	return facts
}
