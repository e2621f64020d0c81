package config

import (
	"slices"
	"time"
)

func (c checker) datasets(s *Spec) {
	c.nonEmpty("datasets", len(s.Datasets), "add one, e.g. datasets: [{name: demo-journals, languages: [sv]}]")
	for i, d := range s.Datasets {
		path := index("datasets", i)
		c.name(join(path, "name"), d.Name, namePattern, nameRule)
		c.between(join(path, "limit"), d.Limit, 0, 10_000_000)
		c.languages(join(path, "languages"), d.Languages)
		if !c.found.broken(join(path, "name")) {
			c.datasetSource(path, d)
		}
	}
	unique(c, "datasets", "name", s.Datasets, func(d DatasetSpec) string { return d.Name })
}

func (c checker) languages(path string, languages []string) {
	c.nonEmpty(path, len(languages), "add languages, e.g. languages: [sv, en]")
	for i, language := range languages {
		c.oneOf(index(path, i), language, knownLanguages())
	}
	unique(c, path, "", languages, func(s string) string { return s })
}

// datasetSource checks that a dataset is either built in or lies at a path.
func (c checker) datasetSource(path string, d DatasetSpec) {
	format, where := join(path, "format"), join(path, "path")
	builtin := d.Format == formatBuiltin || (d.Format == "" && d.Path == "")
	switch {
	case c.found.broken(format) || c.found.broken(where):
	case d.Format != "" && !slices.Contains(knownFormats(), d.Format):
		c.oneOf(format, d.Format, knownFormats())
	case builtin && d.Path != "":
		c.found.add(where, "take the path out, or name the format of its files", "is given for a built-in dataset")
	case builtin && d.Name != datasetDemo:
		c.found.add(join(path, "name"), "add format and path for a dataset of your own",
			"is %s, expected a built-in dataset (%s)", shown(d.Name), datasetDemo)
	case !builtin && d.Path == "":
		c.found.add(where, "add the path of the files, relative to the spec", "is missing, expected a file or folder")
	case !builtin && d.Format == "":
		c.found.add(format, "add it", "is missing, expected %s", alternatives(knownFormats()[1:]))
	}
}

// thermalGate wants a temperature: a gate has no sensible default one.
func (c checker) thermalGate(g *ThermalGateSpec) {
	if g == nil {
		return
	}
	const path = "phases.thermal_gate"
	if here := join(path, "below_c"); !c.found.given(here) && !c.found.broken(here) {
		c.found.add(here, "state it, e.g. below_c: 50; the idle GPU must get there", "is missing, expected °C")
	} else {
		c.above(here, g.BelowC, 150)
	}
	c.span(join(path, "timeout"), g.Timeout, time.Second, 2*time.Hour)
}

func (c checker) meters(m MeterSpec) {
	c.span("meters.interval", m.Interval, time.Millisecond, time.Minute)
	c.oneOf("meters.foreign_process", m.ForeignProcess, knownForeign())
	if m.Estimate == nil {
		return
	}
	const path = "meters.estimate"
	c.watts(join(path, "idle_power_w"), m.Estimate.IdlePowerW)
	c.watts(join(path, "power_per_busy_core_w"), m.Estimate.PowerPerBusyCoreW)
	c.text(join(path, "source"), m.Estimate.Source, 500, "say where the watts come from")
}

// watts wants a stated power: an estimate has no default.
func (c checker) watts(path string, value float64) {
	if !c.found.given(path) && !c.found.broken(path) {
		c.found.add(path, "state it; an estimate has no default", "is missing, expected watts")
		return
	}
	c.number(path, value, 0, 1e6)
}

func (c checker) prices(p PriceSpec) {
	if here := "prices.energy_per_kwh"; !c.found.given(here) && !c.found.broken(here) {
		c.found.add(here, "state the price of a kWh", "is missing, expected a number")
	}
	c.number("prices.energy_per_kwh", p.EnergyPerKWh, 0, 1e9)
	c.name("prices.currency", p.Currency, currencyPattern, "three capital letters such as SEK")
	c.number("prices.pue", p.PUE, 1, 10)
	c.number("prices.carbon_g_per_kwh", p.CarbonGPerKWh, 0, 1e5)
	if p.CarbonGPerKWh > 0 || p.CarbonSource != "" {
		c.text("prices.carbon_source", p.CarbonSource, 500, "say where the carbon intensity comes from")
	}
}

// cells checks the size of the matrix before anything is made of it.
func (c checker) cells(s *Spec) {
	if len(c.found.list) > 0 {
		return // the count means nothing while parts are refused
	}
	count := 0
	for range s.matrix() {
		if count++; count > maxCells {
			c.found.add("", "split it into several sweeps", "describes more than %d cells (hosts × runtimes × models × datasets × languages)", maxCells)
			return
		}
	}
	if count == 0 {
		c.found.add("models", "widen the hosts or runtimes of a model", "describe no cell: no model may run anywhere")
	}
}
