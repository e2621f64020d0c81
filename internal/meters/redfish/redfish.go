package redfish

import (
	"context"
	"errors"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

const (
	// assumedPeriod is a usual period of BMCs that tell none.
	assumedPeriod = 5 * time.Second
	// A BMC is a slow computer with much else to do.
	leastInterval = 500 * time.Millisecond
	mostInterval  = 30 * time.Second
)

// Meter reads one BMC or PDU.
type Meter struct {
	name     string
	opts     Options
	client   *client
	feeds    []feed
	channels []bench.Channel
	told     []traits // of each channel
	last     []string // the BMC's own time of each channel's newest value
	interval time.Duration
	found    []meters.Found       // of each channel, the shortest update period that was seen
	logs     []*meters.RenewalLog // of each channel, what reads of stages showed; nil where it tells its period
	closed   bool
}

// feed is a resource that is read at each tick, with the channels it fills.
type feed struct {
	path  string
	items []item
	first int // channel of the first item
}

var (
	_ meters.Meter         = (*Meter)(nil)
	_ meters.Paced         = (*Meter)(nil)
	_ meters.Characterised = (*Meter)(nil)
)

// What the reasons of readings are; the order is that of reasons.
const (
	reasonTimeout = iota
	reasonUnreachable
	reasonTrust
	reasonAuth
	reasonHTTP
	reasonRedirect
	reasonTooLong
	reasonJSON
	reasonField
	reasonDisabled
	reasonType
	reasonRange
	reasonZero
	reasonOld
)

func reasons() []string {
	return []string{
		reasonTimeout:     "the BMC did not answer in time",
		reasonUnreachable: "the BMC could not be reached",
		reasonTrust:       "the certificate of the BMC is not trusted",
		reasonAuth:        "the BMC refused the user or the password",
		reasonHTTP:        "the BMC answered with an error",
		reasonRedirect:    "the BMC sent the request elsewhere, which is not followed",
		reasonTooLong:     "the answer is longer than 1 MiB",
		reasonJSON:        "the answer is not a JSON object",
		reasonField:       "the answer lacks this value",
		reasonDisabled:    "the sensor is not enabled",
		reasonType:        "the value in the answer is no number",
		reasonRange:       "the value is outside of what a machine can draw",
		reasonZero:        "the BMC tells 0 W for a machine that runs",
		reasonOld:         "the BMC has not renewed the value since the sample before",
	}
}

// New logs in, finds the resources that tell power and opens the meter. A BMC
// that does not answer or tells no power is a *meters.Missing; a choice that
// the user has to make is a fault that lists the choices.
func New(ctx context.Context, opts Options) (*Meter, error) {
	base, err := opts.check()
	if err != nil {
		return nil, err
	}
	m := &Meter{name: "redfish." + opts.Name, opts: opts, client: newClient(opts, base)}
	if err := m.discover(ctx); err != nil {
		m.client.close()
		return nil, err
	}
	m.last, m.found = make([]string, len(m.channels)), make([]meters.Found, len(m.channels))
	for ch := range m.channels {
		var log *meters.RenewalLog
		if m.told[ch].period == 0 {
			log = meters.NewRenewalLog()
		}
		m.logs = append(m.logs, log)
	}
	m.pace()
	return m, nil
}

// pace sets the interval: the one asked for, else half of the shortest period
// that is told or found.
func (m *Meter) pace() {
	m.interval = m.opts.Interval
	if m.interval > 0 {
		return
	}
	period := m.channels[0].UpdatePeriod
	for _, c := range m.channels {
		period = min(period, c.UpdatePeriod)
	}
	m.interval = min(max(period/2, leastInterval), mostInterval)
}

// Name is redfish.NAME.
func (m *Meter) Name() string { return m.name }

// Channels describes power, and energy where it is told.
func (m *Meter) Channels() []bench.Channel { return m.channels }

// Interval is how often the BMC is worth asking.
func (m *Meter) Interval() time.Duration { return m.interval }

// Reasons lists why readings can hold no value.
func (m *Meter) Reasons() []string { return reasons() }

var errClosed = errors.New("redfish meter is closed")

// Read asks for each resource once. It waits for the answers, each no longer
// than Options.Timeout, and allocates, as HTTP does.
func (m *Meter) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	if _, err := m.read(ctx, now, dst); err != nil {
		return err
	}
	for ch, log := range m.logs {
		if log != nil {
			log.Add(dst[ch])
		}
	}
	return nil
}

// read also gives the longest half of a round trip.
func (m *Meter) read(ctx context.Context, now func() time.Duration, dst []bench.Reading) (half time.Duration, err error) {
	for _, f := range m.feeds {
		sent, err := m.client.get(ctx, now, f.path)
		why, isTrouble := errors.AsType[*trouble](err)
		if err != nil && !isTrouble {
			return half, err
		}
		half = max(half, (sent.got-sent.asked)/2)
		for i, it := range f.items {
			ch := f.first + i
			got := field{}
			if err != nil {
				got = absent(why.reason)
			} else {
				got = it.read(sent.resource)
			}
			if got.told() && got.taken != "" && got.taken == m.last[ch] {
				got.state, got.reason = bench.ReadingStale, reasonOld
			}
			if got.told() {
				m.last[ch] = got.taken
			}
			dst[ch] = bench.Reading{At: sent.midpoint(), Value: got.value, State: got.state, Reason: got.reason}
		}
	}
	return half, nil
}

// Close ends the session and the connection.
func (m *Meter) Close() error {
	if !m.closed {
		m.closed = true
		m.client.close()
	}
	return nil
}
