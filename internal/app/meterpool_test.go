package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// lab is a pool of scripted sources that counts what is done to them.
type lab struct {
	*MeterPool
	now               time.Time
	opened, watched   atomic.Int64
	failAt            time.Duration
	missing, mistaken error
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{now: time.Unix(1_000_000, 0)}
	l.MeterPool = NewMeterPool(MeterPoolOptions{Now: func() time.Time { return l.now }})
	l.sources = func(cfg bench.MeterConfig) []source {
		if !cfg.Wall {
			return nil
		}
		return []source{
			one("pdu.a", func(context.Context) (meters.Meter, error) {
				l.opened.Add(1)
				return &watchedMeter{Scripted: metertest.NewScripted(metertest.Script{Name: "pdu.a", Power: metertest.Constant(100), FailAt: l.failAt}), lab: l}, nil
			}),
			one("pdu.b", func(context.Context) (meters.Meter, error) {
				l.opened.Add(1)
				switch {
				case l.missing != nil:
					return nil, l.missing
				case l.mistaken != nil:
					return nil, l.mistaken
				}
				return metertest.NewScripted(metertest.Script{Name: "pdu.b", Power: metertest.Constant(50)}), nil
			}),
		}
	}
	l.fresh = func(cfg bench.MeterConfig, _ runtimes.Runtime) []source {
		if !cfg.Host {
			return nil
		}
		return []source{one("host", func(context.Context) (meters.Meter, error) {
			return metertest.NewScripted(metertest.Script{Name: "host", Power: metertest.Constant(1)}), nil
		})}
	}
	return l
}

// watchedMeter counts how often it is characterised and remembers its closing.
type watchedMeter struct {
	*metertest.Scripted
	lab *lab
}

func (m *watchedMeter) Characterise(context.Context, func() time.Duration) error {
	m.lab.watched.Add(1)
	return nil
}

func (m *watchedMeter) Interval() time.Duration    { return 0 }
func (m *watchedMeter) MaxInterval() time.Duration { return 20 * time.Millisecond }

func wall() bench.MeterConfig {
	return bench.MeterConfig{Interval: 50 * time.Millisecond, Host: true, Wall: true}
}

func closeEach(t *testing.T, open []meters.Meter) {
	t.Helper()
	for _, m := range open {
		require.NoError(t, m.Close())
		require.NoError(t, m.Close(), "a second call does nothing")
	}
}

func names(open []meters.Meter) []string {
	list := make([]string, 0, len(open))
	for _, m := range open {
		list = append(list, m.Name())
	}
	return list
}

func TestPoolKeepsMetersOpen(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for range 3 {
		open, missing, err := l.Open(t.Context(), wall(), nil)
		require.NoError(t, err)
		require.Empty(t, missing)
		require.Equal(t, []string{"host", "pdu.a", "pdu.b"}, names(open))
		dst := make([]bench.Reading, 2)
		for _, m := range open {
			require.NoError(t, m.Read(t.Context(), func() time.Duration { return time.Second }, dst))
		}
		closeEach(t, open)
		require.ErrorIs(t, open[1].Read(t.Context(), func() time.Duration { return 0 }, dst), errGivenBack)
	}
	require.EqualValues(t, 2, l.opened.Load(), "each source is opened once")
	require.NoError(t, l.Close())
	open, _, err := l.Open(t.Context(), wall(), nil)
	require.NoError(t, err, "a closed pool opens anew")
	require.EqualValues(t, 4, l.opened.Load())
	closeEach(t, open)
}

// A stage never measures with meters that another stage has.
func TestPoolLendsToOneStageAtATime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first, _, err := l.Open(t.Context(), wall(), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = l.Open(ctx, wall(), nil)
	require.ErrorIs(t, err, context.Canceled)
	done := make(chan []meters.Meter)
	go func() {
		second, _, _ := l.Open(t.Context(), wall(), nil)
		done <- second
	}()
	select {
	case <-done:
		t.Fatal("meters were lent twice")
	default:
	}
	closeEach(t, first)
	second := <-done
	require.Len(t, second, 3)
	closeEach(t, second)
	// Meters that are not kept are no reason to wait.
	host := bench.MeterConfig{Host: true}
	one, _, err := l.Open(t.Context(), host, nil)
	require.NoError(t, err)
	two, _, err := l.Open(t.Context(), host, nil)
	require.NoError(t, err)
	closeEach(t, append(one, two...))
}

// A source that is away is told, not asked again at once, and found when it is
// back.
func TestPoolTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.missing = &meters.Missing{Meter: "pdu.b", Why: "no answer from 192.0.2.1:161", Mend: "is it plugged in?"}
	for range 2 {
		open, missing, err := l.Open(t.Context(), wall(), nil)
		require.NoError(t, err)
		require.Equal(t, []string{"pdu.b: no answer from 192.0.2.1:161"}, missing)
		require.Equal(t, []string{"host", "pdu.a"}, names(open))
		closeEach(t, open)
	}
	require.EqualValues(t, 2, l.opened.Load())
	l.missing = nil
	l.now = l.now.Add(missingStands)
	open, missing, err := l.Open(t.Context(), wall(), nil)
	require.NoError(t, err)
	require.Empty(t, missing)
	require.Len(t, open, 3)
	closeEach(t, open)
}

func TestPoolRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.mistaken = fault.New(fault.Invalid, "", "name one that exists", "profile nonsense is not known")
	_, _, err := l.Open(t.Context(), wall(), nil)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	l.mistaken = nil
	open, _, err := l.Open(t.Context(), wall(), nil)
	require.NoError(t, err, "the pool is free after a refusal")
	closeEach(t, open)
}

// A meter that is gone for good is opened anew for the next stage.
func TestPoolOpensAnewWhatFailed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.failAt = time.Second
	require.NoError(t, l.Characterise(t.Context(), wall(), nil, func() time.Duration { return 0 }))
	open, _, err := l.Open(t.Context(), wall(), nil)
	require.NoError(t, err)
	dst := make([]bench.Reading, 2)
	require.ErrorIs(t, open[1].Read(t.Context(), func() time.Duration { return 2 * time.Second }, dst), metertest.ErrFailed)
	closeEach(t, open)
	l.failAt = 0
	open, _, err = l.Open(t.Context(), wall(), nil)
	require.NoError(t, err)
	require.NoError(t, open[1].Read(t.Context(), func() time.Duration { return 2 * time.Second }, dst))
	closeEach(t, open)
	require.EqualValues(t, 3, l.opened.Load())
	require.NoError(t, l.Characterise(t.Context(), wall(), nil, func() time.Duration { return 0 }))
	require.EqualValues(t, 2, l.watched.Load(), "what was opened anew is watched anew")
}

func TestPoolCharacterisesOncePerHour(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for range 3 {
		require.NoError(t, l.Characterise(t.Context(), wall(), nil, func() time.Duration { return 0 }))
	}
	require.EqualValues(t, 1, l.watched.Load())
	l.now = l.now.Add(characterStands)
	require.NoError(t, l.Characterise(t.Context(), wall(), nil, func() time.Duration { return 0 }))
	require.EqualValues(t, 2, l.watched.Load())
}

// A counter that would wrap unseen is read more often than the cell asks.
func TestLentMeterKeepsItsPace(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	open, _, err := l.Open(t.Context(), wall(), nil)
	require.NoError(t, err)
	require.Equal(t, 20*time.Millisecond, open[1].(meters.Paced).Interval())
	closeEach(t, open)
	fast := wall()
	fast.Interval = time.Millisecond
	open, _, err = l.Open(t.Context(), fast, nil)
	require.NoError(t, err)
	require.Zero(t, open[1].(meters.Paced).Interval())
	require.Zero(t, open[2].(meters.Paced).Interval())
	closeEach(t, open)
}

// Every meter that a spec may ask for is opened or told as missing, on any
// machine, and given back.
func TestPoolOpensThisMachine(t *testing.T) {
	t.Parallel()
	p := NewMeterPool(MeterPoolOptions{Settings: config.MeterSettings{RAPL: config.RAPLSettings{SysFS: t.TempDir()}}})
	open, missing, err := p.Borrow(t.Context(), bench.MeterConfig{Interval: 50 * time.Millisecond, Host: true, RAPL: true, Hwmon: true, Wall: true}, nil)
	require.NoError(t, err)
	require.Len(t, missing, 3)
	for i, meter := range []string{"hwmon", "host.temperature", "rapl"} {
		require.Equal(t, meter, missing[i].Meter)
		require.NotEmpty(t, missing[i].Mend, meter)
	}
	require.Equal(t, []string{"host"}, names(open))
	closeEach(t, open)
	require.NoError(t, p.Close())
}

var errAway = errors.New("away")

type servedProcess struct{ runtimes.Runtime }

func (servedProcess) Processes(context.Context) ([]int32, error) { return []int32{7}, errAway }

// A kept meter asks the runtime of the present stage, not of the first.
func TestPoolKnowsThePresentRuntime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	open, _, err := l.Open(t.Context(), wall(), servedProcess{})
	require.NoError(t, err)
	ids, err := l.ownProcesses(t.Context())
	require.ErrorIs(t, err, errAway)
	require.Equal(t, []int32{7}, ids)
	closeEach(t, open)
	open, _, err = l.Open(t.Context(), wall(), nil)
	require.NoError(t, err)
	ids, err = l.ownProcesses(t.Context())
	require.NoError(t, err)
	require.Empty(t, ids)
	closeEach(t, open)
}
