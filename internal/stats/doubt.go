package stats

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/gum"
)

// sumDoubt is the uncertainty of the sum of windows over chosen channels, in
// J, or says which reading has none. Over the windows of a channel, errors
// that they share add linearly; different channels share none.
func sumDoubt(chosen []series, keys []phaseKey) (*bench.Uncertainty, string) {
	list, missing := channelDoubts(chosen, keys)
	if missing != "" {
		return nil, missing
	}
	sum := gum.AddIndependent(labelsOf(chosen), list)
	return &sum, ""
}

// channelDoubts gives the uncertainty of each chosen channel's sum of windows.
func channelDoubts(chosen []series, keys []phaseKey) (list []bench.Uncertainty, missing string) {
	for _, s := range chosen {
		var windows []bench.PhaseReading
		for _, key := range keys {
			windows = append(windows, s.of[key])
		}
		sum, why := readingsDoubt(windows)
		if why != "" {
			return nil, s.channel.Name + ": " + why
		}
		list = append(list, sum)
	}
	return list, ""
}

// readingsDoubt is the uncertainty of the sum of readings of one channel.
func readingsDoubt(readings []bench.PhaseReading) (bench.Uncertainty, string) {
	list := make([]bench.Uncertainty, 0, len(readings))
	for _, p := range readings {
		if !known(p.Uncertainty) {
			where := string(p.Phase)
			if p.Run > 0 {
				where = fmt.Sprintf("%s of run %d", where, p.Run)
			}
			return bench.Uncertainty{}, "the meter told no uncertainty for its " + where
		}
		list = append(list, itemised(*p.Uncertainty))
	}
	return gum.SumOver(list), ""
}

// known says that an uncertainty can be reckoned with.
func known(u *bench.Uncertainty) bool {
	if u == nil || !finite(u.Standard) || u.Standard < 0 {
		return false
	}
	for _, p := range u.Parts {
		if !finite(p.Standard) || p.Standard < 0 {
			return false
		}
	}
	return true
}

// itemised gives a budget without lines one line, so that it is not lost in a
// sum over lines.
func itemised(u bench.Uncertainty) bench.Uncertainty {
	if len(u.Parts) == 0 && u.Standard > 0 {
		u.Parts = []bench.UncertaintyPart{{
			Name: "of the reading", Type: gum.TypeB, Standard: u.Standard, DOF: u.DOF, Basis: "as told with the reading",
		}}
	}
	return u
}

// labelsOf names the channels in a budget of several.
func labelsOf(chosen []series) []string {
	labels := make([]string, len(chosen))
	for i := range chosen {
		if len(chosen) > 1 {
			labels[i] = chosen[i].channel.Name
		}
	}
	return labels
}

// doubt fills in the uncertainty of the energy per call and of its net: of the
// sensors and windows (type B), and, over two or more runs, of the run means
// (type A).
func (u *energyUse) doubt(f *bench.EnergyFigure, baseline floor) {
	gross, missing := channelDoubts(u.chosen, u.keys())
	if missing != "" {
		f.UncertaintyMissing = missing
		return
	}
	whole := u.perCall(gross)
	f.Uncertainty = &whole
	if f.NetMean == nil {
		f.UncertaintyMissing = "net: " + f.NetMeanMissing
		return
	}
	for i, device := range baseline.devices {
		taken, missing := device.doubt(u.seconds)
		switch {
		case missing != "":
			f.UncertaintyMissing = "net: " + missing
			return
		case device.channel == u.chosen[i].channel.Name:
			gross[i] = gum.Minus(gross[i], taken)
		default: // another view of the device shares no error that is known
			gross[i] = gum.AddIndependent([]string{"", "baseline"}, []bench.Uncertainty{gross[i], taken})
		}
	}
	net := u.perCall(gross)
	f.NetUncertainty = &net
}

// perCall turns the channels' uncertainties of all windows into that of the
// energy per call, with the spread of the runs.
func (u *energyUse) perCall(list []bench.Uncertainty) bench.Uncertainty {
	sum := gum.Scale(gum.AddIndependent(labelsOf(u.chosen), list), 1/float64(u.calls))
	var means []float64
	for _, run := range u.byRun {
		means = append(means, ratio(run))
	}
	d, err := Describe(means)
	if err != nil || d.SD == nil {
		return sum
	}
	return gum.WithRepeats(sum, *d.SD, d.N, fmt.Sprintf("spread of the means of %d runs", d.N))
}

// doubt is the uncertainty of what a device's floor takes off over a time.
func (d deviceFloor) doubt(seconds float64) (bench.Uncertainty, string) {
	for _, p := range d.readings {
		if p.EnergyJ == nil {
			return bench.Uncertainty{}, d.channel + ": its " + string(p.Phase) + " is a mean power without an uncertainty"
		}
	}
	sum, missing := readingsDoubt(d.readings)
	if missing != "" {
		return sum, d.channel + ": " + missing
	}
	return gum.Scale(sum, seconds/d.seconds), ""
}

// restDoubt is the uncertainty of wall − GPU − CPU over windows, nil where a
// reading's is not known.
func restDoubt(wall option, inner map[bench.Part]option, keys []phaseKey) *bench.Uncertainty {
	chosen := append([]series{}, wall.chosen...)
	for _, part := range parts() {
		chosen = append(chosen, inner[part].chosen...)
	}
	rest, missing := sumDoubt(chosen, keys)
	if missing != "" {
		return nil
	}
	return rest
}
