package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// PutCallReadings stores what each channel showed while each call ran, in the
// place of all that was stored of the cell's epoch before.
func (s *Store) PutCallReadings(ctx context.Context, cell bench.CellID, epoch int, readings []bench.CallReading) error {
	rows, channels := callRows(cell, epoch, readings)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		// Two writers take turns, so that neither finds half of the other's.
		batch.Queue(`SELECT pg_advisory_xact_lock(hashtext('call_readings/' || $1))`, string(cell))
		batch.Queue(`DELETE FROM call_readings WHERE cell_id = $1 AND epoch = $2`, cell, epoch)
		batch.Queue(`DELETE FROM call_channels WHERE cell_id = $1 AND epoch = $2`, cell, epoch)
		for i, c := range channels {
			batch.Queue(`INSERT INTO call_channels (cell_id, epoch, place, channel, unit) VALUES ($1,$2,$3,$4,$5)`,
				cell, epoch, i, c.Channel, c.Unit)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"call_readings"},
			[]string{"cell_id", "epoch", "run", "item", "place", "mean", "peak", "samples", "energy_j", "missing"},
			pgx.CopyFromRows(rows))
		return err
	})
	return wrap("store readings of calls of cell "+string(cell), err)
}

// callRows makes one row of each call's readings; channels holds one reading of
// each channel, in the order of their places.
func callRows(cell bench.CellID, epoch int, readings []bench.CallReading) (rows [][]any, channels []bench.CallReading) {
	sorted := slices.Clone(readings)
	slices.SortStableFunc(sorted, func(a, b bench.CallReading) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Item, b.Item))
	})
	places := map[string]int16{}
	for from := 0; from < len(sorted); {
		key := sorted[from].CallKey
		to := from + 1
		for to < len(sorted) && sorted[to].CallKey == key {
			to++
		}
		n := to - from
		place, samples := make([]int16, n), make([]int32, n)
		mean, peak, energy := make([]*float64, n), make([]*float64, n), make([]*float64, n)
		missing := make([]string, n)
		anyEnergy, anyMissing := false, false
		for i, r := range sorted[from:to] {
			at, known := places[r.Channel]
			if !known {
				at = int16(len(channels)) //nolint:gosec // a host has far fewer channels
				places[r.Channel] = at
				channels = append(channels, r)
			}
			place[i], samples[i] = at, int32(r.Samples) //nolint:gosec // of one call
			mean[i], peak[i], energy[i], missing[i] = r.Mean, r.Peak, r.EnergyJ, clean(r.Missing)
			anyEnergy, anyMissing = anyEnergy || r.EnergyJ != nil, anyMissing || r.Missing != ""
		}
		if !anyEnergy {
			energy = nil
		}
		if !anyMissing {
			missing = nil
		}
		rows = append(rows, []any{string(cell), epoch, key.Run, key.Item, place, mean, peak, samples, energy, missing})
		from = to
	}
	return rows, channels
}

// CallReadings reads what each channel showed while each call ran, in the order
// run, item, channel.
func (s *Store) CallReadings(ctx context.Context, cell bench.CellID, epoch int) ([]bench.CallReading, error) {
	doing := "read readings of calls of cell " + string(cell)
	rows, err := s.pool.Query(ctx, `SELECT r.run, r.item, c.channel, c.unit, u.mean, u.peak, u.samples, u.energy_j, coalesce(u.missing, '')
		FROM call_readings r
		CROSS JOIN LATERAL unnest(r.place, r.mean, r.peak, r.samples, r.energy_j, r.missing)
			WITH ORDINALITY AS u(place, mean, peak, samples, energy_j, missing, at)
		JOIN call_channels c ON c.cell_id = r.cell_id AND c.epoch = r.epoch AND c.place = u.place
		WHERE r.cell_id = $1 AND r.epoch = $2 ORDER BY r.run, r.item, u.at`, cell, epoch)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (bench.CallReading, error) {
		r := bench.CallReading{CallKey: bench.CallKey{Cell: cell}}
		err := row.Scan(&r.Run, &r.Item, &r.Channel, &r.Unit, &r.Mean, &r.Peak, &r.Samples, &r.EnergyJ, &r.Missing)
		return r, err
	})
	return out, wrap(doing, err)
}
