package nvml

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// watchEvery is how often the GPU is read while it is watched: oftener than
// any sensor of it renews its value, and still a small load.
const watchEvery = time.Millisecond

// Characterise watches the GPU for some seconds and finds how often its values
// are renewed and over which window they are averaged. Power that does not
// vary shows no window: then the published table stands, and the channel says
// so. It ends early with ctx.
func (m *Fast) Characterise(ctx context.Context, now func() time.Duration) error {
	seen, trips, err := m.watch(ctx, now)
	if err != nil {
		return err
	}
	length := time.Duration(0)
	if len(trips) > 1 {
		length = m.watchFor
	}
	for _, ch := range []int{m.power, m.average, m.energy, m.utilisation} {
		if ch >= 0 {
			m.foundPeriod(ch, meters.UpdatePeriod(seen[ch]), length)
		}
	}
	if m.power >= 0 && m.energy >= 0 {
		found := meters.AveragingWindow(seen[m.power], seen[m.energy], true)
		finest := m.channels[m.energy].UpdatePeriod
		if found.OK && found.Value < finest {
			// The counter's own steps hide anything shorter, so that the fit is
			// an upper bound and the table may know better.
			found = meters.Found{Basis: fmt.Sprintf("no longer than %s, the period of the energy counter that it was held against", finest)}
		}
		m.foundWindow(m.power, found, length)
	}
	if m.average >= 0 {
		switch {
		case m.power >= 0:
			m.foundWindow(m.average, meters.AveragingWindow(seen[m.average], seen[m.power], false), length)
		case m.energy >= 0:
			m.foundWindow(m.average, meters.AveragingWindow(seen[m.average], seen[m.energy], true), length)
		}
	}
	if len(trips) > 0 {
		// Half of a slow round trip: when within it the value was taken is not known.
		slices.Sort(trips)
		half := trips[len(trips)*95/100] / 2
		for i := range m.channels {
			m.channels[i].StampError = half
		}
	}
	return nil
}

// watch reads at a fast pace and keeps what every channel showed, and how long
// each read took.
func (m *Fast) watch(ctx context.Context, now func() time.Duration) ([][]bench.Reading, []time.Duration, error) {
	ticks := int(m.watchFor / watchEvery)
	seen := make([][]bench.Reading, len(m.channels))
	for i := range seen {
		seen[i] = make([]bench.Reading, 0, ticks)
	}
	trips := make([]time.Duration, 0, ticks)
	dst := make([]bench.Reading, len(m.channels))
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for end := now() + m.watchFor; now() < end; {
		before := now()
		if err := m.Read(ctx, now, dst); err != nil {
			return nil, nil, fmt.Errorf("watch GPU %d: %w", m.gpu.index, err)
		}
		trips = append(trips, now()-before)
		for i := range dst {
			seen[i] = append(seen[i], dst[i])
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("watch GPU %d: %w", m.gpu.index, ctx.Err())
		case <-ticker.C:
		}
	}
	return seen, trips, nil
}

func (m *Fast) foundPeriod(ch int, found meters.Found, length time.Duration) {
	c := &m.channels[ch]
	if found.OK {
		c.UpdatePeriod = found.Value
		c.PeriodBasis = fmt.Sprintf("measured over %s: %s", length, found.Basis)
		return
	}
	c.PeriodBasis = fmt.Sprintf("not identifiable in %s: %s; %s", length, found.Basis, c.PeriodBasis)
}

// foundWindow takes the window that was found. A window says how a sensor that
// is called instant takes its mean; one that is called an average stays one.
func (m *Fast) foundWindow(ch int, found meters.Found, length time.Duration) {
	c := &m.channels[ch]
	switch {
	case !found.OK:
		c.WindowBasis = fmt.Sprintf("not identifiable in %s: %s; %s", length, found.Basis, c.WindowBasis)
	case found.Value <= 0 && c.Sensor == bench.SensorAveraged:
		c.WindowBasis = fmt.Sprintf("measured over %s, but not taken: no averaging was seen (%s); %s", length, found.Basis, c.WindowBasis)
	default:
		c.Window = found.Value
		c.WindowBasis = fmt.Sprintf("measured over %s: %s", length, found.Basis)
	}
}
