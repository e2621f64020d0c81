// Package metertest holds what tests of meters share: the conformance suite
// that every meter passes, and a scripted meter whose power is a function of
// time, so that energies are known in closed form. Nothing in it measures.
package metertest

import (
	"context"
	"math"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Power is a power in W as a function of time, with its integral from zero in
// J, so that a counter can be exact.
type Power struct {
	At     func(t time.Duration) float64
	Energy func(t time.Duration) float64
}

// Constant is w watts for ever.
func Constant(w float64) Power {
	return Power{
		At:     func(time.Duration) float64 { return w },
		Energy: func(t time.Duration) float64 { return w * t.Seconds() },
	}
}

// Ramp is w watts at zero and rises by slope watts per second.
func Ramp(w, slope float64) Power {
	return Power{
		At: func(t time.Duration) float64 { return w + slope*t.Seconds() },
		Energy: func(t time.Duration) float64 {
			s := t.Seconds()
			return w*s + slope*s*s/2
		},
	}
}

// Sine swings around mean by amplitude watts.
func Sine(mean, amplitude float64, period time.Duration) Power {
	omega := 2 * math.Pi / period.Seconds()
	return Power{
		At: func(t time.Duration) float64 { return mean + amplitude*math.Sin(omega*t.Seconds()) },
		Energy: func(t time.Duration) float64 {
			return mean*t.Seconds() + amplitude/omega*(1-math.Cos(omega*t.Seconds()))
		},
	}
}

// Square is high for the first half of each period and low for the second.
func Square(low, high float64, period time.Duration) Power {
	half := period / 2
	return Power{
		At: func(t time.Duration) float64 {
			if t%period < half {
				return high
			}
			return low
		},
		Energy: func(t time.Duration) float64 {
			into := t % period
			whole := float64(t/period) * (low + high) * half.Seconds()
			return whole + high*min(into, half).Seconds() + low*max(0, into-half).Seconds()
		},
	}
}

// Script says what a scripted meter plays.
type Script struct {
	Name  string // "" is "scripted"
	Power Power
	// Gaps are stretches in which every channel is missing.
	Gaps []Span
	// Stalls are stretches in which a read hangs until the stretch is over.
	Stalls []Span
	// ResetsAt are moments at which the counter starts again from zero.
	ResetsAt []time.Duration
	// WrapAtJ makes the counter wrap; 0 does not.
	WrapAtJ float64
	// StepJ quantises the counter downward; 0 does not.
	StepJ float64
	// OffsetJ is what the counter shows at zero.
	OffsetJ float64
	// UpdatePeriod holds values for so long, as a sensor does; 0 is continuous.
	// The first renewal is at Phase.
	UpdatePeriod time.Duration
	Phase        time.Duration
	// Window is what power is averaged over, a boxcar; 0 is instant.
	Window time.Duration
	// Lag is how old a value is when it is renewed.
	Lag time.Duration
	// PeriodUntold and LagUntold leave out of the channels' description what
	// the script knows.
	PeriodUntold, LagUntold bool
	// Gain is the factor by which power and energy are wrong; 0 counts as 1.
	Gain float64
	// NoiseW is the standard deviation of an error that is drawn anew with each
	// renewal of the power; Seed begins its sequence.
	NoiseW float64
	Seed   uint64
	// QuantumW rounds power to whole steps; 0 does not.
	QuantumW float64
	// RelAccuracy is what the channels state of their accuracy.
	RelAccuracy float64
	// FailAt makes Read fail for good from then on; 0 never.
	FailAt time.Duration
}

// Span is a stretch of time on the sampler's clock, half open.
type Span struct{ From, To time.Duration }

func (s Span) holds(t time.Duration) bool { return t >= s.From && t < s.To }

// Scripted plays a Script. Its channels, "<name>.power" and "<name>.energy",
// are marked simulated, so that no report can take them for measurements.
type Scripted struct {
	script Script
	closed bool
}

var _ meters.Meter = (*Scripted)(nil)

// NewScripted makes a scripted meter.
func NewScripted(s Script) *Scripted {
	if s.Name == "" {
		s.Name = "scripted"
	}
	return &Scripted{script: s}
}

// Name is the script's name.
func (m *Scripted) Name() string { return m.script.Name }

// Channels describes the power and the energy channel.
func (m *Scripted) Channels() []bench.Channel {
	power := bench.Channel{
		Name: m.script.Name + ".power", Unit: bench.UnitWatt, Scope: bench.ScopeBoard, Sensor: bench.SensorInstant,
		UpdatePeriod: m.script.UpdatePeriod, PeriodBasis: "scripted", Lag: m.script.Lag, LagBasis: "scripted",
		Identity: "scripted", Simulated: true,
		Method:     "simulated: a function of time, no measurement",
		Resolution: m.script.QuantumW, RelAccuracy: m.script.RelAccuracy,
	}
	switch {
	case m.script.PeriodUntold:
		power.UpdatePeriod, power.PeriodBasis = 0, ""
	case power.UpdatePeriod == 0:
		power.PeriodBasis = meters.Continuous
	}
	if m.script.LagUntold {
		power.Lag, power.LagBasis = 0, ""
	}
	if power.RelAccuracy > 0 {
		power.AccuracyNote = "stated by the script"
	}
	energy := power
	energy.Name, energy.Unit = m.script.Name+".energy", bench.UnitJoule
	energy.Sensor, energy.Counter = bench.SensorCounter, true
	energy.WrapAt, energy.Resolution = m.script.WrapAtJ, m.script.StepJ
	if m.script.Window > 0 {
		power.Sensor, power.Window, power.WindowBasis = bench.SensorAveraged, m.script.Window, "scripted"
	}
	return []bench.Channel{power, energy}
}

// Reasons lists why a scripted reading can be missing.
func (m *Scripted) Reasons() []string { return []string{"scripted gap"} }

// scriptError is an error of a scripted meter.
type scriptError string

func (e scriptError) Error() string { return string(e) }

// The errors of a scripted meter.
const (
	ErrFailed = scriptError("scripted failure")
	ErrClosed = scriptError("scripted meter is closed")
)

// Read plays the script at the present.
func (m *Scripted) Read(ctx context.Context, now func() time.Duration, dst []bench.Reading) error {
	if m.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the caller's own cancellation
	}
	for _, s := range m.script.Stalls {
		if t := now(); s.holds(t) {
			if err := wait(ctx, s.To-t); err != nil {
				return err
			}
		}
	}
	t := now()
	if m.script.FailAt > 0 && t >= m.script.FailAt {
		return ErrFailed
	}
	for _, s := range m.script.Gaps {
		if s.holds(t) {
			dst[0] = bench.Reading{At: t, State: bench.ReadingMissing}
			dst[1] = dst[0]
			return nil
		}
	}
	shown, renewal := m.shown(t)
	dst[0] = bench.Reading{At: t, Value: m.power(shown, renewal)}
	dst[1] = bench.Reading{At: t, Value: m.counter(shown)}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own cancellation
	case <-timer.C:
		return nil
	}
}

// shown gives the moment that the values told at t are of, and the number of
// their renewal.
func (m *Scripted) shown(t time.Duration) (at time.Duration, renewal uint64) {
	at, renewal = t, uint64(t)
	if period := m.script.UpdatePeriod; period > 0 {
		since := t - m.script.Phase%period + period
		renewal = uint64(since / period)
		at = t - since%period
	}
	return max(0, at-m.script.Lag), renewal
}

// power is what the power sensor shows of moment at.
func (m *Scripted) power(at time.Duration, renewal uint64) float64 {
	value := m.script.Power.At(at)
	if m.script.Window > 0 && at > 0 {
		from := max(0, at-m.script.Window)
		value = (m.script.Power.Energy(at) - m.script.Power.Energy(from)) / (at - from).Seconds()
	}
	value *= m.gain()
	if m.script.NoiseW > 0 {
		value += m.script.NoiseW * gaussian(m.script.Seed*0x9e3779b97f4a7c15+renewal)
	}
	if q := m.script.QuantumW; q > 0 {
		value = math.Round(value/q) * q
	}
	return value
}

func (m *Scripted) gain() float64 {
	if m.script.Gain == 0 {
		return 1
	}
	return m.script.Gain
}

// gaussian turns n into a number that is spread as the standard normal
// distribution: the same for the same n, and no two n alike.
func gaussian(n uint64) float64 {
	const scale = 1.0 / (1 << 53)
	u1 := (float64(mix(2*n)>>11) + 0.5) * scale
	u2 := (float64(mix(2*n+1)>>11) + 0.5) * scale
	return math.Sqrt(-2*math.Log(u1)) * math.Cos(2*math.Pi*u2)
}

// mix is a bijection of the 64-bit numbers that leaves no pattern in them:
// alternating shifts and odd factors.
func mix(n uint64) uint64 {
	n = (n + 0x9e3779b97f4a7c15)
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// Truth is the energy that was really used from t0 to t1, in J, whatever the
// sensor showed.
func (s Script) Truth(t0, t1 time.Duration) float64 { return s.Power.Energy(t1) - s.Power.Energy(t0) }

// counter is what the energy counter shows at t.
func (m *Scripted) counter(t time.Duration) float64 {
	value := m.script.OffsetJ + m.gain()*m.script.Power.Energy(t)
	for _, at := range m.script.ResetsAt {
		if t >= at {
			value = m.gain() * (m.script.Power.Energy(t) - m.script.Power.Energy(at))
		}
	}
	if m.script.WrapAtJ > 0 {
		value = math.Mod(value, m.script.WrapAtJ)
	}
	if m.script.StepJ > 0 {
		value = math.Floor(value/m.script.StepJ) * m.script.StepJ
	}
	return value
}

// Close ends the meter; a second call does nothing.
func (m *Scripted) Close() error {
	m.closed = true
	return nil
}
