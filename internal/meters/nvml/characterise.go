package nvml

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
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
	m.judge(seen, "measured over "+length.String())
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
		if m.closed {
			return nil, nil, errClosed
		}
		if err := m.read(now, dst); err != nil {
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
