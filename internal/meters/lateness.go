package meters

import (
	"math/bits"
	"time"
)

// lateness is a histogram of how late samples began. It has a bucket for every
// eighth of a power of two in µs, so that a percentile is right to 1 in 16,
// and a fixed size, so that a sample allocates nothing.
type lateness struct {
	count   [latenessBuckets]int64
	n       int64
	longest time.Duration
}

const (
	latenessSub     = 8
	latenessBuckets = latenessSub * 40 // up to 2^40 µs, 12 days
)

func (h *lateness) add(d time.Duration) {
	h.longest = max(h.longest, d)
	h.count[latenessBucket(d)]++
	h.n++
}

// latenessBucket gives the bucket of d: the first two octaves hold single µs.
func latenessBucket(d time.Duration) int {
	us := max(0, d.Microseconds())
	if us < 2*latenessSub {
		return int(us)
	}
	octave := bits.Len64(uint64(us)) - 4 // us>>octave is 8 to 15
	return min(latenessSub*octave+int(us>>octave), latenessBuckets-1)
}

// latenessMiddle is the middle of bucket i.
func latenessMiddle(i int) time.Duration {
	if i < 2*latenessSub {
		return time.Duration(i)*time.Microsecond + time.Microsecond/2
	}
	octave := i/latenessSub - 1
	wide := time.Microsecond << octave
	return time.Duration(i%latenessSub+latenessSub)*wide + wide/2
}

// quantile gives the lateness that a share p of samples did not exceed.
func (h *lateness) quantile(p float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := max(1, int64(p*float64(h.n)+0.5))
	for i, c := range h.count {
		if rank -= c; rank <= 0 {
			return min(latenessMiddle(i), h.longest)
		}
	}
	return h.longest
}
