package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

var errLost = errors.New("the GPU is lost")

// frail is a meter that can hang or die where it is told to.
type frail struct {
	*metertest.Scripted
	hang           chan struct{} // Read and Characterise wait for it, where it is not nil
	hangsInWatch   bool
	dead           bool
	watched        atomic.Int64
	learned, rests atomic.Int64
	closed         atomic.Bool
}

func (m *frail) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.hang != nil {
		<-m.hang // as a call into a driver does, whatever ctx says
	}
	return m.Scripted.Read(ctx, now, dst)
}

func (m *frail) Characterise(context.Context, func() time.Duration) error {
	m.watched.Add(1)
	if m.hangsInWatch {
		<-m.hang
	}
	if m.dead {
		return errLost
	}
	return nil
}

func (m *frail) Learn() { m.learned.Add(1) }
func (m *frail) Rest()  { m.rests.Add(1) }

func (m *frail) Close() error {
	m.closed.Store(true)
	return m.Scripted.Close()
}

// ward is a pool of two sources with one frail meter each; every opening takes
// the next of made.
type ward struct {
	*MeterPool
	now  time.Time
	made []*frail
	next func(m *frail)
}

func newWard() *ward {
	w := &ward{now: time.Unix(1_000_000, 0), next: func(*frail) {}}
	w.MeterPool = NewMeterPool(MeterPoolOptions{Now: func() time.Time { return w.now }})
	w.sources = func(bench.MeterConfig) []source {
		return []source{
			one("nvml", func(context.Context) (meters.Meter, error) {
				m := &frail{Scripted: metertest.NewScripted(metertest.Script{Name: "nvml", Power: metertest.Constant(100)})}
				w.next(m)
				w.made = append(w.made, m)
				return m, nil
			}),
			one("plug.desk", func(context.Context) (meters.Meter, error) {
				return metertest.NewScripted(metertest.Script{Name: "plug.desk", Power: metertest.Constant(50)}), nil
			}),
		}
	}
	w.fresh = func(bench.MeterConfig, runtimes.Runtime) []source { return nil }
	return w
}

func (w *ward) stage(t *testing.T) (open []meters.Meter, missing []string) {
	t.Helper()
	open, missing, err := w.Open(t.Context(), wall(), nil)
	require.NoError(t, err)
	return open, missing
}

// A source is watched before its first stage, by whom ever it was opened, and
// not again until it was opened anew or an hour is over.
func TestOpenWatchesWhatWasNotWatched(t *testing.T) {
	t.Parallel()
	w := newWard()
	for range 3 {
		open, _ := w.stage(t)
		closeEach(t, open)
	}
	require.EqualValues(t, 1, w.made[0].watched.Load(), "as after a restart of the worker, which has no Inspect")
	require.EqualValues(t, 3, w.made[0].learned.Load(), "what earlier stages showed is used by each")
	require.EqualValues(t, 3, w.made[0].rests.Load(), "a meter knows that its stage is over")
	w.now = w.now.Add(characterStands)
	open, _ := w.stage(t)
	closeEach(t, open)
	require.EqualValues(t, 2, w.made[0].watched.Load())

	// doctor --quick and meters look without watching.
	w = newWard()
	open, _, err := w.Borrow(t.Context(), wall(), nil)
	require.NoError(t, err)
	closeEach(t, open)
	require.Zero(t, w.made[0].watched.Load())
}

// A meter that fails while it is watched is missing in this stage alone, fails
// nothing else, and is opened anew for the next.
func TestMeterThatDiesWhileItIsWatched(t *testing.T) {
	t.Parallel()
	w := newWard()
	w.next = func(m *frail) { m.dead = true }
	open, missing := w.stage(t)
	require.Equal(t, []string{"plug.desk"}, names(open))
	require.Len(t, missing, 1)
	require.Contains(t, missing[0], "nvml: ")
	require.Contains(t, missing[0], "the GPU is lost")
	closeEach(t, open)
	// Inspect watches first: that fails for the meter, not for the caller.
	w.now = w.now.Add(2 * characterStands)
	err := w.Characterise(t.Context(), wall(), nil, w.Clock().Now)
	require.True(t, isMissing(err), "%v", err)
	w.next = func(*frail) {}
	open, missing = w.stage(t)
	require.Empty(t, missing)
	require.Equal(t, []string{"nvml", "plug.desk"}, names(open))
	closeEach(t, open)
	require.Len(t, w.made, 3)
	require.True(t, w.made[0].closed.Load())
	require.True(t, w.made[1].closed.Load())

	// The end of the caller is none of the meter.
	w.now = w.now.Add(2 * characterStands)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.made[2].dead = true
	_, _, err = w.Open(ctx, wall(), nil)
	require.ErrorIs(t, err, context.Canceled)
	w.made[2].dead = false
	open, missing = w.stage(t)
	require.Empty(t, missing)
	closeEach(t, open)
	require.Len(t, w.made, 3)
}

// A meter whose read hangs was abandoned by its sampler. It comes back when its
// read did; until then the others measure on.
func TestMeterThatHangs(t *testing.T) {
	t.Parallel()
	w := newWard()
	hang := make(chan struct{})
	w.next = func(m *frail) { m.hang = hang }
	open, _ := w.stage(t)
	returned := make(chan error)
	entered := make(chan struct{})
	go func() {
		dst := make([]bench.Reading, 2)
		close(entered)
		returned <- open[0].Read(context.Background(), func() time.Duration { return time.Second }, dst)
	}()
	<-entered
	for open[0].(*lentMeter).from.calls.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	closeEach(t, open) // as after Sampler.Stop, which gave it up
	for range 2 {
		open, missing := w.stage(t)
		require.Equal(t, []string{"plug.desk"}, names(open), "the pool is free, the meter is not")
		require.Len(t, missing, 1)
		require.Contains(t, missing[0], "has not returned")
		closeEach(t, open)
	}
	require.Len(t, w.made, 1)
	require.False(t, w.made[0].closed.Load(), "nothing is closed under a call")
	require.ErrorContains(t, w.Close(), "nvml")
	w.next = func(*frail) {}
	close(hang)
	require.NoError(t, <-returned)
	open, missing := w.stage(t)
	require.Empty(t, missing)
	require.Equal(t, []string{"nvml", "plug.desk"}, names(open))
	require.Len(t, w.made, 2)
	require.True(t, w.made[0].closed.Load())
	closeEach(t, open)
	require.NoError(t, w.Close())
}

// Watching is bounded, for a driver that hangs in it, too.
func TestWatchingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard()
		hang := make(chan struct{})
		w.next = func(m *frail) { m.hang, m.hangsInWatch = hang, true }
		begun := time.Now()
		open, missing := w.stage(t)
		require.LessOrEqual(t, time.Since(begun), time.Minute)
		require.Equal(t, []string{"plug.desk"}, names(open))
		require.Len(t, missing, 1)
		closeEach(t, open)
		close(hang)
		synctest.Wait()
		w.next = func(*frail) {}
		open, missing = w.stage(t)
		require.Empty(t, missing)
		require.Len(t, open, 2)
		closeEach(t, open)
	})
}

// Opening is bounded as well: a driver may hang there.
func TestOpeningIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWard()
		hang := make(chan struct{})
		w.next = func(*frail) { <-hang }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err := w.Open(ctx, wall(), nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		open, missing := w.stage(t)
		require.Equal(t, []string{"plug.desk"}, names(open))
		require.Contains(t, missing[0], "nvml")
		closeEach(t, open)
		close(hang)
		synctest.Wait()
		require.True(t, w.made[0].closed.Load(), "nobody waits for it any more")
		w.next = func(*frail) {}
		open, missing = w.stage(t)
		require.Empty(t, missing)
		require.Len(t, open, 2)
		closeEach(t, open)
	})
}

// slowRuntime is asked for its processes when it is closed already.
type slowRuntime struct {
	runtimes.Runtime
	asked  chan struct{}
	closed atomic.Bool
	late   atomic.Bool
}

func (r *slowRuntime) Processes(ctx context.Context) ([]int32, error) {
	close(r.asked)
	<-ctx.Done()
	r.late.Store(r.closed.Load())
	return nil, ctx.Err()
}

// When the last meter is given back nothing asks the stage's runtime any more.
func TestNobodyAsksTheRuntimeOfAStageThatIsOver(t *testing.T) {
	t.Parallel()
	w := newWard()
	rt := &slowRuntime{asked: make(chan struct{})}
	open, _, err := w.Open(t.Context(), wall(), rt)
	require.NoError(t, err)
	ended := make(chan error)
	go func() {
		_, err := w.ownProcesses(context.Background())
		ended <- err
	}()
	<-rt.asked
	closeEach(t, open)
	rt.closed.Store(true)
	require.ErrorIs(t, <-ended, context.Canceled)
	require.False(t, rt.late.Load())
	_, err = w.ownProcesses(t.Context())
	require.ErrorIs(t, err, errNoStage)
}

// What a source does not tell of its period is assumed where the meter is
// looked at, not in its energy alone.
func TestLentMeterTellsWhatIsAssumed(t *testing.T) {
	t.Parallel()
	w := newWard()
	w.sources = func(bench.MeterConfig) []source {
		return []source{one("pdu.rack3", func(context.Context) (meters.Meter, error) {
			return metertest.NewScripted(metertest.Script{Name: "pdu.rack3", Power: metertest.Constant(1), UpdatePeriod: time.Second, PeriodUntold: true}), nil
		})}
	}
	open, _ := w.stage(t)
	defer closeEach(t, open)
	require.Equal(t, 3*time.Second, open[0].Channels()[0].UpdatePeriod)
	require.Contains(t, open[0].Channels()[0].PeriodBasis, "assumed: 3s")
}
