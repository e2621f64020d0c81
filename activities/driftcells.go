package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/drift"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/stats"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Pin makes reference cells of a sweep's measured cells, with the conditions
// they were measured under: all that are done, or those that are named.
func (d *Drift) Pin(ctx context.Context, sweep bench.SweepID, named []bench.CellID) ([]store.PinnedCell, error) {
	cells, err := d.Store.Cells(ctx, sweep)
	if err != nil {
		return nil, err
	}
	wanted := map[bench.CellID]bool{}
	for _, id := range named {
		wanted[id] = true
	}
	var out []store.PinnedCell
	for _, c := range cells {
		asked := wanted[c.ID]
		delete(wanted, c.ID)
		switch {
		case len(named) > 0 && !asked, len(named) == 0 && c.State != bench.StateDone:
			continue
		case c.State != bench.StateDone:
			return nil, fault.New(fault.Invalid, "", "pin cells that are done", "pin cell %s: it is %s", c.ID, c.State)
		}
		conditions, err := d.conditions(ctx, c, nil)
		if err != nil {
			return nil, err
		}
		raw, err := json.Marshal(conditions)
		if err != nil {
			return nil, fmt.Errorf("encode conditions of cell %s: %w", c.ID, err)
		}
		out = append(out, store.PinnedCell{Cell: c.ID, Epoch: c.Epoch, Conditions: raw})
	}
	for id := range wanted {
		return nil, fault.New(fault.Invalid, "", "wattsweep status "+string(sweep)+" lists its cells", "pin cell %s: sweep %s has none of that id", id, sweep)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "", "let the sweep measure first", "pin sweep %s: none of its %d cells is done", sweep, len(cells))
	}
	return out, nil
}

// Report compares a sweep's cells with the baseline of a name, from what is
// stored of both.
func (d *Drift) Report(ctx context.Context, name string, sweep bench.SweepID) (drift.Report, error) {
	b, err := d.Store.GetBaseline(ctx, name)
	if err != nil {
		return drift.Report{}, err
	}
	var before, now []drift.Cell
	for _, pinned := range b.Cells {
		cell, err := d.Store.GetCell(ctx, pinned.Cell)
		if err != nil {
			return drift.Report{}, err
		}
		// What was pinned was done, whatever became of the cell since.
		cell.Epoch, cell.State, cell.Reason = pinned.Epoch, bench.StateDone, ""
		one, err := d.cell(ctx, cell)
		if err != nil {
			return drift.Report{}, err
		}
		one.Conditions = drift.Conditions{} // today's values must not stand in for what was not known then
		if err := json.Unmarshal(pinned.Conditions, &one.Conditions); err != nil {
			return drift.Report{}, fault.New(fault.Corrupt, "", "unpin the baseline and pin it again",
				"read conditions of baseline %s, cell %s: they are not what was written", name, pinned.Cell)
		}
		before = append(before, one)
	}
	cells, err := d.Store.Cells(ctx, sweep)
	if err != nil {
		return drift.Report{}, err
	}
	for _, cell := range cells {
		one := drift.Cell{ID: cell.ID, At: cell.At, State: cell.State, Reason: cell.Reason}
		if cell.State == bench.StateDone {
			if one, err = d.cell(ctx, cell); err != nil {
				return drift.Report{}, err
			}
		}
		now = append(now, one)
	}
	return drift.Compare(before, now, drift.Options{Tolerance: b.Tolerance}), nil
}

// cell reads what is stored of a cell's epoch.
func (d *Drift) cell(ctx context.Context, c store.Cell) (drift.Cell, error) {
	out := drift.Cell{ID: c.ID, At: c.At, State: c.State, Reason: c.Reason}
	in := stats.CellInput{Cell: c.Cell, State: c.State}
	var err error
	if in.Calls, err = d.Store.Calls(ctx, c.ID, c.Epoch); err != nil {
		return out, err
	}
	results := Results{Store: d.Store}
	if in.Scores, _, err = results.score(ctx, c, in.Calls); err != nil {
		return out, err
	}
	if in.Phases, err = d.Store.PhaseReadings(ctx, c.ID, c.Epoch); err != nil {
		return out, err
	}
	if out.Conditions, err = d.conditions(ctx, c, in.Phases); err != nil {
		return out, err
	}
	if out.Settings, err = driftSettings(c.Config); err != nil {
		return out, err
	}
	out.Energy = energySource(in)
	joules := AttributedJoules(in)
	scores := make(map[bench.CallKey]bench.CallScore, len(in.Scores))
	for _, s := range in.Scores {
		scores[s.CallKey] = s
	}
	for _, call := range in.Calls {
		score, scored := scores[call.CallKey]
		one := driftCall(call, score, scored)
		if j, told := joules[call.CallKey]; told {
			one.EnergyJ = &j
		}
		out.Calls = append(out.Calls, one)
	}
	return out, nil
}

func driftCall(c bench.Call, score bench.CallScore, scored bool) drift.Call {
	out := drift.Call{Run: c.Run, Journal: c.JournalID, OK: c.Outcome.Answered()}
	if out.OK {
		latency := c.Latency.Seconds()
		out.LatencyS = &latency
		if c.TimeToFirstToken != nil {
			first := c.TimeToFirstToken.Seconds()
			out.TTFTS = &first
		}
		if c.OutputTokens != nil {
			tokens := float64(*c.OutputTokens)
			out.OutputTokens = &tokens
		}
	}
	if scored && len(score.Gold) > 0 {
		weighted, exact := score.Weighted, 0.0
		if score.ExactAt1 {
			exact = 1
		}
		out.Weighted, out.Exact = &weighted, &exact
	}
	return out
}

// energySource says what told a cell's energy, as its result does.
func energySource(in stats.CellInput) drift.Energy {
	row := stats.Cell(in)
	if row.Energy == nil {
		return drift.Energy{Missing: row.EnergyMissing}
	}
	return drift.Energy{
		Part: row.Energy.Part, Channel: row.Energy.Channel, Estimated: row.Energy.Estimated, Simulated: row.Energy.Simulated,
	}
}

// conditions reads what a cell was measured under. phases may be nil: then they
// are read.
func (d *Drift) conditions(ctx context.Context, c store.Cell, phases []bench.PhaseReading) (drift.Conditions, error) {
	out := drift.Conditions{PromptHash: c.PromptHash, DatasetHash: c.Config.Dataset.Hash}
	facts, err := d.Store.CellHostFacts(ctx, c.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return out, err
	}
	out.OS, out.Kernel, out.CPU, out.Driver = facts.OS, facts.Kernel, facts.CPU, facts.Driver
	out.Runtime, out.RuntimeEnv, out.WorkerBuild = facts.Runtime, facts.RuntimeEnv, facts.WorkerBuild
	for _, g := range facts.GPUFacts {
		out.GPUs = append(out.GPUs, drift.GPU{
			UUID: g.UUID, Name: g.Name, Driver: g.Driver, VBIOS: g.VBIOS, PowerLimitW: g.PowerLimitW, ECC: g.ECC, MIG: g.MIG,
		})
	}
	pulled, err := d.Store.GetPulled(ctx, c.ID)
	if err != nil {
		return out, err
	}
	if pulled != nil {
		out.ModelDigest = pulled.Facts.Digest
	}
	if err := d.loaded(ctx, c, &out); err != nil {
		return out, err
	}
	if phases == nil {
		if phases, err = d.Store.PhaseReadings(ctx, c.ID, c.Epoch); err != nil {
			return out, err
		}
	}
	out.StartC, out.Simulated = startTemperatures(phases)
	return out, nil
}

// loaded says on which rung the epoch's calls were measured.
func (d *Drift) loaded(ctx context.Context, c store.Cell, out *drift.Conditions) error {
	rung, _, err := d.Store.EpochRung(ctx, c.ID, c.Epoch)
	if err != nil || rung < 1 || rung > len(c.Config.Model.Ladder) {
		return err
	}
	out.Rung = fmt.Sprintf("%d: %s", rung, c.Config.Model.Ladder[rung-1].Name)
	segments, err := d.Store.Segments(ctx, c.ID, c.Epoch)
	if err != nil {
		return err
	}
	asked := map[string]bool{} // loads that the epoch's calls were made of
	for _, s := range segments {
		asked[s.LoadToken] = asked[s.LoadToken] || s.Calls > 0
	}
	attempts, err := d.Store.LoadAttempts(ctx, c.ID)
	for _, a := range attempts {
		if a.Rung == rung && a.Loaded != nil && asked[a.Loaded.Token] {
			layers := a.Loaded.LayersGPU
			out.LayersGPU = &layers
		}
	}
	return err
}

// startTemperatures are the means of each temperature channel over the baseline
// windows, in °C.
func startTemperatures(phases []bench.PhaseReading) (byChannel map[string]float64, simulated bool) {
	sum, seconds := map[string]float64{}, map[string]float64{}
	for _, p := range phases {
		if p.Phase != bench.PhaseBaseline || p.Channel.Unit != bench.UnitCelsius || p.Mean == nil || p.Window <= 0 {
			continue
		}
		sum[p.Channel.Name] += *p.Mean * p.Window.Seconds()
		seconds[p.Channel.Name] += p.Window.Seconds()
		simulated = simulated || p.Channel.Simulated
	}
	if len(sum) == 0 {
		return nil, false
	}
	for name := range sum {
		sum[name] /= seconds[name]
	}
	return sum, simulated
}
