package papers

import (
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// told is a metric with a value.
func told(name, unit string, value float64, basis ...string) bench.Metric {
	if !finite(value) {
		return untold(name, unit, "the figure is not a finite number")
	}
	return bench.Metric{Name: name, Unit: unit, Value: &value, Basis: words(basis)}
}

// untold is a metric without a value.
func untold(name, unit, missing string, basis ...string) bench.Metric {
	return bench.Metric{Name: name, Unit: unit, Missing: missing, Basis: words(basis)}
}

// named is a metric that is a name, no number.
func named(name, text string, basis ...string) bench.Metric {
	return bench.Metric{Name: name, Unit: "text", Text: text, Basis: words(basis)}
}

func words(parts []string) string {
	var said []string
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, "; ")
}

// renamed is a metric under another name.
func renamed(m bench.Metric, name string) bench.Metric {
	basis := "the same figure as " + m.Name
	if m.Basis != "" {
		basis += ": " + m.Basis
	}
	m.Name, m.Basis = name, basis
	return m
}
