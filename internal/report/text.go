package report

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// none stands where a figure does not exist.
const none = "—"

// sig prints v with n significant digits and without an exponent while that
// stays readable.
func sig(v float64, n int) string {
	if v == 0 {
		return "0"
	}
	a := math.Abs(v)
	if a >= 1e12 || a < 1e-4 {
		return scientific(v, n)
	}
	decimals := max(0, n-1-int(math.Floor(math.Log10(a))))
	return minus(strconv.FormatFloat(v, 'f', decimals, 64))
}

// scientific prints v as a number and a power of ten.
func scientific(v float64, n int) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', n-1, 64), "e")
	sign := strings.TrimPrefix(exponent[:1], "+")
	raised := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶",
		"7", "⁷", "8", "⁸", "9", "⁹").Replace(sign + strings.TrimLeft(exponent[1:], "0"))
	return minus(mantissa) + "×10" + raised
}

// fixed prints v with a set number of decimals.
func fixed(v float64, decimals int) string {
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(text, "-0.") == "" { // no "-0.00"
		text = strings.TrimPrefix(text, "-")
	}
	return minus(text)
}

// minus uses the true minus sign, which is as wide as a digit.
func minus(text string) string {
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		return "−" + rest
	}
	return text
}

// span prints an interval; negative bounds take words instead of a dash.
func span(low, high float64, number func(float64) string) string {
	if low < 0 || high < 0 {
		return number(low) + " to " + number(high)
	}
	return number(low) + "–" + number(high)
}

func two(v float64) string   { return fixed(v, 2) }
func three(v float64) string { return sig(v, 3) }

// percent prints a share of one.
func percent(share float64) string { return sig(share*100, 3) + " %" }

// count prints a whole number with thin spaces between thousands.
func count(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// seconds prints a duration for people.
func seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case s == 0:
		return "0 s"
	case s >= 120:
		return d.Round(time.Second).String()
	case s < 0.1:
		return sig(s*1e3, 3) + " ms"
	default:
		return sig(s, 3) + " s"
	}
}

// clock prints an instant in UTC, or a dash when there is none.
func clock(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// short cuts a hash to what tells two of them apart.
func short(hash string) string {
	algorithm, digits, found := strings.Cut(hash, ":")
	if !found {
		algorithm, digits = "", hash
	} else {
		algorithm += ":"
	}
	if len(digits) > 12 {
		return printable(algorithm+digits[:12], 40) + "…"
	}
	return printable(hash, 40)
}

// printable makes foreign text safe for a terminal and a page: control
// characters, terminal escapes and direction overrides become a visible mark,
// and text over limit runes is cut.
func printable(text string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n == limit {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			r = ' '
		case !unicode.IsPrint(r) && r != '\u202f' && r != '\u00a0':
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// language names a language code in English, since the report is in English.
func language(code string) string {
	switch strings.ToLower(code) {
	case "sv":
		return "Swedish"
	case "en":
		return "English"
	case "de":
		return "German"
	case "da":
		return "Danish"
	case "nb", "no":
		return "Norwegian"
	case "fi":
		return "Finnish"
	case "es":
		return "Spanish"
	case "fr":
		return "French"
	case "":
		return "no language"
	default:
		return printable(code, 24)
	}
}

// energyWord says on what a cell's energy rests when it was not measured.
func energyWord(c bench.CellResult) string {
	if c.Energy == nil {
		return ""
	}
	return basisWord(c.Energy.Estimated || c.Energy.Method == bench.EnergyEstimated, c.Energy.Simulated)
}

// costWord is energyWord for the cost, which may rest on more than the energy.
func costWord(c bench.CellResult) string {
	if c.Cost == nil {
		return ""
	}
	simulated := c.Energy != nil && c.Energy.Simulated
	return basisWord(c.Cost.Estimated || energyEstimated(c), simulated)
}

func energyEstimated(c bench.CellResult) bool {
	return c.Energy != nil && (c.Energy.Estimated || c.Energy.Method == bench.EnergyEstimated)
}

// phaseWord says on what a phase's figures rest when they were not measured.
func phaseWord(p bench.PhaseReading) string {
	estimated := p.Method == bench.EnergyEstimated || p.Channel.Estimated || p.Channel.Sensor == bench.SensorEstimate
	return basisWord(estimated, p.Channel.Simulated)
}

func basisWord(estimated, simulated bool) string {
	switch {
	case estimated && simulated:
		return "estimated, simulated"
	case estimated:
		return "estimated"
	case simulated:
		return "simulated"
	default:
		return ""
	}
}

// plural gives "1 cell" or "3 cells".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// sentenceList joins names as people do: a, b and c.
func sentenceList(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	}
}
