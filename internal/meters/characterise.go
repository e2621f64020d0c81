package meters

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// Found is a property of a source that was found by watching it.
type Found struct {
	Value time.Duration
	// Lag is how late the source publishes beside its reference, where an
	// averaging window was found: what Channel.Lag takes, with Basis.
	Lag time.Duration
	// Updates is how many renewals of the value it rests on.
	Updates int
	// Basis says in words how it was found, or why it was not.
	Basis string
	OK    bool
}

// minUpdates is how many renewals must be seen for a period or a window.
const minUpdates = 8

// UpdatePeriod tells how often a source renews its value, from readings polled
// faster than that.
//
// A renewal is seen as a change of the value. Where the value stays equal over
// a renewal two periods look like one: the shortest intervals between changes
// give a first guess, every interval is then taken as a whole number of
// periods, and the period is the sum of intervals over the sum of these
// numbers. An interval across missed polls is left out. What is renewed as
// often as it was polled or oftener gets the polling step, and Basis says so.
func UpdatePeriod(readings []bench.Reading) Found {
	values := withValue(readings)
	if len(values) < 3 {
		return Found{Basis: fmt.Sprintf("too few readings (%d) to see the value renewed", len(values))}
	}
	step := medianStep(values)
	intervals := changeIntervals(values, step)
	length := (values[len(values)-1].At - values[0].At).Round(10 * time.Millisecond)
	if len(intervals) < minUpdates {
		return Found{
			Updates: len(intervals),
			Basis:   fmt.Sprintf("the value was renewed only %d times in %s, at least %d are needed", len(intervals), length, minUpdates),
		}
	}
	slices.Sort(intervals)
	median := intervals[len(intervals)/2]
	found := Found{Updates: len(intervals), OK: true}
	if median < step+step/2 {
		found.Value = roundPeriod(step)
		found.Basis = fmt.Sprintf("renewed at least as often as it was polled, every %s, over %s", found.Value, length)
		return found
	}
	found.Value = roundPeriod(fundamental(intervals, step))
	found.Basis = fmt.Sprintf("found from %d renewals in %s, polled every %s (half of the intervals between %s and %s)",
		len(intervals), length, roundPeriod(step),
		roundPeriod(intervals[len(intervals)/4]), roundPeriod(intervals[len(intervals)*3/4]))
	return found
}

// fundamental gives the period that sorted intervals are whole multiples of,
// as far as the polling step lets one tell.
func fundamental(intervals []time.Duration, step time.Duration) time.Duration {
	shortest := intervals[len(intervals)/10]
	if shortest < 3*step {
		// Multiples cannot be told from jitter of the polling: without repeated
		// values the mean is right, and the median bounds it where there are some.
		var sum time.Duration
		for _, d := range intervals {
			sum += d
		}
		return min(sum/time.Duration(len(intervals)), intervals[len(intervals)/2]+step)
	}
	// The median of those that are one period long, whatever the jitter.
	one := intervals[:sort.Search(len(intervals), func(i int) bool { return intervals[i] > shortest+shortest/2 })]
	period := one[len(one)/2]
	for range 3 {
		var sum, count float64
		for _, d := range intervals {
			k := math.Round(float64(d) / float64(period))
			if k < 1 || k > 4 { // longer ones could be any multiple
				continue
			}
			sum, count = sum+float64(d), count+k
		}
		if count > 0 {
			period = time.Duration(sum / count)
		}
	}
	return period
}

// withValue gives the readings that hold a value, oldest first as given.
func withValue(readings []bench.Reading) []bench.Reading {
	out := make([]bench.Reading, 0, len(readings))
	for _, r := range readings {
		if usable(r) && (len(out) == 0 || r.At > out[len(out)-1].At) {
			out = append(out, r)
		}
	}
	return out
}

// medianStep is the usual time between readings.
func medianStep(values []bench.Reading) time.Duration {
	steps := make([]time.Duration, 0, len(values))
	for i := 1; i < len(values); i++ {
		steps = append(steps, values[i].At-values[i-1].At)
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// changeIntervals gives the times between changes of the value, but for those
// across missed polls. A change is set between the two polls that show it.
func changeIntervals(values []bench.Reading, step time.Duration) []time.Duration {
	var intervals []time.Duration
	var last time.Duration
	seen := false
	for i := 1; i < len(values); i++ {
		a, b := values[i-1], values[i]
		if b.At-a.At > 3*step {
			seen = false // renewals may have gone by unseen
			continue
		}
		if a.Value == b.Value {
			continue
		}
		at := a.At + (b.At-a.At)/2
		if seen {
			intervals = append(intervals, at-last)
		}
		last, seen = at, true
	}
	return intervals
}

// roundPeriod leaves three significant digits, as no period is known better.
func roundPeriod(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
