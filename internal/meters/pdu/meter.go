package pdu

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Meter reads one PDU or UPS.
type Meter struct {
	opts    Options
	s       *session
	profile *profile // nil with a free profile
	free    bool

	members []*member
	checks  []*member // read for plausibility alone

	question   []string // all objects of one read
	channels   []bench.Channel
	lines      []line // what fills each channel
	sums       map[quantity]bool
	began      time.Time
	stampError time.Duration
	simulated  bool

	refresh

	info    Info
	reasons *reasons
	closed  bool

	mu     sync.Mutex // guards doubts
	doubts map[string]int
}

var (
	_ meters.Meter         = (*Meter)(nil)
	_ meters.Paced         = (*Meter)(nil)
	_ meters.Characterised = (*Meter)(nil)
)

// line says what fills a channel: one object, or the sum of several.
type line struct {
	parts []*object
	sum   bool
	last  float64 // of a summed counter
	has   bool
}

// Name is pdu.NAME.
func (m *Meter) Name() string { return m.opts.meterName() }

// Channels describes the series.
func (m *Meter) Channels() []bench.Channel { return slices.Clone(m.channels) }

// Reasons lists the texts that readings point into; it only grows.
func (m *Meter) Reasons() []string { return m.reasons.list() }

// elapsed is the meter's own clock, for what is timed before a session.
func (m *Meter) elapsed() time.Duration { return time.Since(m.began) }

func (m *Meter) allMembers() []*member { return slices.Concat(m.members, m.checks) }

// plan gives every object its place in the question.
func (m *Meter) plan() {
	m.question = nil
	place := func(oid string) int {
		if oid == "" {
			return -1
		}
		if at := slices.Index(m.question, oid); at >= 0 {
			return at
		}
		m.question = append(m.question, oid)
		return len(m.question) - 1
	}
	for _, one := range m.allMembers() {
		one.onSlot = place(one.onOID)
		for _, o := range one.values {
			o.slot, o.availableSlot = place(o.oid), place(o.available)
			o.timestampSlot, o.qualitySlot = place(o.timestamp), place(o.quality)
		}
	}
}

// Read asks the device once. What it does not answer in time is a gap: every
// channel is missing, and the meter lives on. It allocates, as the SNMP library
// does.
func (m *Meter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if err := m.ask(ctx, now, dst); err != nil {
		return err
	}
	m.note(dst)
	return nil
}

func (m *Meter) ask(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return net.ErrClosed
	}
	before := now()
	ctx, cancel := context.WithTimeout(ctx, m.opts.Timeout)
	defer cancel()
	all, err := m.s.get(ctx, now, m.question)
	if err != nil {
		at := before + (now()-before)/2
		m.gap(dst, at, reasonOf(err, m.opts.Timeout))
		return nil
	}
	copy(dst, m.digest(all))
	return nil
}

// digest turns the answers of one read into a reading of each channel.
func (m *Meter) digest(all []answer) []bench.Reading {
	for _, one := range m.allMembers() {
		m.take(one, all)
	}
	m.plausible()
	for _, one := range m.allMembers() {
		for _, o := range one.values {
			o.note()
		}
	}
	out := make([]bench.Reading, len(m.lines))
	for i := range m.lines {
		out[i] = m.fill(&m.lines[i], all)
	}
	return out
}

func (m *Meter) gap(dst []bench.Reading, at time.Duration, why string) {
	r := bench.Reading{At: at, State: bench.ReadingMissing, Reason: m.reasons.index(why)}
	for i := range dst {
		dst[i] = r
	}
}

// take decodes a member's answers and puts what is below the device's floor out
// of range: such a device shows 0 for what may be 100 W.
func (m *Meter) take(one *member, all []answer) {
	off := one.switchedOff(all)
	low := ""
	for _, o := range one.values {
		o.take(all)
		if o.floor > 0 && o.now.has() && o.now.value == 0 && !off && (o.q == power || o.q == current || o.q == apparentPower) {
			o.now = outOfRange("below the floor of the device (" + o.floorBasis + ")")
			if o.q == power {
				low = o.now.reason
			}
		}
	}
	if e := one.of(energy); low != "" && e != nil {
		e.now = outOfRange("not counted " + low)
	}
}

// fill makes a channel's reading. A sum is missing when any part is.
func (m *Meter) fill(l *line, all []answer) bench.Reading {
	r := bench.Reading{At: all[l.parts[0].slot].at}
	if !l.sum {
		o := l.parts[0]
		r.Value, r.State = o.now.value, o.now.state
		if !o.now.ok() {
			r.Reason = m.reasons.index(o.now.reason)
		}
		return r
	}
	s := l.add(func(o *object) string { return m.textOf(o) })
	r.Value, r.State = s.value, s.state
	if !s.ok() {
		r.Reason = m.reasons.index(s.reason)
	}
	return r
}

// add sums the parts. Wraps of the parts are made good, so that a sum of
// counters only falls when one of them was reset.
func (l *line) add(text func(*object) string) sample {
	var s sample
	stale, reset := 0, ""
	for _, o := range l.parts {
		if !o.now.has() {
			return sample{state: o.now.state, reason: "no sum: " + text(o) + ": " + o.now.reason}
		}
		switch o.now.state {
		case bench.ReadingStale:
			stale++
		case bench.ReadingReset:
			reset = text(o) + ": " + o.now.reason
		default: // a value of this moment
		}
		s.value += o.now.value + o.memory.unrolled
	}
	counter := l.parts[0].q == energy
	switch {
	case reset != "", counter && l.has && s.value < l.last:
		s.state, s.reason = bench.ReadingReset, "no sum across the reset of a part: "+reset
	case stale == len(l.parts):
		s.state, s.reason = bench.ReadingStale, whyStale
	}
	l.last, l.has = s.value, true
	return s
}

func (m *Meter) textOf(o *object) string {
	for _, one := range m.members {
		if slices.Contains(one.values, o) {
			return one.text
		}
	}
	return "a part"
}

// reset forgets what was read while the meter was opened.
func (m *Meter) reset() {
	for _, one := range m.allMembers() {
		for _, o := range one.values {
			o.memory = memory{}
		}
	}
	for i := range m.lines {
		m.lines[i].has = false
	}
}

// Interval is half of the refresh period where that is known, within 0.2 s and
// 30 s; a second where it is not.
func (m *Meter) Interval() time.Duration {
	switch {
	case m.opts.Interval > 0:
		return m.opts.Interval
	case m.period > 0:
		return min(max(m.period/2, minPace), maxPace)
	default:
		return time.Second
	}
}

const (
	minPace = 200 * time.Millisecond
	maxPace = 30 * time.Second
)

// Close ends the session with the device; a second call does nothing.
func (m *Meter) Close() error {
	if m.closed {
		return nil
	}
	m.closed = true
	return m.s.close()
}
