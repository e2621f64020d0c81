package app

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

func leasing(s *store.Store, lasts time.Duration) *App {
	return &App{
		Store: s, Log: slog.New(slog.DiscardHandler),
		Settings: config.Settings{Worker: config.WorkerSettings{LeaseTimeout: lasts}},
	}
}

// other is a holder on another machine.
func other(host string) store.Lease {
	return store.Lease{Host: host, Holder: "other", Machine: "elsewhere", Hostname: "elsewhere", BootID: "b", PID: 7, Build: "test"}
}

func TestLiveWorkerElsewhereIsLeftAlone(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	epoch, err := s.TakeLease(ctx, other("h"), time.Minute, 0)
	require.NoError(t, err)
	renewing, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for renewing.Err() == nil {
			_ = s.RenewLease(renewing, "h", epoch, time.Minute)
		}
	}()
	_, err = leasing(s, time.Minute).takeLease(ctx, "h")
	require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err))
	require.ErrorContains(t, err, "host h is measured by another worker: process 7 on elsewhere (test), which took it at ")
	require.Contains(t, fault.HintOf(err), "--host")
}

func TestSilentWorkerElsewhereIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	epoch, err := s.TakeLease(ctx, other("h"), 1500*time.Millisecond, 0)
	require.NoError(t, err)
	began := time.Now()
	l, err := leasing(s, time.Minute).takeLease(ctx, "h")
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), time.Second, "its lease was waited for")
	require.Equal(t, epoch+1, l.epoch)
	require.Equal(t, "other", l.before.Holder)
}

// A worker of this machine that was killed is followed at once, and one of an
// earlier boot once it is silent for long enough; one that lives, or that this
// process cannot see, is not.
func TestWhoIsDead(t *testing.T) {
	t.Parallel()
	me, err := ownIdentity(t.Context(), "h")
	require.NoError(t, err)
	if me.Machine == "" || me.PIDSpace == "" {
		t.Skip("this machine has no id of its own, or no spaces of processes: holders are judged by silence alone")
	}
	child := exec.CommandContext(t.Context(), "sleep", "600")
	require.NoError(t, child.Start())
	start, alive, err := ProcessStart(int32(child.Process.Pid)) //nolint:gosec // a pid fits
	require.NoError(t, err)
	require.True(t, alive)
	holder := me
	holder.Epoch, holder.PID, holder.ProcStart = 3, int64(child.Process.Pid), start
	judge := func(change func(*store.Lease)) string {
		h := holder
		change(&h)
		return holderIsDead(t.Context(), h, me)
	}
	same := func(*store.Lease) {}
	require.Empty(t, judge(same), "it lives")
	require.Equal(t, "its process is gone", judge(func(h *store.Lease) { h.ProcStart++ }), "the number is another process's now")
	require.NoError(t, child.Process.Kill())
	require.Eventually(t, func() bool { return judge(same) == "its process is gone" }, 20*time.Second, 5*time.Millisecond, "a zombie is dead")
	_ = child.Wait()
	require.Equal(t, "its process is gone", judge(same))
	rebooted := func(silent, left time.Duration) func(*store.Lease) {
		return func(h *store.Lease) { h.BootID, h.Silent, h.Left = "of before", silent, left }
	}
	require.Equal(t, "the machine was started anew", judge(rebooted(21*time.Second, 9*time.Second)))
	require.Empty(t, judge(rebooted(19*time.Second, 11*time.Second)), "a copy of this machine may be about to renew its lease")
	require.Empty(t, judge(func(h *store.Lease) { h.Machine = "another" }))
	require.Empty(t, judge(func(h *store.Lease) { h.Machine, h.BootID = "", "of before" }), "a machine without an id is never known again")
	require.Empty(t, judge(func(h *store.Lease) { h.PIDSpace = "pid:[1]" }), "a container's numbers are its own")
	require.Empty(t, judge(func(h *store.Lease) { h.Epoch = 0 }))
}

// Copies of a virtual machine share its id and name. The second is refused while
// the first renews its lease, which belongs to another boot of "this" machine.
func TestCloneOfAMachineIsLeftAlone(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	me, err := ownIdentity(ctx, "h")
	require.NoError(t, err)
	if me.Machine == "" {
		t.Skip("this machine has no id of its own: it takes no other for itself")
	}
	clone := other("h")
	clone.Machine, clone.Hostname, clone.BootID = me.Machine, me.Hostname, "the copy's"
	const lasts = 6 * time.Second
	epoch, err := s.TakeLease(ctx, clone, lasts, 0)
	require.NoError(t, err)
	renewing, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for tick := time.NewTicker(lasts / 6); renewing.Err() == nil; <-tick.C {
			_ = s.RenewLease(renewing, "h", epoch, lasts)
		}
	}()
	_, err = leasing(s, lasts).takeLease(ctx, "h")
	require.Equal(t, fault.CodeHostTaken, fault.CodeOf(err))
	stop()
	l, err := leasing(s, lasts).takeLease(ctx, "h")
	require.NoError(t, err)
	require.Equal(t, epoch+1, l.epoch, "a machine that was started anew follows itself before its lease is over")
	require.Positive(t, l.before.Left)
}

func TestMachineOf(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "machine-id")
	require.NoError(t, os.WriteFile(path, []byte("0123456789abcdef\n"), 0o600))
	here := machineOf([]string{"/nowhere", path}, "gpu1")
	require.Len(t, here, 16)
	require.NotContains(t, here, "0123456789")
	require.Equal(t, here, machineOf([]string{path}, "gpu1"))
	require.NotEqual(t, here, machineOf([]string{path}, "gpu2"), "copies of an image share the id, not the name")
	require.Empty(t, machineOf([]string{"/nowhere"}, "gpu1"))
}

// The lease is renewed; a holder that was away too long is told that it lost.
func TestLeaseIsKeptAndLost(t *testing.T) {
	t.Parallel()
	s, ctx := storetest.New(t), t.Context()
	l, err := leasing(s, 600*time.Millisecond).takeLease(ctx, "h")
	require.NoError(t, err)
	lost := make(chan error, 1)
	l.look(func(err error) { lost <- err })
	first, err := s.GetLease(ctx, "h")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, err := s.GetLease(ctx, "h")
		return err == nil && now.RenewedAt.After(first.RenewedAt)
	}, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, l.stuck())
	_, err = s.TakeLease(ctx, other("h"), time.Minute, l.epoch)
	require.NoError(t, err)
	select {
	case err := <-lost:
		require.Equal(t, fault.CodeLeaseLost, fault.CodeOf(err))
	case <-time.After(20 * time.Second):
		t.Fatal("the loss was not told")
	}
	l.release()
	now, err := s.GetLease(ctx, "h")
	require.NoError(t, err)
	require.Equal(t, []any{"other", false}, []any{now.Holder, now.Released}, "another's lease is left alone")
	l.began = l.began.Add(-time.Hour)
	require.ErrorContains(t, l.stuck(), "was not looked after")
}

func TestReleasedLeaseIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a := leasing(s, time.Hour)
	for epoch := range int64(3) {
		l, err := a.takeLease(t.Context(), "h")
		require.NoError(t, err)
		require.Equal(t, epoch+1, l.epoch)
		l.look(func(error) {})
		l.release()
	}
}

func TestInHand(t *testing.T) {
	t.Parallel()
	o := store.Owned{Cell: "c1", Name: "night", Model: "llama3", Attempt: 1, Stage: "load"}
	require.Equal(t, "cell c1 of sweep night (llama3), try 1, stage load: no call was made yet", inHand(o))
	o.Stage, o.Run, o.Items, o.Done, o.Cut, o.Segments = "infer", 3, 60, 42, 1, 3
	require.Equal(t, "cell c1 of sweep night (llama3), try 1, stage infer: run 3, 42 of 60 calls are stored, 1 was cut; it goes on as segment 4", inHand(o))
}

// An activity that ends is none of the watch's business, however long it took;
// one that should have ended is, once patience is over.
func TestWatchSeesWhatHangs(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWatch(10 * time.Second)
	w.now = func() time.Time { return now }
	ctx, cancel := context.WithCancel(t.Context())
	_, leave := w.enter(ctx, "Infer")
	now = now.Add(10 * time.Hour)
	require.NoError(t, w.stuck())
	cancel()
	require.NoError(t, w.stuck(), "seen now for the first time")
	now = now.Add(69 * time.Second)
	require.NoError(t, w.stuck(), "it may finish its call")
	now = now.Add(2 * time.Second)
	require.ErrorContains(t, w.stuck(), "Infer was to end")
	require.Error(t, (&Worker{watch: w}).Alive())
	leave()
	require.NoError(t, w.stuck())
	require.NoError(t, (&Worker{watch: w}).Alive())
}

// A call may last longer than a stopping worker waits: an activity that was
// cancelled finishes it, and the watch knows.
func TestWatchLetsACallBeFinished(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWatch(30 * time.Second)
	w.now = func() time.Time { return now }
	ctx, cancel := context.WithCancel(t.Context())
	minded, leave := w.enter(ctx, "Infer")
	defer leave()
	w.finishes(minded, 5*time.Minute)
	w.finishes(t.Context(), time.Hour) // of nobody whom it watches
	cancel()
	require.NoError(t, w.stuck())
	now = now.Add(91 * time.Second)
	require.NoError(t, w.stuck(), "its call may last five minutes")
	now = now.Add(298 * time.Second)
	require.NoError(t, w.stuck())
	now = now.Add(2 * time.Second)
	require.ErrorContains(t, w.stuck(), "Infer was to end")
}

func TestProcessStart(t *testing.T) {
	t.Parallel()
	start, alive, err := ProcessStart(int32(os.Getpid())) //nolint:gosec // a pid fits
	require.NoError(t, err)
	require.True(t, alive)
	require.Positive(t, start)
	again, _, err := ProcessStart(int32(os.Getpid())) //nolint:gosec // see above
	require.NoError(t, err)
	require.Equal(t, start, again)
}
