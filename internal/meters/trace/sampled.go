package trace

import (
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// Sampled makes a Source of a sampler.
func Sampled(s *meters.Sampler) Source { return sampled{s} }

type sampled struct{ *meters.Sampler }

// Meters describes what is sampled.
func (s sampled) Meters() []Meter {
	infos := s.Sampler.Meters()
	all := make([]Meter, len(infos))
	for i, m := range infos {
		all[i] = Meter{Name: m.Name, Channels: m.Channels, Interval: m.Interval, Reasons: m.Reasons}
	}
	return all
}

// Quality tells how sampling a meter has gone.
func (s sampled) Quality(meter string) bench.SamplingQuality {
	for _, st := range s.Stats() {
		if st.Meter == meter {
			return bench.SamplingQuality{
				Meter: meter, Interval: st.Interval, Samples: st.Ticks, Missed: st.Missed, Dropped: st.Dropped,
				LateP50: st.LateP50, LateP99: st.LateP99, LateMax: st.LateMax,
			}
		}
	}
	return bench.SamplingQuality{Meter: meter}
}
