// Package units holds the quantities of wattsweep as types, so that no bare
// number ever stands for an energy, a power or an amount of money. It imports
// the standard library only.
package units

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Joules is an amount of energy in joule (1 J = 1 W·s).
type Joules float64

// JoulesPerKWh is the number of joules in one kilowatt hour (exact, SI).
const JoulesPerKWh = 3.6e6

// JoulesPerMWh is the number of joules in one milliwatt hour.
const JoulesPerMWh = 3.6

// KWh converts to kilowatt hours.
func (j Joules) KWh() float64 { return float64(j) / JoulesPerKWh }

// MilliWattHours converts to milliwatt hours, the white paper's unit for one call.
func (j Joules) MilliWattHours() float64 { return float64(j) / JoulesPerMWh }

// String prints with a prefix that keeps three to four digits readable.
func (j Joules) String() string { return scaled(float64(j), "J") }

// Watts is a power in watt.
type Watts float64

// For returns the energy of a constant power held for d.
func (w Watts) For(d time.Duration) Joules { return Joules(float64(w) * d.Seconds()) }

// String prints with a prefix that keeps three to four digits readable.
func (w Watts) String() string { return scaled(float64(w), "W") }

// Bytes is an amount of data or memory in bytes.
type Bytes int64

// MiB converts to mebibytes (2^20 bytes).
func (b Bytes) MiB() float64 { return float64(b) / (1 << 20) }

// GiB converts to gibibytes (2^30 bytes).
func (b Bytes) GiB() float64 { return float64(b) / (1 << 30) }

// GB converts to gigabytes (10^9 bytes), as runtimes list model sizes.
func (b Bytes) GB() float64 { return float64(b) / 1e9 }

// String prints in binary units.
func (b Bytes) String() string {
	switch v := float64(b); {
	case math.Abs(v) >= 1<<30:
		return fmt.Sprintf("%.2f GiB", b.GiB())
	case math.Abs(v) >= 1<<20:
		return fmt.Sprintf("%.1f MiB", b.MiB())
	case math.Abs(v) >= 1<<10:
		return fmt.Sprintf("%.1f KiB", v/(1<<10))
	default:
		return strconv.FormatInt(int64(b), 10) + " B"
	}
}

// Currency is an ISO 4217 code such as "SEK".
type Currency string

// Money is an amount in a currency. Amounts of different currencies are never
// added; a conversion needs a stated rate.
type Money struct {
	Amount   float64  `json:"amount"`
	Currency Currency `json:"currency"`
}

// String prints four significant digits, since costs per call are tiny.
func (m Money) String() string {
	return strconv.FormatFloat(m.Amount, 'g', 4, 64) + " " + string(m.Currency)
}

// scaled prints v with a metric prefix and four significant digits.
func scaled(v float64, unit string) string {
	a := math.Abs(v)
	switch {
	case a >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + " M" + unit
	case a >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + " k" + unit
	case a == 0 || a >= 0.1:
		return strconv.FormatFloat(v, 'g', 4, 64) + " " + unit
	default:
		return strconv.FormatFloat(v*1e3, 'g', 4, 64) + " m" + unit
	}
}
