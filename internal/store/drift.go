package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Baseline is a set of reference cells that later runs are compared with.
type Baseline struct {
	Name      string
	Sweep     bench.SweepID
	Cells     []PinnedCell
	Tolerance float64 // the shift that is of no interest
	PinnedBy  string
	PinnedAt  time.Time
	Schedule  string // when it is measured again, in words; empty: when asked
}

// PinnedCell is one reference cell. Its calls are those of Epoch for ever, also
// when the cell is measured anew later.
type PinnedCell struct {
	Cell  bench.CellID `json:"cell"`
	Epoch int          `json:"epoch"`
	// Conditions are what it was measured under, as package drift writes them.
	Conditions json.RawMessage `json:"conditions"`
}

// DriftRun is a sweep that measures a baseline's cells again.
type DriftRun struct {
	Sweep    bench.SweepID
	Name     string        // of the baseline
	Baseline bench.SweepID // of the baseline's cells
	At       time.Time
	Verdict  string // empty until compared
	// Report is as package drift writes it; nil until compared.
	Report     json.RawMessage
	ComparedAt *time.Time
	// AlarmTries counts how often somebody was told, or was to be;
	// AlarmedAt is set by the try that succeeded, AlarmOutcome says how the last
	// one went.
	AlarmTries   int
	AlarmedAt    *time.Time
	AlarmOutcome string
}

// PutBaseline pins reference cells under a name. The same pin again changes
// nothing; a name that is taken by others is refused.
func (s *Store) PutBaseline(ctx context.Context, b Baseline) error {
	doing := "pin baseline " + b.Name
	cells, err := json.Marshal(b.Cells)
	if err != nil {
		return wrap(doing, err)
	}
	tag, err := s.pool.Exec(ctx, `INSERT INTO baselines (name, sweep_id, cells, tolerance, pinned_by)
		VALUES ($1,$2,$3,$4,$5) ON CONFLICT (name) DO UPDATE SET tolerance = excluded.tolerance
		WHERE baselines.sweep_id = excluded.sweep_id AND baselines.cells = excluded.cells`,
		b.Name, b.Sweep, cells, b.Tolerance, clean(b.PinnedBy))
	if err != nil {
		return wrap(doing, err)
	}
	if tag.RowsAffected() == 0 {
		return fault.New(fault.Invalid, "", "choose another name, or unpin the earlier one first", "%s: the name is taken by other cells", doing)
	}
	return nil
}

const baselineColumns = `name, sweep_id, cells, tolerance, pinned_by, pinned_at, schedule`

// GetBaseline reads a baseline; ErrNotFound when there is none of that name.
func (s *Store) GetBaseline(ctx context.Context, name string) (Baseline, error) {
	doing := "read baseline " + name
	rows, err := s.pool.Query(ctx, `SELECT `+baselineColumns+` FROM baselines WHERE name = $1`, name)
	if err != nil {
		return Baseline{}, wrap(doing, err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Baseline])
	return b, wrap(doing, err)
}

// Baselines lists all baselines by name.
func (s *Store) Baselines(ctx context.Context) ([]Baseline, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+baselineColumns+` FROM baselines ORDER BY name`)
	if err != nil {
		return nil, wrap("list baselines", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Baseline])
	return out, wrap("list baselines", err)
}

// SetBaselineSchedule records in words when a baseline is measured again.
func (s *Store) SetBaselineSchedule(ctx context.Context, name, schedule string) error {
	tag, err := s.pool.Exec(ctx, `UPDATE baselines SET schedule = $2 WHERE name = $1`, name, clean(schedule))
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return wrap("record schedule of baseline "+name, err)
}

// DeleteBaseline forgets a baseline; its cells and its runs stay.
func (s *Store) DeleteBaseline(ctx context.Context, name string) error {
	tag, err := s.pool.Exec(ctx, `DELETE FROM baselines WHERE name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return wrap("forget baseline "+name, err)
}

// PutDriftRun records that a stored sweep measures a baseline again. The same
// run again changes nothing.
func (s *Store) PutDriftRun(ctx context.Context, r DriftRun) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO drift_runs (sweep_id, name, baseline, at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (sweep_id) DO NOTHING`, r.Sweep, r.Name, r.Baseline, r.At)
	return wrap("record drift run "+string(r.Sweep), err)
}

const driftColumns = `sweep_id, name, baseline, at, verdict, report, compared_at, alarm_tries, alarmed_at, alarm_outcome`

// GetDriftRun reads the drift run that a sweep is; ErrNotFound when it is none.
func (s *Store) GetDriftRun(ctx context.Context, sweep bench.SweepID) (DriftRun, error) {
	doing := "read drift run " + string(sweep)
	rows, err := s.pool.Query(ctx, `SELECT `+driftColumns+` FROM drift_runs WHERE sweep_id = $1`, sweep)
	if err != nil {
		return DriftRun{}, wrap(doing, err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[DriftRun])
	return r, wrap(doing, err)
}

// DriftRuns lists a baseline's runs, newest first.
func (s *Store) DriftRuns(ctx context.Context, name string) ([]DriftRun, error) {
	doing := "list drift runs of " + name
	rows, err := s.pool.Query(ctx, `SELECT `+driftColumns+` FROM drift_runs WHERE name = $1 ORDER BY at DESC, sweep_id`, name)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DriftRun])
	return out, wrap(doing, err)
}

// SetDriftReport records what a comparison found; a later one takes its place.
func (s *Store) SetDriftReport(ctx context.Context, sweep bench.SweepID, verdict string, report json.RawMessage) error {
	tag, err := s.pool.Exec(ctx, `UPDATE drift_runs SET verdict = $2, report = $3, compared_at = now() WHERE sweep_id = $1`,
		sweep, verdict, report)
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return wrap("record comparison of drift run "+string(sweep), err)
}

// SetDriftAlarm records how a try to tell somebody went. Once told, a run stays
// so.
func (s *Store) SetDriftAlarm(ctx context.Context, sweep bench.SweepID, told bool, outcome string) error {
	_, err := s.pool.Exec(ctx, `UPDATE drift_runs SET alarm_tries = alarm_tries + 1, alarm_outcome = $3,
		alarmed_at = CASE WHEN $2 THEN coalesce(alarmed_at, now()) ELSE alarmed_at END WHERE sweep_id = $1`,
		sweep, told, clean(outcome))
	return wrap("record alarm of drift run "+string(sweep), err)
}
