package meters

import "context"

// Tick takes one sample of every meter in the caller's goroutine, for the
// allocation test and the benchmark. The sampler must not have been started.
func (s *Sampler) Tick(ctx context.Context, seq int64) bool {
	for _, one := range s.series {
		if !one.take(ctx, seq) {
			return false
		}
	}
	return true
}

// RefillSpares does the feeder's work.
func (s *Sampler) RefillSpares() {
	for {
		select {
		case one := <-s.feed:
			one.spare = newChunk(len(one.channels))
		default:
			return
		}
	}
}

// Launch is Start without waiting for a first sample.
func (s *Sampler) Launch(ctx context.Context) error { return s.launch(ctx) }
