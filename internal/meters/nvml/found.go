package nvml

import (
	"fmt"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// knowledge is what of a channel was found by watching, and what is said of it
// where it was not.
type knowledge struct {
	period, window           bool
	periodBasis, windowBasis string // of what was read up
}

type channelLog struct {
	at  int // of the channel
	log *meters.RenewalLog
}

// remember prepares to remember what reads of stages show of power and energy.
func (m *Fast) remember() {
	m.known = make([]knowledge, len(m.channels))
	for i, c := range m.channels {
		m.known[i].periodBasis, m.known[i].windowBasis = c.PeriodBasis, c.WindowBasis
	}
	m.logs = nil
	for _, ch := range []int{m.power, m.average, m.energy} {
		if ch >= 0 {
			m.logs = append(m.logs, channelLog{at: ch, log: meters.NewRenewalLog()})
		}
	}
}

func (m *Fast) note(dst []bench.Reading) {
	for _, one := range m.logs {
		one.log.Add(dst[one.at])
	}
}

// Learn takes what watching at rest did not find from what stages showed, as
// the loading of a model varies the power. It is called between stages.
func (m *Fast) Learn() {
	const how = "measured during earlier stages"
	seen := make([][]bench.Reading, len(m.channels))
	for _, one := range m.logs {
		seen[one.at] = one.log.Readings()
		if len(seen[one.at]) == 0 {
			return
		}
	}
	for _, one := range m.logs {
		c := &m.channels[one.at]
		// Stages poll about as often as sensors are renewed: what is found is an
		// upper bound where it is near the polling, better than nothing and no
		// word against a table.
		found := one.log.Found()
		slower := found.Value > c.UpdatePeriod && found.Value > 2*one.log.Step()
		if found.OK && !m.known[one.at].period && (c.UpdatePeriod == 0 || slower) {
			c.UpdatePeriod, c.PeriodBasis = found.Value, found.Basis
		}
	}
	m.judgeWindows(seen, how, false)
}

// judge takes what was seen into the channels; how says by what. What was found
// before stands where nothing was found now.
func (m *Fast) judge(seen [][]bench.Reading, how string) {
	for _, ch := range []int{m.power, m.average, m.energy, m.utilisation} {
		if ch < 0 {
			continue
		}
		c, k := &m.channels[ch], &m.known[ch]
		switch found := meters.UpdatePeriod(seen[ch]); {
		case found.OK:
			c.UpdatePeriod, c.PeriodBasis, k.period = found.Value, how+": "+found.Basis, true
		case !k.period && c.UpdatePeriod == 0, !k.period && c.PeriodBasis == k.periodBasis:
			c.PeriodBasis = notIdentifiable(how, found.Basis, k.periodBasis)
		}
	}
	m.judgeWindows(seen, how, true)
}

func notIdentifiable(how, why, before string) string {
	return fmt.Sprintf("not identifiable, %s: %s; %s", how, why, before)
}

// judgeWindows compares powers with each other and with the counter. Only a
// close look says of a window that it was not found.
func (m *Fast) judgeWindows(seen [][]bench.Reading, how string, closely bool) {
	if m.power >= 0 && m.energy >= 0 && (closely || !m.known[m.power].window) {
		found := meters.AveragingWindow(seen[m.power], seen[m.energy], true)
		finest := max(m.channels[m.energy].UpdatePeriod, step(seen[m.energy]))
		if found.OK && found.Value < finest {
			// The counter's own steps hide anything shorter, so that the fit is
			// an upper bound and the table may know better.
			found = meters.Found{Basis: fmt.Sprintf("no longer than %s, the period of the energy counter that it was held against", finest)}
		}
		m.foundWindow(m.power, m.energy, found, how, closely)
	}
	if m.average < 0 || (!closely && m.known[m.average].window) {
		return
	}
	switch {
	case m.power >= 0:
		m.foundWindow(m.average, m.power, meters.AveragingWindow(seen[m.average], seen[m.power], false), how, closely)
	case m.energy >= 0:
		m.foundWindow(m.average, m.energy, meters.AveragingWindow(seen[m.average], seen[m.energy], true), how, closely)
	}
}

// foundWindow takes the window that was found, and how late it is published. A
// window says how a sensor that is called instant takes its mean; one that is
// called an average stays one.
func (m *Fast) foundWindow(ch, reference int, found meters.Found, how string, closely bool) {
	c, k := &m.channels[ch], &m.known[ch]
	switch {
	case !found.OK && (k.window || !closely):
	case !found.OK:
		c.WindowBasis = notIdentifiable(how, found.Basis, k.windowBasis)
	case found.Value <= 0 && c.Sensor == bench.SensorAveraged:
		if closely && !k.window {
			c.WindowBasis = fmt.Sprintf("%s, but not taken: no averaging was seen (%s); %s", how, found.Basis, k.windowBasis)
		}
	default:
		c.Window, k.window = found.Value, true
		c.WindowBasis = how + ": " + found.Basis
		other := m.channels[reference]
		c.Lag = found.Lag + other.Lag
		c.LagBasis = fmt.Sprintf("%s, beside %s: %s", how, other.Name, found.Basis)
	}
}

// step is the usual time between the readings of a series.
func step(readings []bench.Reading) time.Duration {
	if len(readings) < 2 {
		return 0
	}
	steps := make([]time.Duration, 0, len(readings))
	for i := 1; i < len(readings); i++ {
		steps = append(steps, readings[i].At-readings[i-1].At)
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}
