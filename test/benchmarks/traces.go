package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/tracetest"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// traceBench stores traces in a schema of its own, beside the peer: a table
// with a row for each sample and no index, filled by COPY.
type traceBench struct {
	store *store.Store
	sql   *pgx.Conn
	cell  bench.CellID
}

// recordedWindows is how many phase windows of two minutes the recorded traces
// fill: two hours of a sweep. Empty tables take a third of a megabyte for good,
// which weighs the more the less they hold.
const recordedWindows = 60

// earlyWindows is when the bytes are told besides, in the note.
const earlyWindows = 24

// traces measures what stored traces take, and how fast they are written and
// read, against one row for each sample.
func traces(ctx context.Context) (rows []Row, err error) {
	t, done, err := newTraceBench(ctx, os.Getenv(storetest.EnvDSN))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	recorded, err := tracetest.Recorded()
	if err != nil {
		return nil, err
	}
	measured, err := t.recordedBytes(ctx, recorded)
	if err != nil {
		return nil, err
	}
	rest, err := t.rates(ctx, tracetest.Simulated(1, 3, 12_000, 50*time.Millisecond))
	return append(measured, rest...), err
}

func newTraceBench(ctx context.Context, dsn string) (*traceBench, func() error, error) {
	name := "bench_traces_" + strconv.FormatInt(time.Now().UnixNano(), 36)
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("read database address: %w", err)
	}
	cfg.RuntimeParams["search_path"] = name
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	if _, err := conn.Exec(ctx, "CREATE SCHEMA "+name); err != nil {
		return nil, nil, fmt.Errorf("make schema: %w", err)
	}
	s, err := store.Open(ctx, store.Options{DSN: dsn, SearchPath: name})
	if err != nil {
		return nil, nil, err
	}
	t := &traceBench{store: s, sql: conn, cell: "bench-traces"}
	done := func() error {
		s.Close()
		_, err := conn.Exec(context.WithoutCancel(ctx), "DROP SCHEMA "+name+" CASCADE")
		return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	if _, err := s.Migrate(ctx); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	plan := bench.Plan{Sweep: "bench-traces", Cells: []bench.Cell{{ID: t.cell, Sweep: "bench-traces", Seq: 1}}}
	if _, err := s.PutPlan(ctx, plan, func(bench.Cell) int { return 1 }); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	_, err = conn.Exec(ctx, `CREATE TABLE samples (series integer NOT NULL, channel smallint NOT NULL, at_ns bigint NOT NULL,
		value double precision, state smallint NOT NULL, reason smallint NOT NULL)`)
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return t, done, nil
}

// played is a trace that a recorder reads as if it were sampled now.
type played struct {
	trace tracetest.Trace
	now   time.Duration
}

// Meters gives the trace's meter.
func (p *played) Meters() []trace.Meter {
	return []trace.Meter{{Name: p.trace.Meter, Channels: p.trace.Channels, Interval: p.trace.Interval, Reasons: p.trace.Reasons}}
}

// Ticks visits what was sampled up to now.
func (p *played) Ticks(_ string, after int64, visit func(int64, []bench.Reading) bool) {
	from, _ := slices.BinarySearch(p.trace.Seq, after+1)
	for i := from; i < len(p.trace.Seq); i++ {
		if tick := p.trace.Ticks[i]; tick[0].At > p.now || !visit(p.trace.Seq[i], tick) {
			return
		}
	}
}

// Quality tells that nothing was lost.
func (p *played) Quality(meter string) bench.SamplingQuality {
	return bench.SamplingQuality{Meter: meter, Interval: p.trace.Interval, Samples: int64(len(p.trace.Seq))}
}

// record stores a trace as a window, as a worker does: each step what is
// pending, at the end the rest.
func (t *traceBench) record(ctx context.Context, one tracetest.Trace, no int, step time.Duration) error {
	source := &played{trace: one}
	key := bench.TraceKey{Cell: t.cell, Epoch: 1, Phase: bench.PhaseInference, Run: 1, No: no}
	r := trace.NewRecorder(source, key, time.Unix(1_795_000_000, 0), 0)
	end := one.Ticks[len(one.Ticks)-1][0].At
	put := func(batches []trace.Batch) error {
		for _, b := range batches {
			if err := t.store.PutTraces(ctx, store.TraceWrite(b)); err != nil {
				return err
			}
			r.Stored(b)
		}
		return nil
	}
	for source.now = step; source.now < end; source.now += step {
		if err := put(r.Pending(source.now)); err != nil {
			return err
		}
	}
	source.now = end
	return put(r.Finish(end))
}

// sizes gives the bytes of all trace tables with indexes and TOAST, and those
// of the peer.
func (t *traceBench) sizes(ctx context.Context) (traces, samples int64, err error) {
	err = t.sql.QueryRow(ctx, `SELECT pg_total_relation_size('trace_meters') + pg_total_relation_size('trace_series')
		+ pg_total_relation_size('trace_blocks')
		+ pg_total_relation_size('trace_tails'), pg_total_relation_size('samples')`).Scan(&traces, &samples)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for sizes: %w", err)
	}
	return traces, samples, nil
}

// stored is what storing recorded traces gave.
type stored struct {
	samples, seconds int
	spent            time.Duration
	early            string
}

// storeRecorded stores traces of a real machine second by second, window after
// window.
func (t *traceBench) storeRecorded(ctx context.Context, recorded []tracetest.Trace) (did stored, err error) {
	empty, _, err := t.sizes(ctx)
	if err != nil {
		return did, err
	}
	for no := range recordedWindows {
		began := time.Now()
		for _, one := range recorded {
			if err := t.record(ctx, one, no, time.Second); err != nil {
				return did, err
			}
			did.samples += one.Samples()
			did.seconds += int(one.Ticks[len(one.Ticks)-1][0].At / time.Second)
		}
		did.spent += time.Since(began)
		if err := t.vacuum(ctx); err != nil {
			return did, err
		}
		if no+1 != earlyWindows {
			continue
		}
		bytes, _, err := t.sizes(ctx)
		if err != nil {
			return did, err
		}
		did.early = fmt.Sprintf("%.2f B/sample after %d windows, of which empty tables are %.2f",
			float64(bytes)/float64(did.samples), earlyWindows, float64(empty)/float64(did.samples))
	}
	return did, nil
}

// recordedBytes holds the bytes of recorded traces against those of the peer.
func (t *traceBench) recordedBytes(ctx context.Context, recorded []tracetest.Trace) ([]Row, error) {
	did, err := t.storeRecorded(ctx, recorded)
	if err != nil {
		return nil, err
	}
	for no := range recordedWindows {
		for _, one := range recorded {
			if err := t.copyRows(ctx, one, no); err != nil {
				return nil, err
			}
		}
	}
	bytes, peer, err := t.sizes(ctx)
	if err != nil {
		return nil, err
	}
	count := float64(did.samples)
	return []Row{
		(Row{
			Name: "trace.bytes_recorded", Value: float64(bytes) / count, Unit: "B/sample",
			Note: fmt.Sprintf("recorded host and estimate meters at 50 ms, %d samples stored second by second in windows of two minutes; pg_total_relation_size of all trace tables, with rollups and indexes; vacuumed after each window, as autovacuum does every minute; %s", did.samples, did.early),
		}).against("row per sample, no index", float64(peer)/count).atMost(3),
		(Row{
			Name: "trace.bytes_ratio", Value: float64(bytes) / float64(peer), Unit: "of the peer's bytes",
			Note: "the same samples",
		}).atMost(0.2),
		{
			Name: "trace.store_second", Value: micros(did.spent) / float64(did.seconds), Unit: "µs", OK: true,
			Note: "a second of one meter: gather, encode, and commit to Postgres; beside the measuring loop",
		},
	}, nil
}

// vacuum does what autovacuum does every minute, which has no time to in a run
// that stores two minutes in a fraction of a second: it gives back the pieces of
// blocks that are full by now.
func (t *traceBench) vacuum(ctx context.Context) error {
	if _, err := t.sql.Exec(ctx, `VACUUM trace_tails, trace_blocks, trace_series`); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return nil
}

// rates writes and reads ten minutes of three made-up GPUs.
func (t *traceBench) rates(ctx context.Context, one tracetest.Trace) ([]Row, error) {
	const no = 1000
	before, beforePeer, err := t.sizes(ctx)
	if err != nil {
		return nil, err
	}
	count := float64(one.Samples())
	write, err := timed(func() error { return t.record(ctx, one, no, time.Hour) })
	if err != nil {
		return nil, err
	}
	writePeer, err := timed(func() error { return t.copyRows(ctx, one, no) })
	if err != nil {
		return nil, err
	}
	bytes, peerBytes, err := t.sizes(ctx)
	if err != nil {
		return nil, err
	}
	read, err := timed(func() error { return t.readTraces(ctx, one) })
	if err != nil {
		return nil, err
	}
	readPeer, err := timed(func() error { return t.readRows(ctx, no, one.Samples()) })
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%d samples of 30 simulated NVML channels", one.Samples())
	return []Row{
		(Row{
			Name: "trace.bytes_simulated_nvml", Value: float64(bytes-before) / count, Unit: "B/sample",
			Note: note + ", stored in full blocks, no vacuum",
		}).against("row per sample, no index", float64(peerBytes-beforePeer)/count).atMost(3),
		(Row{Name: "trace.write_rate", Value: count / write, Unit: "samples/s", OK: true, Note: note}).
			against("COPY, row per sample", count/writePeer),
		(Row{Name: "trace.write_time", Value: write / writePeer, Unit: "of the peer's time", Note: note + ": encode and commit"}).atMost(1),
		(Row{Name: "trace.read_rate", Value: count / read, Unit: "samples/s", OK: true, Note: note}).
			against("SELECT of all rows", count/readPeer),
		(Row{Name: "trace.read_time", Value: read / readPeer, Unit: "of the peer's time", Note: note + ": fetch and decode"}).atMost(1),
	}, nil
}

func timed(f func() error) (seconds float64, err error) {
	began := time.Now()
	err = f()
	return time.Since(began).Seconds(), err
}

func (t *traceBench) readTraces(ctx context.Context, one tracetest.Trace) error {
	n := 0
	err := t.store.Traces(ctx, store.TraceQuery{Cell: t.cell, Epoch: 1, Meter: one.Meter}, func(found store.Trace) error {
		s, err := trace.Load(found.Series, found.Blocks, nil)
		for _, readings := range s.Readings {
			n += len(readings)
		}
		return err
	})
	if err == nil && n != one.Samples() {
		err = fmt.Errorf("read %d samples, stored %d", n, one.Samples())
	}
	return err
}
