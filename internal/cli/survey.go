package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// The window for which doctor states an expected uncertainty, and how long it
// looks at the present values.
const (
	surveyWindow = time.Minute
	surveyLook   = 2 * time.Second
	surveyEvery  = 100 * time.Millisecond
)

// channelFacts is a channel as doctor tells it. What is not known is null,
// with its reason in the basis or the note.
type channelFacts struct {
	Meter     string       `json:"meter"`
	Channel   string       `json:"channel"`
	Device    string       `json:"device,omitempty"`
	Unit      bench.Unit   `json:"unit"`
	Scope     bench.Scope  `json:"scope"`
	Sensor    bench.Sensor `json:"sensor"`
	Estimated bool         `json:"estimated"`
	Simulated bool         `json:"simulated"`
	Method    string       `json:"method"`

	Present        *float64 `json:"present"`
	PresentMissing string   `json:"present_missing,omitempty"`
	UpdatePeriodS  *float64 `json:"update_period_s"`
	PeriodBasis    string   `json:"update_period_basis"`
	WindowS        *float64 `json:"averaging_window_s"`
	WindowBasis    string   `json:"averaging_window_basis"`
	Resolution     *float64 `json:"resolution"`
	Floor          *float64 `json:"floor"`
	FloorBasis     string   `json:"floor_basis,omitempty"`
	Accuracy       string   `json:"accuracy"`

	// ExpectedU95 is the relative uncertainty, at 95 %, of an energy over
	// ExpectedWindowS at ExpectedPowerW; null for channels that tell no energy.
	ExpectedU95     *float64 `json:"expected_u95_relative"`
	ExpectedPowerW  *float64 `json:"expected_at_power_w"`
	ExpectedWindowS *float64 `json:"expected_over_s"`
	ExpectedBasis   string   `json:"expected_basis"`
}

// expectation says how uncertain the energy of a channel will be.
type expectation func(c bench.Channel, powerW float64, window time.Duration) (u95 float64, basis string)

// present is the last value of a channel, or why there is none, and the mean
// power that it saw, NaN when it tells none.
type present struct {
	value  *float64
	why    string
	powerW float64
}

// survey looks at open meters for a moment and describes their channels.
func survey(ctx context.Context, open []meters.Meter, look time.Duration, expect expectation) ([]channelFacts, error) {
	if len(open) == 0 {
		return nil, nil
	}
	clock := meters.NewClock()
	sampler, err := meters.NewSampler(clock, surveyEvery, open, meters.SamplerOptions{})
	if err != nil {
		return nil, fmt.Errorf("look at meters: %w", err)
	}
	if err := sampler.Start(ctx); err != nil {
		return nil, fmt.Errorf("look at meters: %w", err)
	}
	wait := time.NewTimer(look)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	}
	sampler.Stop()
	var facts []channelFacts
	for _, m := range open {
		reasons := m.Reasons()
		for _, c := range m.Channels() {
			seen := presentOf(c, sampler.Samples(c.Name, 0, clock.Now()), reasons)
			facts = append(facts, describe(m.Name(), c, seen))
		}
	}
	for i := range facts {
		expectFor(&facts[i], open, facts, expect)
	}
	return facts, ctx.Err()
}

// presentOf reads the latest value out of samples. A counter gives its power
// by its growth.
func presentOf(c bench.Channel, samples []bench.Reading, reasons []string) present {
	out := present{powerW: math.NaN(), why: "no sample was taken"}
	var first, last *bench.Reading
	sum, n := 0.0, 0
	for i := range samples {
		r := &samples[i]
		if !r.Has() {
			out.why = cmp.Or(whyText(*r, reasons), r.State.String())
			continue
		}
		if first == nil {
			first = r
		}
		last = r
		sum, n = sum+r.Value, n+1
	}
	if last == nil {
		return out
	}
	out.value, out.why = &last.Value, ""
	switch {
	case c.Unit == bench.UnitWatt:
		out.powerW = sum / float64(n)
	case c.Unit == bench.UnitJoule && c.Counter && last.Value > first.Value:
		out.powerW = (last.Value - first.Value) / (last.At - first.At).Seconds()
	}
	return out
}

func describe(meter string, c bench.Channel, seen present) channelFacts {
	f := channelFacts{
		Meter: meter, Channel: c.Name, Device: c.Device, Unit: c.Unit, Scope: c.Scope, Sensor: c.Sensor,
		Estimated: c.Estimated, Simulated: c.Simulated, Method: c.Method,
		Present: seen.value, PresentMissing: seen.why,
		UpdatePeriodS: seconds(c.UpdatePeriod), PeriodBasis: cmp.Or(c.PeriodBasis, stated(c.UpdatePeriod)),
		WindowS: seconds(c.Window), WindowBasis: c.WindowBasis,
		Resolution: positive(c.Resolution), Floor: positive(c.Floor), FloorBasis: c.FloorBasis, Accuracy: accuracyText(c),
	}
	if f.WindowBasis == "" {
		switch c.Sensor {
		case bench.SensorAveraged:
			f.WindowBasis = stated(c.Window)
		case bench.SensorInstant:
			f.WindowBasis = "an instant value"
		default:
			f.WindowBasis = "none: " + string(c.Sensor)
		}
	}
	if !math.IsNaN(seen.powerW) {
		rounded := fourDigits(seen.powerW) // it stands for "about so much"
		f.ExpectedPowerW = &rounded
	}
	return f
}

func seconds(d time.Duration) *float64 {
	return positive(d.Seconds())
}

func positive(v float64) *float64 {
	if v <= 0 {
		return nil
	}
	return &v
}

// stated is the basis of a time that comes with none of its own.
func stated(d time.Duration) string {
	if d > 0 {
		return "as the source states"
	}
	return "not known"
}

func accuracyText(c bench.Channel) string {
	var parts []string
	if c.RelAccuracy > 0 {
		parts = append(parts, "± "+significant(100*c.RelAccuracy)+" %")
	}
	if c.AbsAccuracy > 0 {
		parts = append(parts, "± "+unitText(c.AbsAccuracy, c.Unit))
	}
	text := strings.Join(parts, " ")
	if text == "" {
		text = "not stated"
	}
	if c.AccuracyNote != "" {
		text += ": " + c.AccuracyNote
	}
	return text
}

// expectFor adds the expected uncertainty of an energy. The power of a counter
// that has not moved is that of another channel of its device.
func expectFor(f *channelFacts, open []meters.Meter, all []channelFacts, expect expectation) {
	if f.Unit != bench.UnitWatt && f.Unit != bench.UnitJoule {
		f.ExpectedPowerW, f.ExpectedBasis = nil, "the channel tells no energy"
		return
	}
	if f.ExpectedPowerW == nil && f.Device != "" {
		for _, other := range all {
			if other.Device == f.Device && other.Unit == bench.UnitWatt && other.ExpectedPowerW != nil {
				f.ExpectedPowerW = other.ExpectedPowerW
				break
			}
		}
	}
	if f.ExpectedPowerW == nil || *f.ExpectedPowerW <= 0 {
		f.ExpectedPowerW = nil
		f.ExpectedBasis = cmp.Or(f.PresentMissing, "no power was seen")
		return
	}
	c, err := channelNamed(open, f.Channel)
	if err != nil {
		f.ExpectedBasis = err.Error()
		return
	}
	u95, basis := expect(c, *f.ExpectedPowerW, surveyWindow)
	f.ExpectedBasis = basis
	if math.IsNaN(u95) || math.IsInf(u95, 0) || u95 <= 0 {
		return
	}
	f.ExpectedU95, f.ExpectedWindowS = &u95, seconds(surveyWindow)
}

func channelNamed(open []meters.Meter, name string) (bench.Channel, error) {
	for _, m := range open {
		for _, c := range m.Channels() {
			if c.Name == name {
				return c, nil
			}
		}
	}
	return bench.Channel{}, errors.New("the channel is gone")
}

// fourDigits rounds to four significant digits.
func fourDigits(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
