package pdu

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/test/snmpagent"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	agent, o := apc(t, "2c")
	without := metertest.Without(metertest.CheckAllocations, "the SNMP library allocates for every packet")
	for _, version := range []string{"1", "2c", "3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			metertest.Run(t, func(t *testing.T) meters.Meter {
				one := access(version, agent.Address)
				one.Outlets = o.Outlets
				return open(t, one)
			}, without)
		})
	}
}

// feed is an agent whose power is a closed form of absolute time.
func feed(t *testing.T, clock meters.Clock, renewed time.Duration, p metertest.Power) Options {
	t.Helper()
	const w, j = enterprises + "99999.1", enterprises + "99999.2"
	of := func(f func(time.Duration) float64) snmpagent.Power {
		return snmpagent.Power{Anchor: clock.Anchor, At: f, Renewed: renewed}
	}
	agent := snmpagent.Start(t, snmpagent.Config{Objects: []snmpagent.Object{
		{OID: w, Type: "gauge", Value: of(p.At).Raw(0.1, 0)},
		{OID: j, Type: "counter64", Value: of(p.Energy).Raw(1, 0)},
	}})
	o := access("2c", agent.Address)
	o.Objects = []Object{{Name: "feed", OID: w, Unit: "W", Scale: 0.1}, {Name: "count", OID: j, Unit: "J", Counter: true}}
	return o
}

func TestEnergyThroughASampler(t *testing.T) {
	t.Parallel()
	clock := meters.NewClock()
	truth := metertest.Ramp(200, 20)
	o := feed(t, clock, 0, truth)
	o.Interval, o.Refresh = 50*time.Millisecond, 50*time.Millisecond
	m := open(t, o)
	s, err := meters.NewSampler(clock, 50*time.Millisecond, []meters.Meter{m}, meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	defer s.Stop()
	t0 := s.Mark()
	<-time.After(3 * time.Second)
	t1 := s.Mark()
	want := truth.Energy(t1) - truth.Energy(t0)
	seen := 0
	for _, r := range s.Window(t.Context(), bench.PhaseIdle, 1, 1, t0, t1) {
		require.Empty(t, r.Missing, r.Channel.Name)
		require.NotNil(t, r.EnergyJ, r.Channel.Name)
		require.InEpsilon(t, want, *r.EnergyJ, 0.02, "%s by %s", r.Channel.Name, r.Method)
		require.True(t, r.Channel.Simulated)
		seen++
	}
	require.Equal(t, 2, seen)
}

func TestRefreshIsFound(t *testing.T) {
	t.Parallel()
	clock := meters.NewClock()
	o := feed(t, clock, 400*time.Millisecond, metertest.Ramp(200, 20))
	o.WatchFor, o.WatchEvery = 2*time.Second, 50*time.Millisecond
	m := open(t, o)
	require.Zero(t, m.Channels()[0].UpdatePeriod)
	require.Equal(t, time.Second, m.Interval())
	require.NoError(t, m.Characterise(t.Context(), clock.Now))
	c := m.Channels()[0]
	require.InDelta(t, 0.4, c.UpdatePeriod.Seconds(), 0.1, c.PeriodBasis)
	require.Contains(t, c.PeriodBasis, "renewals")
	require.Equal(t, max(200*time.Millisecond, c.UpdatePeriod/2), m.Interval())
}

func TestRefreshOfAnIdleLoadIsNotGuessed(t *testing.T) {
	t.Parallel()
	clock := meters.NewClock()
	o := feed(t, clock, 0, metertest.Constant(200))
	o.WatchFor, o.WatchEvery = 300*time.Millisecond, 20*time.Millisecond
	m := open(t, o)
	require.NoError(t, m.Characterise(t.Context(), clock.Now))
	require.Zero(t, m.Channels()[0].UpdatePeriod)
	require.Contains(t, m.Channels()[0].PeriodBasis, "not known")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, m.Characterise(ctx, clock.Now), context.Canceled)
}

// slots answers every object of a meter with the same thing.
func slots(m *Meter, v func(i int) gosnmp.SnmpPDU) []answer {
	all := make([]answer, len(m.question))
	for i := range all {
		all[i] = answer{v: v(i), at: time.Second}
	}
	return all
}

// Whatever a device answers, in whatever mixture, reading ends in a state with
// a reason, and a sum has a value only when every part has.
func TestAnyAnswersKeepTheirStates(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		p := all[rapid.IntRange(0, len(all)-1).Draw(t, "profile")]
		if p.Table != nil || p.Scopes["outlet"].of(power) == nil {
			return
		}
		m := &Meter{opts: Options{Name: "x", Address: "a", Outlets: []string{"1", "2"}}, profile: p, reasons: newReasons(), doubts: map[string]int{}}
		var err error
		m.members, err = p.members(m.opts)
		require.NoError(t, err)
		m.addInletCheck()
		m.plan()
		m.build()
		for range 3 {
			dst := m.digest(slots(m, func(int) gosnmp.SnmpPDU { return anyValue(t) }))
			require.Len(t, dst, len(m.channels))
			for i, r := range dst {
				if r.State != bench.ReadingOK {
					require.NotEmpty(t, m.Reasons()[r.Reason])
				}
				if !m.lines[i].sum || !r.Has() {
					continue
				}
				for j, part := range dst {
					if m.channels[j].PartOf == m.channels[i].Name {
						require.True(t, part.Has() || part.State == bench.ReadingStale || part.State == bench.ReadingReset, m.channels[j].Name)
					}
				}
			}
		}
	})
}

func TestTextOfADeviceIsHarmless(t *testing.T) {
	t.Parallel()
	dirty := "AP8\x1b[31m\n\x00\xff" + strings.Repeat("å", 200)
	got := plainText(gosnmp.SnmpPDU{Type: gosnmp.OctetString, Value: []byte(dirty)})
	require.NotContains(t, got, "\x1b")
	require.NotContains(t, got, "\n")
	require.LessOrEqual(t, len(got), 130)
	require.Empty(t, plainText(gosnmp.SnmpPDU{Type: gosnmp.Integer, Value: 3}))
}

func TestReasonsNeverRunOut(t *testing.T) {
	t.Parallel()
	r := newReasons()
	for i := range 1000 {
		at := r.index(strings.Repeat("x", i+1))
		require.NotEmpty(t, r.list()[at])
	}
	require.LessOrEqual(t, len(r.list()), maxReasons)
}
