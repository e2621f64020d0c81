// Package meters says what a meter is, samples meters without disturbing what
// they measure, and turns samples into energy. Each meter is a package of its
// own below this one and passes the conformance suite in metertest.
package meters

import (
	"context"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Meter is a source of power, energy or utilisation: NVML, a PDU, RAPL, the
// operating system. A meter that a host lacks is no error: its constructor
// returns a *Missing, and the report says which and why.
//
// A Meter is used by one goroutine at a time.
type Meter interface {
	// Name is short and unique on a host: host, estimate, nvml, pdu.rack3.
	Name() string
	// Channels describes the series in the order Read fills them. It does not
	// change while the meter is open.
	Channels() []bench.Channel
	// Read takes one sample of every channel into dst, whose length is that of
	// Channels. Every reading is stamped by now, the host's monotonic clock,
	// at the midpoint of asking and getting. A channel that gave nothing is
	// ReadingMissing with a reason; Read itself fails only when the meter is
	// gone for good. It allocates nothing once warm.
	Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error
	// Reasons lists the texts that Reading.Reason points into.
	Reasons() []string
	// Close releases the source; a second call does nothing.
	Close() error
}

// Paced is a Meter that knows how often it is worth reading, such as a PDU that
// is polled at half of its refresh period. The sampler takes the interval that
// SamplerOptions.Intervals names, else this one where it is not 0, else its own.
type Paced interface{ Interval() time.Duration }

// Characterised is a Meter whose update period and averaging window are found
// by watching it. Characterise is called before sampling, at the start of a
// session; it takes some seconds, and Channels tells afterwards what was found
// and on what basis. What could not be found is said there, not an error.
type Characterised interface {
	Characterise(ctx context.Context, now func() time.Duration) error
}

// Missing says that a meter cannot be used on this host, and why.
type Missing struct {
	Meter string
	Why   string
	Mend  string
}

// Error gives the reason.
func (m *Missing) Error() string { return m.Meter + ": " + m.Why }

// Clock is a host's monotonic clock with one wall-clock anchor.
type Clock struct {
	Anchor time.Time // wall clock (with its monotonic reading) at zero
}

// NewClock anchors a clock at the present.
func NewClock() Clock { return Clock{Anchor: time.Now()} }

// Now is the time since the anchor, monotonic.
func (c Clock) Now() time.Duration { return time.Since(c.Anchor) }

// Wall converts a monotonic time to wall-clock time.
func (c Clock) Wall(at time.Duration) time.Time { return c.Anchor.Add(at) }
