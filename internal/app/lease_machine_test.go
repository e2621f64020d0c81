package app

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// Two names are no way around the lock of a machine, unless both share it.
func TestOneWorkerPerMachine(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "locks")
	release, err := lockNames(folder, "gpu1", false, 0)
	require.NoError(t, err)
	for _, share := range []bool{false, true} {
		_, err = lockNames(folder, "gpu2", share, 0)
		require.ErrorContains(t, err, "host gpu2: this machine is already measured under the host name gpu1, process ")
		require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err))
		require.Contains(t, fault.HintOf(err), "worker.share_machine")
	}
	_, err = lockNames(folder, "gpu1", false, 0)
	require.ErrorContains(t, err, "host gpu1 is already measured")
	require.NotContains(t, fault.HintOf(err), "another host name")
	release()
	first, err := lockNames(folder, "gpu1", true, 0)
	require.NoError(t, err, "a refusal left no lock")
	second, err := lockNames(folder, "gpu2", true, 0)
	require.NoError(t, err, "both share the machine")
	_, err = lockNames(folder, "gpu3", false, 0)
	require.ErrorContains(t, err, "measured under other host names, by workers that share it")
	first()
	second()
	release, err = lockNames(folder, "gpu3", false, 0)
	require.NoError(t, err)
	release()
}

// here is a holder on this machine, in another space of processes.
func here(t *testing.T, host string) store.Lease {
	t.Helper()
	me, err := ownIdentity(t.Context(), host)
	require.NoError(t, err)
	if me.Machine == "" {
		t.Skip("this machine has no id of its own: leases tell no machines apart")
	}
	me.Holder, me.PIDSpace, me.PID, me.ProcStart = "other", "pid:[1]", 7, 1
	return me
}

func renewed(t *testing.T, s *store.Store, host string, epoch int64) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() {
		for ctx.Err() == nil {
			_ = s.RenewLease(ctx, host, epoch, time.Minute)
		}
	}()
}

func TestAMachineIsNotMeasuredUnderTwoNames(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	epoch, err := s.TakeLease(ctx, here(t, "gpu1"), time.Minute, 0)
	require.NoError(t, err)
	renewed(t, s, "gpu1", epoch)
	a := leasing(s, time.Minute)
	_, err = a.takeLease(ctx, "gpu2")
	require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err))
	require.ErrorContains(t, err, "host gpu2: this machine is already measured under the host name gpu1: process 7")
	_, err = s.GetLease(ctx, "gpu2")
	require.ErrorIs(t, err, store.ErrNotFound, "nothing was taken")

	a.Settings.Worker.ShareMachine = true
	_, err = a.takeLease(ctx, "gpu2")
	require.NoError(t, err)
}

// That one shares the machine does not let it begin beside one that does not.
func TestBothMustShareTheMachine(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	first := here(t, "gpu1")
	first.Exclusive = true
	epoch, err := s.TakeLease(ctx, first, time.Minute, 0)
	require.NoError(t, err)
	renewed(t, s, "gpu1", epoch)
	sharing := leasing(s, time.Minute)
	sharing.Settings.Worker.ShareMachine = true
	_, err = sharing.takeLease(ctx, "gpu2")
	require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err))
	require.ErrorContains(t, err, "already measured under the host name gpu1")

	require.NoError(t, s.ReleaseLease(ctx, "gpu1", epoch))
	_, err = sharing.takeLease(ctx, "gpu2")
	require.NoError(t, err)
	_, err = sharing.takeLease(ctx, "gpu3")
	require.NoError(t, err, "both share it")
	got, err := s.GetLease(ctx, "gpu2")
	require.NoError(t, err)
	require.False(t, got.Exclusive)
	require.NoError(t, s.ReleaseLease(ctx, "gpu3", 1))
	require.NoError(t, s.ReleaseLease(ctx, "gpu2", 1))
	_, err = leasing(s, time.Minute).takeLease(ctx, "gpu4")
	require.NoError(t, err)
	got, err = s.GetLease(ctx, "gpu4")
	require.NoError(t, err)
	require.True(t, got.Exclusive, "it tells what its settings say")
}

// Workers of other machines, of an earlier boot, dead ones and those that gave
// their name back are in nobody's way; a silent one is waited for.
func TestWhoIsNotInTheWay(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	_, err := s.TakeLease(ctx, other("far"), time.Minute, 0)
	require.NoError(t, err)
	booted := here(t, "before")
	booted.BootID = "of before"
	_, err = s.TakeLease(ctx, booted, time.Minute, 0)
	require.NoError(t, err)
	gone := here(t, "given-back")
	epoch, err := s.TakeLease(ctx, gone, time.Minute, 0)
	require.NoError(t, err)
	require.NoError(t, s.ReleaseLease(ctx, gone.Host, epoch))
	silent := here(t, "silent")
	_, err = s.TakeLease(ctx, silent, 1500*time.Millisecond, 0)
	require.NoError(t, err)
	began := time.Now()
	_, err = leasing(s, time.Minute).takeLease(ctx, "h")
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), time.Second, "its lease was waited for")
}

// Of two that begin together the first stays.
func TestTheFirstOfTwoNamesStays(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	take := func(host string) *lease {
		l := &lease{store: s, log: leasing(s, 0).Log, host: host, lasts: time.Minute}
		require.NoError(t, l.take(ctx, here(t, host)), "neither saw the other before")
		return l
	}
	first, second := take("gpu1"), take("gpu2")
	came := func(l *lease) error {
		me, err := ownIdentity(ctx, l.host) // which cannot see the processes of the other
		require.NoError(t, err)
		return l.cameFirst(ctx, me)
	}
	require.NoError(t, came(first))
	require.ErrorContains(t, came(second), "under the host name gpu1")
}
