package pdu

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// refresh is how often the device renews its values: what it, its maker or the
// settings state, and what was seen.
type refresh struct {
	period      time.Duration // what holds; 0 unknown
	periodBasis string

	stated      time.Duration
	statedBasis string
	found       meters.Found // the shortest that was seen: missed changes only lengthen it
	failed      string       // why watching found nothing

	// logs hold what reads of stages showed, of the channels that move.
	logs []channelLog
}

type channelLog struct {
	at  int // of the channel
	log *meters.RenewalLog
}

// maxLogs bounds the memory for a device of many outlets.
const maxLogs = 8

// state sets what is stated before anything was seen; 0 states nothing.
func (r *refresh) state(period time.Duration, basis string) {
	if period > 0 {
		r.stated, r.statedBasis = period, basis
		r.settle()
	}
}

// watched takes in what was seen when the device was asked at a pace. What was
// seen to be renewed at every question is renewed that often at least: it says
// nothing against a shorter period that is stated.
func (r *refresh) watched(found meters.Found, every time.Duration) {
	switch {
	case !found.OK:
		r.failed = found.Basis
	case r.stated > 0 && r.stated <= found.Value && found.Value <= every+every/2:
		r.failed = "renewed at least as often as it was asked"
	case !r.found.OK || found.Value < r.found.Value:
		r.found = found
	}
	r.settle()
}

func (r *refresh) settle() {
	switch {
	case r.found.OK:
		r.period, r.periodBasis = r.found.Value, r.found.Basis
	case r.stated > 0:
		r.period, r.periodBasis = r.stated, r.statedBasis
		if r.failed != "" {
			r.periodBasis += "; not found by watching: " + r.failed
		}
	case r.failed != "":
		r.period, r.periodBasis = 0, "not known: "+r.failed
	}
}

// tell puts the period into the channels.
func (m *Meter) tell() {
	basis := m.periodBasis
	if m.opts.Interval == 0 && m.period > 0 && m.period/2 > maxPace {
		basis += "; polled every 30 s all the same"
	}
	for i := range m.channels {
		m.channels[i].UpdatePeriod, m.channels[i].PeriodBasis = m.period, basis
	}
}

// remember prepares to remember the channels that move most: powers, or
// currents where there are none. Sums show the renewals of all their parts.
func (m *Meter) remember() {
	m.logs = nil
	for _, unit := range []bench.Unit{bench.UnitWatt, bench.UnitAmpere} {
		for i, c := range m.channels {
			if c.Unit == unit && !m.lines[i].sum && len(m.logs) < maxLogs {
				m.logs = append(m.logs, channelLog{at: i, log: meters.NewRenewalLog()})
			}
		}
		if len(m.logs) > 0 {
			return
		}
	}
}

func (m *Meter) note(dst []bench.Reading) {
	for _, one := range m.logs {
		one.log.Add(dst[one.at])
	}
}

// Learn takes the refresh period from what reads showed since the meter was
// opened: under a busy load every renewal is a change. It is called between
// stages, and changes Channels and Interval. A found period is followed by
// faster reads, which show a shorter one if there is.
func (m *Meter) Learn() {
	var best meters.Found
	var every time.Duration
	for _, one := range m.logs {
		if found := one.log.Found(); found.OK && (!best.OK || found.Value < best.Value) {
			best, every = found, one.log.Step()
		}
	}
	if !best.OK {
		return
	}
	m.watched(best, every)
	for _, one := range m.logs {
		one.log.Forget()
	}
	m.tell()
}
