package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// defaultLease is how long a silent worker keeps its host's name where the
// settings do not say.
const defaultLease = 30 * time.Second

// lease is the right to measure under a host's name, over all machines. The
// operating system's lock beside it keeps two workers of one machine apart when
// the database is away; the lease keeps machines apart, and what a worker writes
// that lost it unnoticed is refused by the database itself.
type lease struct {
	store *store.Store
	log   *slog.Logger
	host  string
	epoch int64
	lasts time.Duration
	share bool // others may measure on this machine under other names
	// before is who held the name last; its Epoch is 0 where nobody did.
	before store.Lease
	// turned is when the loop last came round, since began, by the monotonic clock.
	began  time.Time
	turned atomic.Int64
	stop   context.CancelFunc
	ended  chan struct{}
}

// takeLease makes this process the holder of a host's name. A holder of this
// machine whose process is dead is followed at once; one of another boot of it
// once it did not renew its lease when it was to; one that is silent is waited
// for until its lease is over; one that renews its lease meanwhile is alive, and
// then it is refused.
func (a *App) takeLease(ctx context.Context, host string) (*lease, error) {
	me, err := ownIdentity(ctx, host)
	if err != nil {
		return nil, err
	}
	l := &lease{
		store: a.Store, log: a.Log, host: host, lasts: a.Settings.Worker.LeaseTimeout,
		share: a.Settings.Worker.ShareMachine,
		began: time.Now(), stop: func() {}, ended: make(chan struct{}),
	}
	me.Exclusive = !l.share
	if l.lasts <= 0 {
		l.lasts = defaultLease
	}
	if err := l.waitAlone(ctx, me); err != nil {
		return nil, err
	}
	if err := l.take(ctx, me); err != nil {
		return nil, err
	}
	if err := l.cameFirst(ctx, me); err != nil {
		l.giveBack()
		return nil, err
	}
	return l, nil
}

// take waits for the name until it is ours or seen to be another's.
func (l *lease) take(ctx context.Context, me store.Lease) error {
	var first store.Lease
	for {
		before, err := l.store.GetLease(ctx, l.host)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		dead := int64(0)
		why := holderIsDead(ctx, before, me)
		if why != "" {
			dead = before.Epoch
		}
		if before.Epoch == 0 || before.Free() || dead > 0 {
			epoch, err := l.store.TakeLease(ctx, me, l.lasts, dead)
			if err == nil {
				l.epoch, l.before = epoch, before
				l.tellTaken(why)
				return nil
			}
			if fault.CodeOf(err) != fault.CodeHostTaken {
				return err
			}
			continue // another one was faster; look who it is
		}
		switch {
		case first.Epoch == 0:
			first = before
			l.log.Info("the host's name is another worker's; waiting whether it lives", "host", l.host, "holder", nameOf(before),
				"silent", before.Silent.Round(time.Second).String(), "until_free", before.Left.Round(time.Second).String())
		case before.Epoch != first.Epoch || before.RenewedAt.After(first.RenewedAt):
			return taken(before)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(max(before.Left, 50*time.Millisecond), time.Second)):
		}
	}
}

func (l *lease) tellTaken(why string) {
	if l.before.Epoch == 0 || l.before.Released {
		l.log.Info("lease of the host's name taken", "host", l.host, "lease", l.epoch)
		return
	}
	if why == "" {
		why = fmt.Sprintf("it was silent for %s", l.before.Silent.Round(time.Second))
	}
	l.log.Warn("lease of the host's name taken over", "host", l.host, "lease", l.epoch, "from", nameOf(l.before), "since", why)
}

// nameOf describes a holder for people.
func nameOf(h store.Lease) string {
	return fmt.Sprintf("process %d on %s (%s), which took it at %s", h.PID, h.Hostname, h.Build, h.TakenAt.UTC().Format(time.RFC3339))
}

// taken refuses a host whose worker is alive. Another name is no mend on the
// machine that it measures.
func taken(h store.Lease) error {
	return fault.New(fault.Unavailable, fault.CodeHostTaken,
		fmt.Sprintf("stop that worker (on %s: systemctl stop wattsweep-worker, wattsweep down, or end process %d), "+
			"or, on a machine of its own, give this one another --host", h.Hostname, h.PID),
		"host %s is measured by another worker: %s; it renewed its lease %s ago", h.Host, nameOf(h), h.Silent.Round(time.Second))
}

// look begins to look after the lease; lost is called when another worker took
// it.
func (l *lease) look(lost func(error)) {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	go l.keep(ctx, lost)
}

// keep renews the lease every third of its time until release. A database
// that is away loses nothing: nobody else can take the lease from it, and no
// call can be stored.
func (l *lease) keep(ctx context.Context, lost func(error)) {
	defer close(l.ended)
	tick := time.NewTicker(l.lasts / 3)
	defer tick.Stop()
	failing := false
	for {
		l.turned.Store(int64(time.Since(l.began)))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, l.lasts/3)
		err := l.store.RenewLease(within, l.host, l.epoch, l.lasts)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case fault.CodeOf(err) == fault.CodeLeaseLost:
			lost(err)
			return
		case err != nil && !failing:
			l.log.Warn("lease could not be renewed; it is tried on", "host", l.host, "error", err.Error())
		case err == nil && failing:
			l.log.Info("lease renewed again", "host", l.host)
		}
		failing = err != nil
	}
}

// stuck tells that the loop that renews the lease does not come round, with what
// it asks of the database bounded.
func (l *lease) stuck() error {
	silent := time.Since(l.began) - time.Duration(l.turned.Load())
	if silent <= 2*l.lasts {
		return nil
	}
	return fmt.Errorf("the lease of host %s was not looked after for %s", l.host, silent.Round(time.Second))
}

// release gives the name back.
func (l *lease) release() {
	l.stop()
	<-l.ended
	l.giveBack()
}

func (l *lease) giveBack() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := l.store.ReleaseLease(ctx, l.host, l.epoch); err != nil {
		l.log.Warn("lease not given back; it runs out by itself", "host", l.host, "error", err.Error())
	}
}
