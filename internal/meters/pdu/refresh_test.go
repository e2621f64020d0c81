package pdu

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/test/snmpagent"
)

// busyFeed draws other watts at each renewal from a moment on, and none else.
func busyFeed(clock meters.Clock, renewed, from time.Duration) snmpagent.Power {
	return snmpagent.Power{Anchor: clock.Anchor, Renewed: renewed, At: func(at time.Duration) float64 {
		if at < from {
			return 200
		}
		return 400 + 100*rand.New(rand.NewPCG(7, uint64(at))).Float64()
	}}
}

// At rest a constant load hides the period; the stages that follow show it, and
// the next opening takes it from there.
func TestRefreshIsLearntFromABusyStage(t *testing.T) {
	t.Parallel()
	clock := meters.NewClock()
	const w = enterprises + "99999.1"
	agent := snmpagent.Start(t, snmpagent.Config{Objects: []snmpagent.Object{
		{OID: w, Type: "gauge", Value: busyFeed(clock, 400*time.Millisecond, 2500*time.Millisecond).Raw(0.1, 0)},
	}})
	o := access("2c", agent.Address)
	o.WatchFor, o.WatchEvery = 500*time.Millisecond, 50*time.Millisecond
	o.Objects = []Object{{Name: "feed", OID: w, Unit: "W", Scale: 0.1}}
	m := open(t, o)
	require.NoError(t, m.Characterise(t.Context(), clock.Now))
	m.Learn()
	require.Zero(t, m.Channels()[0].UpdatePeriod)
	require.Contains(t, m.Channels()[0].PeriodBasis, "not known")
	dst := make([]bench.Reading, 1)
	for tick := time.NewTicker(100 * time.Millisecond); clock.Now() < 8*time.Second; <-tick.C {
		require.NoError(t, m.Read(t.Context(), clock.Now, dst))
	}
	before := m.Channels()
	m.Learn()
	require.Zero(t, before[0].UpdatePeriod, "what was handed out does not change")
	c := m.Channels()[0]
	require.InDelta(t, 0.4, c.UpdatePeriod.Seconds(), 0.1, c.PeriodBasis)
	require.Contains(t, c.PeriodBasis, "earlier stages")
	require.Equal(t, max(minPace, c.UpdatePeriod/2), m.Interval())
	// Watching a load at rest again takes nothing away.
	at := clock.Now()
	clock.Anchor = clock.Anchor.Add(at)
	agent.Set(snmpagent.Object{OID: w, Type: "gauge", Value: snmpagent.Constant("2000")})
	for range 2 {
		require.NoError(t, m.Characterise(t.Context(), clock.Now))
		require.Equal(t, c.UpdatePeriod, m.Channels()[0].UpdatePeriod)
		require.Equal(t, c.PeriodBasis, m.Channels()[0].PeriodBasis)
	}
}

// seen makes a meter of one power that was read at a pace while it was renewed
// each period; nothing is asked of a device.
func seen(opts Options, every, period, length time.Duration) *Meter {
	opts = opts.withDefaults()
	m := &Meter{opts: opts, free: true, reasons: newReasons(), doubts: map[string]int{}}
	m.members = freeMembers(Options{Objects: []Object{{Name: "feed", OID: "1.3.6.1.4.1.99999.1", Unit: "W", Scale: 1}}})
	m.state(opts.Refresh, "stated in the settings")
	m.plan()
	m.build()
	for at := time.Duration(0); at < length; at += every {
		value := 400 + int(at/period)%7
		all := slots(m, func(int) gosnmp.SnmpPDU { return gosnmp.SnmpPDU{Type: gosnmp.Gauge32, Value: uint(value)} })
		for i := range all {
			all[i].at = at
		}
		m.note(m.digest(all))
	}
	return m
}

func TestStatedAndLearntRefresh(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refresh, interval time.Duration
		every, period     time.Duration
		want              time.Duration
		basis             string
	}{
		"nothing stated":            {0, 0, time.Second, 5 * time.Second, 5 * time.Second, "earlier stages"},
		"the interval is no period": {0, time.Second, time.Second, 5 * time.Second, 5 * time.Second, "earlier stages"},
		"stated and constant":       {2 * time.Second, 0, time.Second, time.Hour, 2 * time.Second, "stated in the settings"},
		"stated wrongly":            {time.Second, 0, 500 * time.Millisecond, 5 * time.Second, 5 * time.Second, "earlier stages"},
		"faster than polled":        {100 * time.Millisecond, 0, time.Second, 100 * time.Millisecond, 100 * time.Millisecond, "stated in the settings"},
		"an upper bound":            {0, 0, time.Second, 100 * time.Millisecond, time.Second, "at least as often"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := seen(Options{Name: "x", Address: "a", Refresh: c.refresh, Interval: c.interval}, c.every, c.period, 3*time.Minute)
			m.Learn()
			got := m.Channels()[0]
			require.InDelta(t, c.want.Seconds(), got.UpdatePeriod.Seconds(), 0.05*c.want.Seconds(), got.PeriodBasis)
			require.Contains(t, got.PeriodBasis, c.basis)
			if c.interval > 0 {
				require.Equal(t, c.interval, m.Interval())
			}
			require.Empty(t, metertest.Inconsistent(got))
		})
	}
}

// The settings name the supply that a device watches; its powers and energies
// carry it, its currents do not.
func TestFeedIsNamed(t *testing.T) {
	t.Parallel()
	m := &Meter{opts: Options{Name: "x", Address: "a", Feed: "left"}, free: true, reasons: newReasons()}
	m.members = freeMembers(Options{Objects: []Object{
		{Name: "w", OID: "1.3.6.1.4.1.99999.1", Unit: "W", Scale: 1},
		{Name: "j", OID: "1.3.6.1.4.1.99999.2", Unit: "J", Scale: 1, Counter: true},
		{Name: "a", OID: "1.3.6.1.4.1.99999.3", Unit: "A", Scale: 1},
	}})
	m.build()
	for _, c := range m.channels {
		if c.Unit == bench.UnitAmpere {
			require.Empty(t, c.Feed)
		} else {
			require.Equal(t, "left", c.Feed, c.Name)
		}
	}
	require.Error(t, Options{Name: "x", Address: "a", Community: "c", Refresh: -1}.check())
}
