package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// maxCells caps a sweep: at one minute a cell this is ten weeks.
const maxCells = 100_000

// place is one cell of the matrix by its parts.
type place struct {
	host     *HostSpec
	runtime  *RuntimeSpec
	model    *ModelSpec
	dataset  *DatasetSpec
	language string
}

// matrix walks the cells in planned order: host, runtime, model, dataset,
// language, the last fastest.
func (s *Spec) matrix() iter.Seq[place] {
	return func(yield func(place) bool) {
		for h := range s.Hosts {
			for r := range s.Runtimes {
				for m := range s.Models {
					p := place{host: &s.Hosts[h], runtime: &s.Runtimes[r], model: &s.Models[m]}
					if p.model.allows(p.host.Name, p.runtime.Name) && !s.eachData(p, yield) {
						return
					}
				}
			}
		}
	}
}

func (s *Spec) eachData(p place, yield func(place) bool) bool {
	for d := range s.Datasets {
		for _, language := range s.Datasets[d].Languages {
			p.dataset, p.language = &s.Datasets[d], language
			if !yield(p) {
				return false
			}
		}
	}
	return true
}

// allows tells whether the model may run there.
func (m *ModelSpec) allows(host, runtime string) bool {
	return (len(m.Hosts) == 0 || slices.Contains(m.Hosts, host)) &&
		(len(m.Runtimes) == 0 || slices.Contains(m.Runtimes, runtime))
}

// Plan resolves the sweep into cells. The same spec with the same files gives
// the same ids and order on every machine.
func (s *Spec) Plan() (bench.Plan, error) {
	return s.PlanInto(bench.NewSweepID(s.Canonical()))
}

// PlanInto resolves the spec into cells of a sweep that exists already and that
// the spec makes larger: cells that the sweep has keep their ids. Seq counts
// from 1 within this plan.
func (s *Spec) PlanInto(sweep bench.SweepID) (bench.Plan, error) {
	plan := bench.Plan{
		Sweep: sweep, Name: s.Name, SpecYAML: s.source, Seed: s.Seed,
		Order: s.Order, Targets: slices.Clone(s.Targets), Priority: s.Priority,
	}
	for p := range s.matrix() {
		if len(plan.Cells) == maxCells {
			return bench.Plan{}, fmt.Errorf("plan sweep %s: more than %d cells", s.Name, maxCells)
		}
		cell, err := s.cell(plan.Sweep, p)
		if err != nil {
			return bench.Plan{}, fmt.Errorf("plan sweep %s: %w", s.Name, err)
		}
		plan.Cells = append(plan.Cells, cell)
	}
	arrange(plan.Cells, s.Order, s.Seed)
	for i := range plan.Cells {
		plan.Cells[i].Seq = i + 1
	}
	return plan, nil
}

// cell makes one cell. Its id leaves out where files lie: their content is in
// the sweep's id, so a spec moved with its files stays the same sweep.
func (s *Spec) cell(sweep bench.SweepID, p place) (bench.Cell, error) {
	config := s.cellConfig(p)
	portable := config
	portable.Model.GGUF, portable.Dataset.Path = "", ""
	encoded, err := json.Marshal(portable)
	if err != nil {
		return bench.Cell{}, fmt.Errorf("encode configuration of %s: %w", p.model.Name, err)
	}
	at := bench.Coordinates{
		Host: p.host.Name, Runtime: p.runtime.Name, Model: p.model.Name, Task: s.Task.Name,
		Dataset: p.dataset.Name, Language: p.language, Load: s.LoadPattern.Kind,
	}
	return bench.Cell{ID: bench.NewCellID(sweep, at, encoded), Sweep: sweep, At: at, Config: config}, nil
}

func (s *Spec) cellConfig(p place) bench.CellConfig {
	return bench.CellConfig{
		Model: bench.ModelConfig{
			Name: p.model.Name, GGUF: s.located(p.model.GGUF), GGUFHash: p.model.ggufHash,
			Template: p.model.Template, Digest: p.model.Digest,
			ContextTokens: p.model.ContextTokens, Ladder: rungs(p.model.Ladder),
		},
		Runtime: p.runtime.bench(),
		Dataset: bench.DatasetConfig{
			Name: p.dataset.Name, Format: cmp.Or(p.dataset.Format, formatBuiltin), Path: s.located(p.dataset.Path),
			CodeSystem: p.dataset.CodeSystem,
			Language:   p.language, Limit: p.dataset.Limit,
		},
		Task:   bench.TaskConfig{Name: s.Task.Name, MaxCodes: s.Task.MaxCodes, CodeList: s.Task.CodeList},
		Runs:   s.Runs,
		Phases: s.Phases.bench(),
		Meters: s.Meters.bench(),
		Prices: s.Prices.bench(),
		Seed:   s.Seed,

		RunsPerTurn: s.runsPerTurn(),
	}
}

func rungs(ladder []RungSpec) []bench.Rung {
	out := make([]bench.Rung, 0, len(ladder))
	for _, r := range ladder {
		out = append(out, bench.Rung{Name: r.Name, GPULayers: r.GPULayers, ContextTokens: r.ContextTokens, BatchTokens: r.BatchTokens})
	}
	return out
}

func (r *RuntimeSpec) bench() bench.RuntimeConfig {
	return bench.RuntimeConfig{
		Name: r.Name, Kind: r.Kind, Temperature: r.Temperature, TopK: r.TopK, TopP: r.TopP,
		RepeatPenalty: r.RepeatPenalty, MaxOutputTokens: r.MaxOutputTokens, Threads: r.Threads,
		CallTimeout: r.CallTimeout, PromptCache: r.PromptCache,
	}
}

func (p *PhaseSpec) bench() bench.PhaseConfig {
	out := bench.PhaseConfig{
		Baseline: p.Baseline, Idle: p.Idle, WarmUpCalls: p.WarmUpCalls, CoolDown: p.CoolDown, ClearCaches: p.ClearCaches,
	}
	if g := p.ThermalGate; g != nil {
		out.ThermalGate = &bench.ThermalGate{BelowC: g.BelowC, Timeout: g.Timeout}
	}
	return out
}

func (m *MeterSpec) bench() bench.MeterConfig {
	out := bench.MeterConfig{
		Interval: m.Interval, Host: m.Host, NVML: m.NVML, RAPL: m.RAPL, Hwmon: m.Hwmon, Wall: m.Wall,
		Foreign: bench.ForeignPolicy(m.ForeignProcess),
	}
	if e := m.Estimate; e != nil {
		out.Estimate = &bench.EstimateConfig{
			IdlePowerW: e.IdlePowerW, PowerPerBusyCoreW: e.PowerPerBusyCoreW, Source: e.Source, RelAccuracy: e.RelAccuracy,
		}
	}
	return out
}

// bench gives the zero value, without a currency, where no prices are stated.
func (p *PriceSpec) bench() bench.PriceConfig {
	if p == nil {
		return bench.PriceConfig{}
	}
	return bench.PriceConfig{
		EnergyPerKWh: p.EnergyPerKWh, Currency: p.Currency, PUE: p.PUE,
		CarbonGPerKWh: p.CarbonGPerKWh, CarbonGPerKWhBy: p.CarbonSource,
	}
}

// located makes a path of the spec absolute; built-in names stay.
func (s *Spec) located(path string) string {
	if path == "" || strings.HasPrefix(path, builtinPrefix) {
		return path
	}
	path = inFolder(s.opts.BaseDir, path)
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

func inFolder(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
