package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Lease says which worker process measures under a host's name. Its times are
// the database's, whose clock is the only one that all workers share.
type Lease struct {
	Host string
	// Epoch numbers the holders of the name.
	Epoch int64
	// Holder is an id of the process's own.
	Holder string
	// Machine tells machines apart; Hostname is for people.
	Machine, Hostname string
	BootID            string
	// PIDSpace is the space of process ids that PID is of, ProcStart when the
	// process was started as its system counts: together they tell whether a
	// process of that number is still the holder.
	PIDSpace  string
	PID       int64
	ProcStart int64
	Build     string
	// Exclusive says that the holder shares its machine with nobody; false also
	// where it does not say, being of an earlier release.
	Exclusive bool
	TakenAt   time.Time
	RenewedAt time.Time
	// Left is how long the lease still lasts; not positive when it is over.
	Left time.Duration
	// Silent is how long it was not renewed.
	Silent   time.Duration
	Released bool
	// Now is the database's clock when the lease was read.
	Now time.Time
}

// Free tells whether anybody may take the name.
func (l Lease) Free() bool { return l.Released || l.Left <= 0 }

const leaseColumns = `host, epoch, holder, machine, hostname, boot_id, pid_space, pid, proc_start, build, taken_at, renewed_at,
	expires_at - clock_timestamp(), clock_timestamp() - renewed_at, released, clock_timestamp(), exclusive`

func scanLease(row pgx.CollectableRow) (Lease, error) {
	var l Lease
	err := row.Scan(&l.Host, &l.Epoch, &l.Holder, &l.Machine, &l.Hostname, &l.BootID, &l.PIDSpace, &l.PID, &l.ProcStart, &l.Build,
		&l.TakenAt, &l.RenewedAt, &l.Left, &l.Silent, &l.Released, &l.Now, &l.Exclusive)
	return l, err
}

// GetLease reads who holds a host's name; ErrNotFound when nobody ever did.
func (s *Store) GetLease(ctx context.Context, host string) (Lease, error) {
	doing := "read lease of host " + host
	rows, err := s.pool.Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE host = $1`, host)
	if err != nil {
		return Lease{}, wrap(doing, err)
	}
	l, err := pgx.CollectExactlyOneRow(rows, scanLease)
	return l, wrap(doing, err)
}

// Leases lists the leases of all hosts by name.
func (s *Store) Leases(ctx context.Context) ([]Lease, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+leaseColumns+` FROM leases ORDER BY host`)
	if err != nil {
		return nil, wrap("list leases", err)
	}
	out, err := pgx.CollectRows(rows, scanLease)
	return out, wrap("list leases", err)
}

// TakeLease makes want's process the holder of its host's name for a while, and
// gives its epoch. It does so when nobody holds the name, or when the holder is
// of the epoch dead, which the caller has seen to be so; 0 is nobody. Else it is
// refused as fault.CodeHostTaken. Writes of an earlier holder that are under way
// are waited for; later ones are refused.
func (s *Store) TakeLease(ctx context.Context, want Lease, lasts time.Duration, dead int64) (epoch int64, err error) {
	doing := "take lease of host " + want.Host
	taken := false
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// One after the other on a machine, so that of two which take different
		// names the later sees the earlier.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('machine/' || $1)) WHERE $1 <> ''`, want.Machine); err != nil {
			return err
		}
		// A row that nobody holds, so that two who are the first wait for each other.
		if _, err := tx.Exec(ctx, `INSERT INTO leases (host, epoch, holder, machine, hostname, boot_id, pid, expires_at, released)
			VALUES ($1, 0, '', '', '', '', 0, clock_timestamp(), true) ON CONFLICT DO NOTHING`, want.Host); err != nil {
			return err
		}
		// FOR UPDATE, which an update of these columns alone would not be: it
		// waits for hold_lease of the present holder.
		if err := tx.QueryRow(ctx, `SELECT epoch, released OR expires_at <= clock_timestamp() OR epoch = $2 FROM leases
			WHERE host = $1 FOR UPDATE`, want.Host, dead).Scan(&epoch, &taken); err != nil || !taken {
			return err
		}
		return tx.QueryRow(ctx, `UPDATE leases SET epoch = epoch + 1, holder = $2, machine = $3, hostname = $4, boot_id = $5,
			pid_space = $6, pid = $7, proc_start = $8, build = $9, taken_at = clock_timestamp(), renewed_at = clock_timestamp(),
			expires_at = clock_timestamp() + $10::interval, released = false, exclusive = $11 WHERE host = $1 RETURNING epoch`,
			want.Host, want.Holder, want.Machine, want.Hostname, want.BootID, want.PIDSpace, want.PID, want.ProcStart, want.Build,
			lasts, want.Exclusive).Scan(&epoch)
	})
	if err == nil && !taken {
		return 0, fault.New(fault.Unavailable, fault.CodeHostTaken, "stop the other worker, or, where it is on another machine, give this one another host name",
			"%s: another worker holds it", doing)
	}
	return epoch, wrap(doing, err)
}

// RenewLease makes a lease last for another while. A lease that ran out while
// nobody else took it is renewed, too: then nobody else measured. It is
// fault.CodeLeaseLost when another worker took the name over.
func (s *Store) RenewLease(ctx context.Context, host string, epoch int64, lasts time.Duration) error {
	doing := "renew lease of host " + host
	tag, err := s.pool.Exec(ctx, `UPDATE leases SET renewed_at = clock_timestamp(), expires_at = clock_timestamp() + $3::interval
		WHERE host = $1 AND epoch = $2 AND NOT released`, host, epoch, lasts)
	if err == nil && tag.RowsAffected() == 0 {
		return lostLease(doing, fmt.Sprintf("lease %d is another worker's now", epoch))
	}
	return wrap(doing, err)
}

// ReleaseLease gives the name back; a lease that is lost is left alone.
func (s *Store) ReleaseLease(ctx context.Context, host string, epoch int64) error {
	_, err := s.pool.Exec(ctx, `UPDATE leases SET released = true, expires_at = clock_timestamp() WHERE host = $1 AND epoch = $2`,
		host, epoch)
	return wrap("release lease of host "+host, err)
}

func lostLease(doing, why string) error {
	return fault.New(fault.Unavailable, fault.CodeLeaseLost,
		"nothing is to be done: the worker that took over goes on; end one of the two when both run on purpose", "%s: %s", doing, why)
}

// Owned is what a host's worker had in hand when it was last seen.
type Owned struct {
	Cell, Sweep, Name string // Name is the sweep's
	Model, Stage      string
	Attempt, Epoch    int
	// Run is the one that was measured last, 0 before the first; Items are the
	// calls of a run, Done those of Run that are stored, Cut those that were
	// begun and are not.
	Run, Items, Done, Cut int
	// Segments are those of Run so far; Open tells that the last has no end.
	Segments int
	Open     bool
	// Token and Runtime name the last load.
	Token string
	Rung  int
}

// OwnedBy finds the running cells of a host: one, or none.
func (s *Store) OwnedBy(ctx context.Context, host string) ([]Owned, error) {
	doing := "find what host " + host + " had in hand"
	rows, err := s.pool.Query(ctx, `SELECT c.id, c.sweep_id, w.name, c.model, c.stage, c.attempt, c.epoch, coalesce(g.run, 0), c.items,
		(SELECT count(*) FROM calls k WHERE k.cell_id = c.id AND k.epoch = c.epoch AND k.run = g.run),
		(SELECT count(DISTINCT b.item) FROM calls_begun b WHERE b.cell_id = c.id AND b.epoch = c.epoch AND b.run = g.run
			AND NOT EXISTS (SELECT FROM calls k WHERE k.cell_id = b.cell_id AND k.epoch = b.epoch AND k.run = b.run AND k.item = b.item)),
		coalesce(g.no, 0), g.run IS NOT NULL AND g.ended_at IS NULL, coalesce(l.token, ''), coalesce(l.rung, 0)
		FROM cells c JOIN sweeps w ON w.id = c.sweep_id
		LEFT JOIN LATERAL (SELECT run, no, ended_at FROM segments s WHERE s.cell_id = c.id AND s.epoch = c.epoch
			ORDER BY run DESC, no DESC LIMIT 1) g ON true
		LEFT JOIN LATERAL (SELECT token, rung FROM load_attempts a WHERE a.cell_id = c.id AND a.outcome = 'loaded'
			ORDER BY started_at DESC LIMIT 1) l ON true
		WHERE c.host = $1 AND c.state = 'running' ORDER BY c.started_at`, host)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Owned])
	return out, wrap(doing, err)
}

// Skew is how far a clock is ahead of the database's; negative is behind. Half
// the time that asking took is its doubt.
func (s *Store) Skew(ctx context.Context, now func() time.Time) (skew, doubt time.Duration, err error) {
	var theirs time.Time
	before := now()
	err = s.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs)
	took := now().Sub(before)
	if err != nil {
		return 0, 0, wrap("read the database's clock", err)
	}
	return before.Add(took / 2).Sub(theirs), took / 2, nil
}
