package config

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// defaulter is a section that has values where the user gave none. It is
// called on the zero value, before the user's keys are read over it.
type defaulter interface{ setDefaults() }

// shorthand is a section that may be written as a plain name.
type shorthand interface{ setShorthand(text string) }

func (s *Spec) setDefaults() {
	s.Runs = 10
	s.Order = orderPlanned
	s.RunsPerTurn = 1
	s.Priority = bench.PriorityDefault
	s.Seed = 1
	s.Task.setDefaults()
	s.LoadPattern.setDefaults()
	s.Phases.setDefaults()
	s.Meters.setDefaults()
}

func (h *HostSpec) setShorthand(text string) { h.Name = text }

func (r *RuntimeSpec) setDefaults() {
	r.TopK = 40
	r.TopP = 0.9
	r.RepeatPenalty = 1
	r.MaxOutputTokens = 256
	r.CallTimeout = 5 * time.Minute
}

func (m *ModelSpec) setDefaults() {
	m.ContextTokens = 4096
	m.Ladder = []RungSpec{{Name: "auto", GPULayers: -1}, {Name: "cpu", GPULayers: 0}}
}

func (m *ModelSpec) setShorthand(text string) { m.Name = text }

func (r *RungSpec) setDefaults() { r.GPULayers = -1 }

func (t *TaskSpec) setDefaults() { t.MaxCodes = 5 }

func (l *LoadPatternSpec) setDefaults() { l.Kind = patternSequential }

func (p *PhaseSpec) setDefaults() {
	p.Baseline = 30 * time.Second
	p.Idle = 10 * time.Second
	p.WarmUpCalls = 3
}

func (g *ThermalGateSpec) setDefaults() { g.Timeout = 10 * time.Minute }

func (m *MeterSpec) setDefaults() {
	m.Interval = 50 * time.Millisecond
	m.Host, m.NVML, m.RAPL, m.Hwmon, m.Wall = true, true, true, true, true
	m.ForeignProcess = string(bench.ForeignFlag)
}

func (p *PriceSpec) setDefaults() { p.PUE = 1 }
