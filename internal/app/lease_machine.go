package app

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

// A machine that is measured under two host names is measured twice at once, as
// by containers or users whose locks lie in different folders. The leases show
// it, where both tell the same machine and boot.

// othersHere lists live leases of this machine under other names that are in the
// way: of workers that share it only those that want it for themselves.
func (l *lease) othersHere(ctx context.Context, me store.Lease) ([]store.Lease, error) {
	if me.Machine == "" {
		return nil, nil
	}
	all, err := l.store.Leases(ctx)
	if err != nil {
		return nil, err
	}
	var out []store.Lease
	for _, h := range all {
		if l.share && !h.Exclusive {
			continue
		}
		if h.Host != me.Host && h.Epoch > 0 && !h.Free() && h.Machine == me.Machine && h.BootID == me.BootID && holderIsDead(ctx, h, me) == "" {
			out = append(out, h)
		}
	}
	return out, nil
}

// waitAlone waits until nobody measures on this machine under another name, and
// refuses once one is seen to be alive: it renews its lease.
func (l *lease) waitAlone(ctx context.Context, me store.Lease) error {
	seen := map[string]store.Lease{}
	for {
		others, err := l.othersHere(ctx, me)
		if err != nil || len(others) == 0 {
			return err
		}
		wait := time.Second
		for _, h := range others {
			first, again := seen[h.Host]
			if again && (h.Epoch != first.Epoch || h.RenewedAt.After(first.RenewedAt)) {
				return measuredAs(h, me)
			}
			if !again {
				seen[h.Host] = h
				l.log.Info("this machine is another host name's; waiting whether its worker lives", "host", l.host,
					"other", h.Host, "holder", nameOf(h), "until_free", h.Left.Round(time.Second).String())
			}
			wait = min(wait, max(h.Left, 50*time.Millisecond))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// cameFirst refuses when a worker of another name took its lease earlier, while
// this one waited for its own: of two that begin together the first stays.
func (l *lease) cameFirst(ctx context.Context, me store.Lease) error {
	others, err := l.othersHere(ctx, me)
	if err != nil || len(others) == 0 {
		return err
	}
	own, err := l.store.GetLease(ctx, l.host)
	if err != nil {
		return err
	}
	for _, h := range others {
		if h.TakenAt.Before(own.TakenAt) {
			return measuredAs(h, me)
		}
	}
	return nil
}

func measuredAs(h, me store.Lease) error {
	return fault.New(fault.Unavailable, fault.CodeHostTaken, alonehint,
		"host %s: this machine is already measured under the host name %s: %s; each would be in the other's figures", me.Host, h.Host, nameOf(h))
}
