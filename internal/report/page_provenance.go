package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// hostSheets list what is known about each machine and its runtime.
func hostSheets(r bench.Results) []factSheet {
	var sheets []factSheet
	for _, h := range r.Provenance.Hosts {
		gpus := "none: " + orText(printable(h.GPUsMissing, 200), "no reason was stored")
		if len(h.GPUs) > 0 {
			gpus = printable(strings.Join(h.GPUs, ", "), 400)
		}
		sheet := factSheet{Title: printable(h.Host, 80)}
		add := func(name, text string) {
			if text != "" {
				sheet.Facts = append(sheet.Facts, stat{Name: name, Value: text})
			}
		}
		add("Runtime", printable(h.Runtime, 120))
		add("Runtime settings", printable(strings.Join(h.RuntimeEnv, " "), 400))
		add("System", printable(h.OS, 120))
		add("Kernel", printable(h.Kernel, 120))
		add("CPU", printable(h.CPU, 120)+", "+plural(h.Sockets, "socket")+", "+plural(h.Cores, "core")+", "+
			plural(h.Threads, "thread"))
		add("Memory", units.Bytes(h.MemoryBytes).String())
		add("GPUs", gpus)
		add("Driver", printable(h.Driver, 80))
		add("Meters missing", printable(strings.Join(h.MetersMissing, "; "), 600))
		add("Foreign processes", printable(strings.Join(h.Foreign, "; "), 600))
		add("Boot", short(h.BootID))
		add("Worker", printable(h.WorkerBuild, 120))
		add("Inspected", clock(h.SeenAt))
		sheets = append(sheets, sheet)
	}
	return sheets
}

// modelTable pins the models that were asked.
func modelTable(r bench.Results) tableView {
	t := tableView{
		ID: "models", Empty: "No model has been described.",
		Caption: "Models, as the runtime reports them. Hashes are cut; results.json holds them whole.",
	}
	t.Heads = []headView{
		{"Model", "", false},
		{"Digest", "", false},
		{"Family", "", false},
		{"Parameters", "", true},
		{"Quantisation", "", false},
		{"Layers", "", true},
		{"On disk", "", true},
		{"Pulled in", "", true},
		{"Prompt", "", false},
		{"Dataset", "", false},
	}
	var seen []string
	for _, c := range r.Cells {
		f := c.ModelFacts
		if f == nil {
			continue
		}
		key := strings.Join([]string{c.Host, c.Runtime, c.Model, f.Digest, c.PromptHash, c.DatasetHash}, "\x00")
		if slices.Contains(seen, key) {
			continue
		}
		seen = append(seen, key)
		t.Rows = append(t.Rows, []cellView{
			{Main: printable(c.Model, 60), Beside: language(c.Language), Head: true},
			{Main: short(f.Digest), Title: printable(f.Digest, 120), Code: true},
			{Main: orText(printable(f.Family, 40), "not known")},
			{Main: orUnknown(f.Parameters > 0, parameters(f.Parameters)), Num: true},
			{Main: orText(printable(f.Quantisation, 40), "not known")},
			{Main: orUnknown(f.Layers > 0, strconv.Itoa(f.Layers)), Num: true},
			{Main: units.Bytes(f.SizeBytes).String(), Num: true},
			pulledCell(c),
			{Main: short(c.PromptHash), Title: printable(c.PromptHash, 120), Code: true},
			{Main: short(c.DatasetHash), Title: printable(c.DatasetHash, 120), Code: true},
		})
	}
	return t
}

func pulledCell(c bench.CellResult) cellView {
	if c.Pull == nil {
		return cellView{Main: none, Title: printable(c.PullMissing, 200), Num: true}
	}
	return cellView{Main: seconds(c.Pull.Elapsed), Beside: printable(c.Pull.Source, 40), Num: true}
}

// parameters prints a number of weights as people say it: 70B, 0.8M.
func parameters(n int64) string {
	switch v := float64(n); {
	case v >= 1e9:
		return sig(v/1e9, 3) + " B"
	case v >= 1e6:
		return sig(v/1e6, 3) + " M"
	default:
		return sig(v/1e3, 3) + " k"
	}
}

// datasetTable pins the datasets.
func datasetTable(r bench.Results) tableView {
	t := tableView{
		ID: "datasets", Empty: "No dataset has been described.",
		Caption: "Datasets, pinned by hash. Hashes are cut; results.json holds them whole.",
	}
	t.Heads = []headView{
		{"Dataset", "", false},
		{"Version", "", false},
		{"Journals", "", true},
		{"Code system", "", false},
		{"Licence", "", false},
		{"SHA-256", "", false},
	}
	for _, d := range r.Provenance.Datasets {
		t.Rows = append(t.Rows, []cellView{
			{Main: printable(d.Name, 60), Head: true},
			{Main: printable(d.Version, 40)},
			{Main: count(d.Journals), Num: true},
			{Main: printable(d.CodeSystem, 40)},
			{Main: printable(d.Licence, 60)},
			{Main: short(d.Hash), Title: printable(d.Hash, 120), Code: true},
		})
	}
	return t
}

// method says how each kind of figure is made.
func method(r bench.Results) []methodItem {
	items := []methodItem{
		{"Latency", "From the start of a request to its last byte, by this host's monotonic clock. Time to first token ends " +
			"at the first piece of content; inter-token times are the gaps between the pieces after it. p50, p95 and p99 " +
			"are quantiles over calls. No call is retried while it is measured."},
		{"Intervals", "95 %" + intervalNote(r.Cells) + ". Calls inside one run are not independent, so with several runs " +
			"intervals are taken over runs; within one run they are bootstrapped and say so. Outliers stay in."},
		{"Weighted score", "The best match between predicted and true codes of a call: exact 1, same first three " +
			"characters 0.75, same first letter 0.25, else 0; then the mean over calls. At most five codes count."},
		{"Exact match", "The first code of the answer is one of the true codes. Exact in five: any of the first five is. " +
			"F1 compares sets of codes, in full, by their first three characters and by ICD-10 chapter (I to XXII)."},
		{"Differences", "Cells are called different only where their 95 % intervals do not overlap, which is stricter than a " +
			"test. Languages are compared journal by journal, so their interval is that of the paired difference."},
		{"Energy per call", "The energy of the inference windows over the calls that ended in them. Windows without an energy " +
			"are left out with their calls; the basis says how many. Method counter is the " +
			"difference of an energy counter, trapezoid the integral of power samples, estimated is CPU time × stated watts, " +
			"attributed a share of an enclosing window. Net energy is less baseline power × duration."},
		{"Uncertainty", "The ± is a half-width at 95 %, combined from the parts of the budget as in the GUM: accuracy and " +
			"resolution of the sensor, the edges of the windows, the clock, the baseline, and the spread over runs. It is " +
			"rounded to two digits and the figure with it. A figure without one says why."},
		{"Parts of the host", "The wall is what a PDU, plug or supply delivers, GPU and CPU what their own meters tell. " +
			"Views of one device are never added up; where two tell an energy, their difference is held against a limit. " +
			"Rest is wall less GPU and CPU."},
		{"Readings", "A reading is ok, missing, stale, reset, wrapped or out of range; only ok and wrapped ones carry a value. " +
			"Coverage is the share of a window that they cover. phases.csv counts the states of every window."},
		{"Missing figures", "A figure that was not measured is a dash with its reason, never a zero. A failed call counts " +
			"as failed; it is not left out."},
	}
	var bases []string
	for _, c := range r.Cells {
		if c.Energy != nil && !containsBasis(bases, c.Energy.Basis) {
			bases = append(bases, printable(c.Energy.Basis, basisRunes))
		}
	}
	for _, basis := range bases {
		items = append(items, methodItem{"Basis of energy", basis})
	}
	bases = nil
	for _, c := range r.Cells {
		if c.Cost != nil && !containsBasis(bases, c.Cost.Basis) {
			bases = append(bases, printable(c.Cost.Basis, basisRunes))
		}
	}
	for _, basis := range bases {
		items = append(items, methodItem{"Basis of cost", basis})
	}
	return items
}

// basisRunes is how much of a basis is shown: source, calls, what was left out
// and the interval fit.
const basisRunes = 800

func containsBasis(list []string, basis string) bool {
	return slices.Contains(list, printable(basis, basisRunes))
}
