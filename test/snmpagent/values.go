package snmpagent

import (
	"math"
	"strconv"
	"time"
)

// Constant is a value that never changes.
func Constant(text string) func(time.Time) string {
	return func(time.Time) string { return text }
}

// Power is a power in W, or an energy in J, as a function of the time since
// Anchor.
type Power struct {
	Anchor time.Time
	At     func(since time.Duration) float64
	// Renewed is how often the device renews its value: in between it repeats.
	// 0 renews it at every question.
	Renewed time.Duration
}

// Raw gives the value as a device would: divided by its scale (raw × scale =
// value), rounded to a whole count, and wrapped at a number of counts where
// wrapAt is not 0.
func (p Power) Raw(scale float64, wrapAt uint64) func(time.Time) string {
	return func(at time.Time) string {
		since := at.Sub(p.Anchor)
		if p.Renewed > 0 {
			since = since.Truncate(p.Renewed)
		}
		raw := math.Round(p.At(since) / scale)
		if wrapAt > 0 {
			raw = math.Mod(raw, float64(wrapAt))
		}
		return strconv.FormatFloat(raw, 'f', -1, 64)
	}
}
