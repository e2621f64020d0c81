package metertest

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Check names one check of the conformance suite.
type Check string

// The checks that a meter may be excused from. It says why where it does so.
const (
	CheckCounters    Check = "counters never fall"
	CheckCancelled   Check = "a cancelled read ends at once"
	CheckAllocations Check = "reading allocates nothing once warm"
)

// Option changes what Run checks.
type Option func(*suite)

type suite struct{ without map[Check]string }

// Without leaves one check out, for the reason given: CheckAllocations for a
// meter that reads over SNMP or HTTP.
func Without(c Check, why string) Option { return func(s *suite) { s.without[c] = why } }

// Run is the conformance suite: what a sampler relies on, whatever the source.
// open gives a fresh meter for each check.
func Run(t *testing.T, open func(t *testing.T) meters.Meter, opts ...Option) {
	t.Helper()
	s := suite{without: map[Check]string{}}
	for _, o := range opts {
		o(&s)
	}
	for _, check := range []struct {
		name Check
		run  func(*testing.T, meters.Meter)
	}{
		{"channels are described and do not change", channels},
		{"every channel is filled and stamped within the call", filled},
		{CheckCounters, counters},
		{CheckCancelled, cancelled},
		{"closing twice does nothing", closedTwice},
		{CheckAllocations, allocations},
	} {
		t.Run(string(check.name), func(t *testing.T) {
			if why, skip := s.without[check.name]; skip {
				t.Skip(why)
			}
			m := open(t)
			t.Cleanup(func() { _ = m.Close() })
			check.run(t, m)
		})
	}
}

func channels(t *testing.T, m meters.Meter) {
	require.NotEmpty(t, m.Name())
	before := m.Channels()
	require.NotEmpty(t, before, "a meter without channels is a missing meter")
	names := map[string]bool{}
	for _, c := range before {
		require.Empty(t, Inconsistent(c), c.Name)
		require.False(t, names[c.Name], "channel %s appears twice", c.Name)
		names[c.Name] = true
	}
	_ = read(t, m, clock())
	require.Empty(t, cmp.Diff(before, m.Channels()), "channels changed by reading")
}

// Inconsistent says what contradicts itself in a channel's description, "" when
// nothing does.
func Inconsistent(c bench.Channel) string {
	units := []bench.Unit{
		bench.UnitWatt, bench.UnitJoule, bench.UnitPercent, bench.UnitByte, bench.UnitCelsius,
		bench.UnitHertz, bench.UnitCount, bench.UnitAmpere, bench.UnitVolt, bench.UnitVA,
	}
	scopes := []bench.Scope{
		bench.ScopeGPU, bench.ScopeModule, bench.ScopeBoard, bench.ScopePackage, bench.ScopeDRAM,
		bench.ScopePlatform, bench.ScopePSU, bench.ScopeOutlet, bench.ScopePhase, bench.ScopeInlet,
		bench.ScopeHost, bench.ScopeProcess,
	}
	sensors := []bench.Sensor{bench.SensorInstant, bench.SensorAveraged, bench.SensorCounter, bench.SensorEstimate}
	switch {
	case c.Name == "":
		return "it has no name"
	case !slices.Contains(units, c.Unit):
		return fmt.Sprintf("unit %q is unknown", c.Unit)
	case !slices.Contains(scopes, c.Scope):
		return fmt.Sprintf("scope %q is unknown", c.Scope)
	case !slices.Contains(sensors, c.Sensor):
		return fmt.Sprintf("sensor %q is unknown", c.Sensor)
	case c.Sensor == bench.SensorCounter && !c.Counter:
		return "its sensor is a counter but its values do not accumulate"
	case c.Sensor == bench.SensorEstimate != c.Estimated:
		return "sensor and Estimated disagree"
	case c.Unit == bench.UnitJoule && !c.Counter, c.Unit == bench.UnitWatt && c.Counter:
		return "power does not accumulate and energy does"
	case c.Window < 0, c.Sensor == bench.SensorAveraged && c.Window == 0 && c.WindowBasis == "":
		return "an averaged value needs its window, or why it is not known"
	case c.WrapAt != 0 && !c.Counter, c.WrapAt < 0:
		return "only a counter wraps, at a positive value"
	case c.Resolution < 0, c.Floor < 0, c.RelAccuracy < 0, c.AbsAccuracy < 0, c.UpdatePeriod < 0, c.StampError < 0:
		return "resolution, floor, accuracy and period are not negative"
	case c.Method == "":
		return "it does not say how its value is made"
	case c.Identity == "":
		return "it does not say which source it comes from"
	}
	return baseless(c)
}

// baseless says which figure of a channel lacks its basis, "" when none does.
func baseless(c bench.Channel) string {
	switch {
	case c.UpdatePeriod > 0 && c.PeriodBasis == "" && (c.Unit == bench.UnitWatt || c.Unit == bench.UnitJoule):
		return "an update period of power or energy needs its basis"
	case c.Lag < 0, c.Lag > 0 && c.LagBasis == "":
		return "a lag is not negative, and needs its basis"
	case c.RelAccuracy+c.AbsAccuracy > 0 && c.AccuracyNote == "":
		return "an accuracy needs its source"
	}
	return ""
}

// clock is a clock that has run for a while, so that zero is no valid stamp.
func clock() func() time.Duration {
	anchor := time.Now().Add(-time.Hour)
	return func() time.Duration { return time.Since(anchor) }
}

// untouched marks a reading that Read must overwrite.
const untouched = bench.ReadingState(250)

// read takes one sample and checks it.
func read(t *testing.T, m meters.Meter, now func() time.Duration) []bench.Reading {
	t.Helper()
	dst := make([]bench.Reading, len(m.Channels()))
	for i := range dst {
		dst[i] = bench.Reading{At: -1, State: untouched}
	}
	before := now()
	require.NoError(t, m.Read(t.Context(), now, dst))
	after := now()
	list := m.Reasons()
	for i, c := range m.Channels() {
		r := dst[i]
		require.NotEqual(t, untouched, r.State, "channel %s was not filled", c.Name)
		require.LessOrEqual(t, r.State, bench.ReadingOutOfRange, "channel %s has an unknown state", c.Name)
		require.GreaterOrEqual(t, r.At, before, "channel %s is stamped before the call", c.Name)
		require.LessOrEqual(t, r.At, after, "channel %s is stamped after the call", c.Name)
		if r.State == bench.ReadingMissing || r.Reason != 0 && r.State != bench.ReadingOK {
			require.Less(t, int(r.Reason), len(list), "channel %s gives a reason that is not listed", c.Name)
			require.NotEmpty(t, list[r.Reason], "channel %s gives an empty reason", c.Name)
		}
		if r.Has() {
			require.False(t, math.IsNaN(r.Value), "channel %s gives no number", c.Name)
		}
	}
	return dst
}

func filled(t *testing.T, m meters.Meter) {
	now := clock()
	for range 20 {
		_ = read(t, m, now)
	}
}

// counters reads for a tenth of a second without a pause.
func counters(t *testing.T, m meters.Meter) {
	now := clock()
	described := m.Channels()
	last := make([]*float64, len(described))
	for end := now() + 100*time.Millisecond; now() < end; {
		for i, r := range read(t, m, now) {
			if !described[i].Counter || !r.Has() {
				continue
			}
			if last[i] != nil && r.State == bench.ReadingOK && described[i].WrapAt == 0 {
				require.GreaterOrEqual(t, r.Value, *last[i], "counter %s fell without saying why", described[i].Name)
			}
			last[i] = &r.Value
		}
	}
}

func cancelled(t *testing.T, m meters.Meter) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dst := make([]bench.Reading, len(m.Channels()))
	done := make(chan error, 1)
	go func() { done <- m.Read(ctx, clock(), dst) }()
	select {
	case err := <-done:
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("a read with a cancelled context still hangs after 5 s")
	}
}

func closedTwice(t *testing.T, m meters.Meter) {
	_ = read(t, m, clock())
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	dst := make([]bench.Reading, len(m.Channels()))
	require.Error(t, m.Read(t.Context(), clock(), dst), "reading a closed meter must fail")
}

func allocations(t *testing.T, m meters.Meter) {
	now := clock()
	dst := make([]bench.Reading, len(m.Channels()))
	ctx := t.Context()
	for range 10 {
		require.NoError(t, m.Read(ctx, now, dst))
	}
	// Other tests allocate meanwhile; the least of several tries is the meter's own.
	least := leastAllocations(func() { _ = m.Read(ctx, now, dst) })
	require.Zero(t, least, "a read allocates %g times", least)
}

func leastAllocations(f func()) float64 {
	least := testing.AllocsPerRun(100, f)
	for range 20 {
		if least == 0 {
			break
		}
		runtime.Gosched()
		least = min(least, testing.AllocsPerRun(100, f))
	}
	return least
}
