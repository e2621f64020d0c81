package report

import (
	"maps"
	"slices"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// meterTable says what each channel means, by host, and how that is known.
func meterTable(r bench.Results) tableView {
	t := tableView{ID: "meters", Caption: "Meters, and what their values mean.", Empty: "No meter was read."}
	t.Heads = []headView{
		{"Channel", "", false},
		{"Covers", "", false},
		{"Sensor", "", false},
		{"Renewed every", "", true},
		{"Averaged over", "", true},
		{"Resolution", "", true},
		{"Floor", "", true},
		{"Accuracy", "", false},
		{"How the value is made", "", false},
	}
	for _, h := range r.Provenance.Hosts {
		for _, m := range h.Meters {
			t.Rows = append(t.Rows, meterCells(h.Host, m))
		}
	}
	t.Folded = len(t.Rows) > foldAfter
	return t
}

func meterCells(host string, m bench.Channel) []cellView {
	covers := "in " + printable(string(m.Unit), 12)
	if m.Device != "" {
		covers = words(covers, printable(m.Device, 60))
	}
	if m.PartOf != "" {
		covers = words(covers, "a summand of "+printable(m.PartOf, 60))
	}
	sensor := cellView{Main: printable(string(m.Sensor), 20), Beside: sensorBasis(m)}
	if m.StampError > 0 {
		sensor.Beside = words(sensor.Beside, "stamped to ± "+seconds(m.StampError))
	}
	floor := orUnknown(m.Floor > 0, quantity(m.Floor, m))
	return []cellView{
		{Main: printable(m.Name, 60), Beside: printable(host, 60), Head: true, Code: true},
		{Main: printable(string(m.Scope), 20), Beside: covers},
		sensor,
		{
			Main: orUnknown(m.UpdatePeriod > 0, seconds(m.UpdatePeriod)), Beside: printable(m.PeriodBasis, 120), Num: true,
		},
		{Main: averagedOver(m), Beside: printable(m.WindowBasis, 120), Num: true},
		{Main: orUnknown(m.Resolution > 0, quantity(m.Resolution, m)), Num: true},
		{Main: floor, Beside: printable(m.FloorBasis, 160), Num: true},
		{Main: accuracy(m), Beside: printable(m.AccuracyNote, 200)},
		{Main: printable(m.Method, 300)},
	}
}

// averagedOver says over what time a value is the mean.
func averagedOver(m bench.Channel) string {
	switch {
	case m.Window > 0:
		return seconds(m.Window)
	case m.Sensor == bench.SensorInstant:
		return "instant"
	case m.Counter || m.Sensor == bench.SensorCounter:
		return "counter"
	default:
		return "not known"
	}
}

// accuracy prints the limits of a channel's error, which apply together.
func accuracy(m bench.Channel) string {
	text := ""
	if m.RelAccuracy > 0 {
		text = "± " + percent(m.RelAccuracy)
	}
	if m.AbsAccuracy > 0 {
		if text != "" {
			text += " "
		}
		text += "± " + quantity(m.AbsAccuracy, m)
	}
	return orText(text, "not stated")
}

func orUnknown(known bool, text string) string {
	if known {
		return text
	}
	return "not known"
}

func quantity(v float64, m bench.Channel) string {
	return strconv.FormatFloat(v, 'g', 3, 64) + " " + printable(string(m.Unit), 12)
}

// sensorBasis adds on what a channel rests, where its sensor does not say so.
func sensorBasis(m bench.Channel) string {
	return basisWord(m.Estimated && m.Sensor != bench.SensorEstimate, m.Simulated)
}

// gpuTable describes the GPUs as NVML tells them.
func gpuTable(r bench.Results) tableView {
	t := tableView{ID: "gpus", Caption: "GPUs, as NVML tells them. The UUID is a GPU's identity.", Empty: "No GPU was described."}
	t.Heads = []headView{
		{"GPU", "", false},
		{"UUID", "", false},
		{"Driver", "NVML, CUDA", false},
		{"VBIOS", "", false},
		{"Memory", "", true},
		{"Power limit", "", true},
		{"MIG", "", false},
		{"ECC", "", false},
		{"Not told", "", false},
	}
	for _, h := range r.Provenance.Hosts {
		for _, g := range h.GPUFacts {
			memory := cellView{Main: orUnknown(g.MemoryBytes > 0, units.Bytes(g.MemoryBytes).String()), Num: true}
			if g.UnifiedMemory {
				memory.Beside = "shared with the host"
			}
			t.Rows = append(t.Rows, []cellView{
				{Main: strconv.Itoa(g.Index) + " · " + printable(g.Name, 60), Beside: words(printable(h.Host, 60), printable(g.Architecture, 30)), Head: true},
				{Main: printable(g.UUID, 60), Code: true},
				{Main: orText(printable(g.Driver, 40), "not known"), Beside: words(printable(g.NVML, 30), printable(g.CUDA, 30))},
				{Main: orText(printable(g.VBIOS, 40), "not known"), Beside: printable(g.PCIBus, 30)},
				memory,
				{Main: orUnknown(g.PowerLimitW > 0, units.Watts(g.PowerLimitW).String()), Num: true},
				{Main: orText(printable(g.MIG, 60), "not known")},
				{Main: orText(printable(g.ECC, 40), "not known")},
				{Main: untold(g)},
			})
		}
	}
	return t
}

// untold lists the facts that a GPU does not tell, with the reasons.
func untold(g bench.GPUFacts) string {
	text := ""
	for _, key := range slices.Sorted(maps.Keys(g.Missing)) {
		text = words(text, printable(key, 40)+": "+printable(g.Missing[key], 120))
	}
	failed := 0
	for _, c := range g.Calls {
		if c.Result != "ok" {
			failed++
		}
	}
	if len(g.Calls) > 0 {
		text = words(text, strconv.Itoa(len(g.Calls)-failed)+" of "+plural(len(g.Calls), "NVML call")+" answered")
	}
	return orText(text, "nothing")
}
