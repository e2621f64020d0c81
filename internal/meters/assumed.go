package meters

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Continuous is the PeriodBasis of a source that holds no value at all, as none
// but a made-up one: its update period of 0 is known, and not unknown.
const Continuous = "continuous: a function of time"

// assumedPrefix begins the basis of a period that AssumedPeriod gave.
const assumedPrefix = "assumed:"

// class is what is taken of sources of one kind that tell nothing of it.
type class struct {
	meter string // how the names of its channels begin, up to a dot or a number
	// period is taken for the update period; 0 where a value is computed anew
	// at each read.
	period time.Duration
	why    string
	// atOnce: a value is of the moment at which it was renewed, as of a register
	// that is read directly; else it may be published late.
	atOnce bool
	mostW  float64 // more power than any such source draws; 0 where not known
}

func classes() []class {
	return []class{
		{meter: "pdu", period: 3 * time.Second, why: "rack PDUs renew their values every 1 to 10 s"},
		{meter: "plug", period: time.Second, why: "smart plugs read their metering chip about once a second"},
		{meter: "redfish", period: 5 * time.Second, why: "BMCs renew their power every 1 to 10 s"},
		{meter: "gpu", period: 100 * time.Millisecond, why: "most GPUs that were studied renew their values every 100 ms or oftener"},
		{meter: "rapl", period: time.Millisecond, why: "Intel documents about 1 ms", atOnce: true, mostW: 1000},
		{meter: "hwmon", period: time.Second, why: "monitors of the kernel renew their values once a second or oftener"},
		{meter: "host", atOnce: true},
		{meter: "estimate", atOnce: true},
		{meter: "ups", period: 30 * time.Second, why: "network cards of UPSs renew their values every few seconds to half a minute"},
	}
}

// classOfSource finds the class of a channel by its name, else by its scope.
func classOfSource(c *bench.Channel) class {
	meter, _, _ := strings.Cut(strings.ToLower(c.Name), ".")
	meter = strings.TrimRight(meter, "0123456789")
	if meter == "pdu" && saysUPS(c) {
		meter = "ups"
	}
	all := classes()
	if i := slices.IndexFunc(all, func(one class) bool { return one.meter == meter }); i >= 0 {
		return all[i]
	}
	switch c.Scope {
	case bench.ScopeOutlet, bench.ScopePhase, bench.ScopeInlet:
		meter = "pdu"
	case bench.ScopePSU:
		meter = "redfish"
	case bench.ScopePackage, bench.ScopeDRAM, bench.ScopePlatform:
		meter = "rapl"
	case bench.ScopeHost, bench.ScopeProcess:
		meter = "host"
	default:
		meter = "gpu"
	}
	return all[slices.IndexFunc(all, func(one class) bool { return one.meter == meter })]
}

// saysUPS reports whether what a channel says of itself names a UPS.
func saysUPS(c *bench.Channel) bool {
	words := strings.FieldsFunc(strings.ToLower(c.Name+" "+c.Device+" "+c.Method), func(r rune) bool { return r < 'a' || r > 'z' })
	return slices.Contains(words, "ups")
}

// AssumedPeriod gives the update period that is taken for a power or an energy
// counter that states none, with its basis in words: one that is usual for its
// class. Not known is not instantaneous: values would be taken for fresh that
// are seconds old. It is 0 with "" where there is nothing to assume: the
// channel states a period, is Continuous, is computed anew at each read, or
// tells no energy.
func AssumedPeriod(c bench.Channel) (period time.Duration, basis string) {
	if c.UpdatePeriod > 0 || c.PeriodBasis == Continuous || !tellsEnergy(&c) {
		return 0, ""
	}
	of := classOfSource(&c)
	if of.period == 0 {
		return 0, ""
	}
	basis = fmt.Sprintf("%s %s, as %s", assumedPrefix, of.period, of.why)
	if c.PeriodBasis != "" {
		basis += "; of this one: " + c.PeriodBasis
	}
	return of.period, basis
}

// described completes what channels tell of themselves by what has to be
// assumed, so that windows, budgets, traces and reports all say the same.
func described(channels []bench.Channel) []bench.Channel {
	all := slices.Clone(channels)
	for i := range all {
		if period, basis := AssumedPeriod(all[i]); period > 0 {
			all[i].UpdatePeriod, all[i].PeriodBasis = period, basis
		}
	}
	return all
}

// lagDoubt is by how much a value may be older than Channel.Lag says: nothing
// where that is known. Otherwise the source may publish as late as a fit would
// find, or by a whole update period, if that is longer.
func lagDoubt(c *bench.Channel) time.Duration {
	if !tellsEnergy(c) || c.LagBasis != "" || c.PeriodBasis == Continuous {
		return 0
	}
	of := classOfSource(c)
	if of.atOnce {
		return of.period
	}
	return max(maxLag, c.UpdatePeriod)
}

// Delay is how old what a power or an energy counter shows is, in the mean, to
// whoever joins all of its readings by lines, held ones too: a curve is drawn so
// much before the stamps. It is the channel's lag, half of its averaging window
// and half of its update period; 0 of what tells no energy.
func Delay(c bench.Channel) time.Duration {
	if !tellsEnergy(&c) {
		return 0
	}
	return c.Lag + c.Window/2 + c.UpdatePeriod/2
}
