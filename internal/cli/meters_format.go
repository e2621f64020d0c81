package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// unitText prints a value in its unit with what matters of it.
func unitText(v float64, unit bench.Unit) string {
	switch unit {
	case bench.UnitWatt:
		return units.Watts(v).String()
	case bench.UnitJoule:
		return units.Joules(v).String()
	case bench.UnitByte:
		return units.Bytes(int64(v)).String()
	case bench.UnitHertz:
		return significant(v/1e6) + " MHz"
	case bench.UnitCelsius:
		return significant(v) + " °C"
	case bench.UnitCount:
		return significant(v)
	default:
		return significant(v) + " " + string(unit)
	}
}

// significant prints four digits, and no exponent where people read numbers.
func significant(v float64) string {
	if a := math.Abs(v); a >= 1e4 && a < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// plainNumber prints a value to the bit, without an exponent where people and
// simple programs read it.
func plainNumber(v float64) string {
	if a := math.Abs(v); a < 1e15 && (a >= 1e-6 || a == 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// pace prints a period as people say it; "" is not known.
func pace(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	step := time.Duration(1)
	for d/step >= 1000 {
		step *= 10
	}
	return d.Round(step).String()
}

// marked is a channel's name with what must not be overlooked about it.
func marked(c bench.Channel) string {
	var marks []string
	if c.Simulated {
		marks = append(marks, "simulated")
	}
	if c.Estimated {
		marks = append(marks, "estimated")
	}
	if len(marks) == 0 {
		return c.Name
	}
	return c.Name + " (" + strings.Join(marks, ", ") + ")"
}

// sparkline draws values between low and high in eight steps; a value that is
// NaN is a gap. It is as wide as values are many.
func sparkline(values []float64, low, high float64) string {
	steps := []rune("▁▂▃▄▅▆▇█")
	var out strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			out.WriteRune(' ')
		case high <= low:
			out.WriteRune(steps[len(steps)/2-1])
		default:
			at := int((v - low) / (high - low) * float64(len(steps)))
			out.WriteRune(steps[min(max(at, 0), len(steps)-1)])
		}
	}
	return out.String()
}

// whyText is what a reading that is not ok says of itself.
func whyText(r bench.Reading, reasons []string) string {
	if r.State == bench.ReadingOK {
		return ""
	}
	if int(r.Reason) < len(reasons) {
		return reasons[r.Reason]
	}
	return fmt.Sprintf("reason %d", r.Reason)
}
