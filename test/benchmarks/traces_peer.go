package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace/tracetest"
)

// copyRows writes the same samples to the peer.
func (t *traceBench) copyRows(ctx context.Context, one tracetest.Trace, no int) error {
	width := len(one.Channels)
	_, err := t.sql.CopyFrom(ctx, pgx.Identifier{"samples"}, []string{"series", "channel", "at_ns", "value", "state", "reason"},
		pgx.CopyFromSlice(one.Samples(), func(i int) ([]any, error) {
			r := one.Ticks[i/width][i%width]
			return []any{int32(no), int16(i % width), int64(r.At), r.Value, int16(r.State), int16(r.Reason)}, nil //nolint:gosec // small numbers
		}))
	if err != nil {
		return fmt.Errorf("copy samples: %w", err)
	}
	return nil
}

// readRows reads them back, into lists by channel.
func (t *traceBench) readRows(ctx context.Context, no, want int) error {
	rows, err := t.sql.Query(ctx, `SELECT channel, at_ns, value, state, reason FROM samples WHERE series = $1`, no)
	if err != nil {
		return fmt.Errorf("read samples: %w", err)
	}
	var channel, state, reason int16
	byChannel := map[int16][]bench.Reading{}
	n := 0
	var r bench.Reading
	_, err = pgx.ForEachRow(rows, []any{&channel, &r.At, &r.Value, &state, &reason}, func() error {
		r.State, r.Reason = bench.ReadingState(state), uint8(reason) //nolint:gosec // as they were written
		byChannel[channel] = append(byChannel[channel], r)
		n++
		return nil
	})
	if err == nil && n != want {
		err = fmt.Errorf("read %d samples, stored %d", n, want)
	}
	return err
}
