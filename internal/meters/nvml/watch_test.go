package nvml

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// crowd is a board of which only the processes are asked for.
type crowd struct {
	board
	asked func()
}

func (c crowd) processes() ([]process, ret) {
	c.asked()
	return []process{{pid: 7, bytes: 1, known: true}}, retOK
}

type idleDriver struct {
	driver
	down atomic.Bool
}

func (d *idleDriver) shutdown() ret {
	d.down.Store(true)
	return retOK
}

// watched is a session of one GPU whose processes are looked at.
func watched(t *testing.T, own func(context.Context) ([]int32, error), asked func()) (*Session, *idleDriver) {
	t.Helper()
	d := &idleDriver{}
	s := &Session{opts: Options{Own: own}, driver: d, sorter: sorter{proc: t.TempDir(), seen: func() bool { return true }, note: func() {}}}
	g := &gpu{board: crowd{asked: asked}}
	g.can.processes = true
	s.gpus = []*gpu{g}
	s.watcher = newWatcher(s, time.Second)
	return s, d
}

// The watcher looks while a stage reads its GPU, and neither lists processes
// nor asks a runtime between stages.
func TestWatcherRestsBetweenStages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks, asks atomic.Int64
		s, d := watched(t, func(context.Context) ([]int32, error) {
			asks.Add(1)
			return nil, nil
		}, func() { looks.Add(1) })
		m := &State{watcher: s.watcher, gpu: s.gpus[0]}
		s.watcher.start()
		synctest.Wait()
		require.EqualValues(t, 1, looks.Load(), "at once")
		_, why := s.watcher.latest(0)
		require.Equal(t, reasonNone, why)
		time.Sleep(3500 * time.Millisecond)
		require.EqualValues(t, 4, looks.Load())
		m.Rest()
		_, why = s.watcher.latest(0)
		require.Equal(t, reasonNotLooked, why, "what the last stage saw says nothing of the next")
		time.Sleep(time.Hour)
		require.EqualValues(t, 4, looks.Load())
		require.EqualValues(t, 4, asks.Load())
		s.watcher.start()
		synctest.Wait()
		require.EqualValues(t, 5, looks.Load(), "the next stage has its look at once")
		require.NoError(t, s.Close())
		require.True(t, d.down.Load())
		s.watcher.start()
		time.Sleep(time.Minute)
		require.EqualValues(t, 5, looks.Load())
		_, err := s.Foreign(t.Context())
		require.ErrorIs(t, err, errClosed)
	})
}

// A runtime that is being asked when the stage ends is told so, and what it says
// then is not taken.
func TestRestEndsALook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := watched(t, func(ctx context.Context) ([]int32, error) {
			<-ctx.Done()
			return nil, errors.New("closed")
		}, func() {})
		s.watcher.start()
		synctest.Wait()
		(&State{watcher: s.watcher}).Rest()
		synctest.Wait()
		_, why := s.watcher.latest(0)
		require.Equal(t, reasonNotLooked, why)
		require.NoError(t, s.Close())
	})
}

// A driver that hangs in a look is not shut down under it, and does not keep
// the worker.
func TestCloseDoesNotWaitForAHungDriver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		s, d := watched(t, nil, func() { <-hang })
		s.watcher.start()
		synctest.Wait()
		begun := time.Now()
		require.ErrorContains(t, s.Close(), "has not returned")
		require.LessOrEqual(t, time.Since(begun), 10*time.Second)
		require.False(t, d.down.Load())
		close(hang)
	})
}
