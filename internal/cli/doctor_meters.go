package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
)

// metersFound is what doctor found out about meters.
type metersFound struct {
	findings []finding
	channels []channelFacts
}

// allMeters asks for everything that a machine may have.
func allMeters(interval time.Duration) bench.MeterConfig {
	return bench.MeterConfig{Interval: interval, Host: true, NVML: true, RAPL: true, Hwmon: true, Wall: true}
}

// newPool opens this machine's meters, and says on a terminal what it waits for.
func newPool(s *session) *app.MeterPool {
	opts := app.MeterPoolOptions{Settings: s.settings.Meters, LookupEnv: config.LookupEnv}
	if isTerminal(s.err) {
		opts.Progress = func(line string) { say(s.err, "%s\n", line) }
	}
	return app.NewMeterPool(opts)
}

// examineMeters opens every meter, watches it unless quick, and looks at the
// present values.
func examineMeters(ctx context.Context, s *session, quick bool) metersFound {
	pool := newPool(s)
	defer func() { _ = pool.Close() }()
	cfg := allMeters(surveyEvery)
	var out metersFound
	if !quick {
		clock := meters.NewClock()
		if err := pool.Characterise(ctx, cfg, nil, clock.Now); err != nil {
			out.findings = append(out.findings, of("watching meters", "", err))
		}
	}
	open, missing, err := pool.Borrow(ctx, cfg, nil)
	if err != nil {
		out.findings = append(out.findings, of("meters", "", err))
		return out
	}
	channels, err := survey(ctx, open, surveyLook, meters.ExpectedRelative)
	out.findings = append(out.findings, meterFindings(open, missing)...)
	if err != nil {
		out.findings = append(out.findings, of("looking at meters", "", err))
	}
	out.channels = channels
	for _, m := range open {
		if err := m.Close(); err != nil {
			out.findings = append(out.findings, of("meter "+m.Name(), "", fmt.Errorf("it does not close: %w", err)))
		}
	}
	return out
}

// meterFindings has a line for every meter that is there or not. What the
// machine lacks is a fact; what its settings promise has to answer.
func meterFindings(open []meters.Meter, missing []*meters.Missing) []finding {
	var found []finding
	for _, m := range open {
		list := make([]string, 0, len(m.Channels()))
		for _, c := range m.Channels() {
			list = append(list, marked(c))
		}
		found = append(found, finding{What: "meter " + m.Name(), OK: true, Detail: strings.Join(list, ", ")})
	}
	for _, gone := range missing {
		wanted := app.IsWallMeter(gone.Meter)
		found = append(found, finding{What: "meter " + gone.Meter, OK: !wanted, Absent: !wanted, Detail: gone.Why, Mend: gone.Mend})
	}
	if !tellEnergy(open) {
		found = append(found, finding{
			What: "energy", OK: true, Absent: true, Detail: "no meter of this machine tells power or energy",
			Mend: "name a PDU, plug or BMC under meters in the settings, or state watts under meters.estimate in the spec",
		})
	}
	return found
}

func tellEnergy(open []meters.Meter) bool {
	for _, m := range open {
		for _, c := range m.Channels() {
			if c.Unit == bench.UnitWatt || c.Unit == bench.UnitJoule {
				return true
			}
		}
	}
	return false
}

// diagnosis is all that doctor says.
type diagnosis struct {
	Checks   []finding      `json:"checks"`
	Channels []channelFacts `json:"channels"`
	// all shows every channel in a table, too, not those of power and energy
	// alone: a GPU has two dozen.
	all bool
}

// shown are the channels that a table has, and how many it leaves out.
func (d diagnosis) shown() (list []channelFacts, left int) {
	for _, c := range d.Channels {
		if d.all || c.Unit == bench.UnitWatt || c.Unit == bench.UnitJoule {
			list = append(list, c)
		}
	}
	return list, len(d.Channels) - len(list)
}

// print writes the diagnosis and fails where something has to be mended.
func (d diagnosis) print(w io.Writer, format string) error {
	headings := []string{"what", "state", "detail", "mend"}
	rows := make([][]string, len(d.Checks))
	bad := 0
	for i, f := range d.Checks {
		mark := "ok"
		switch {
		case !f.OK:
			mark = "missing"
			bad++
		case f.Absent:
			mark = "absent"
		}
		rows[i] = []string{f.What, mark, f.Detail, f.Mend}
	}
	if format == "csv" {
		headings, rows = d.flat(headings, rows)
	}
	if err := listing(w, format, headings, rows, d); err != nil {
		return err
	}
	if list, left := d.shown(); format == "table" && len(d.Channels) > 0 {
		if len(list) > 0 {
			say(w, "\n%s\n", channelTable(list))
		}
		if left > 0 {
			say(w, "%d channels tell no energy; --all shows them too\n", left)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks found something missing", bad, len(d.Checks))
	}
	return nil
}

// flat puts channels below checks in one table, as CSV knows only one.
func (d diagnosis) flat(headings []string, rows [][]string) ([]string, [][]string) {
	more := []string{
		"meter", "channel", "device", "unit", "scope", "sensor", "estimated", "simulated", "present", "update_period_s", "update_period_basis",
		"averaging_window_s", "averaging_window_basis", "resolution", "floor", "accuracy", "expected_u95_relative", "expected_at_power_w", "expected_over_s", "expected_basis",
	}
	headings = append(headings, more...)
	for i := range rows {
		rows[i] = append(rows[i], make([]string, len(more))...)
	}
	for _, c := range d.Channels {
		state := "ok"
		if c.Present == nil {
			state = "no value"
		}
		rows = append(rows, []string{
			"channel", state, c.PresentMissing, "", c.Meter, c.Channel, c.Device, string(c.Unit), string(c.Scope), string(c.Sensor),
			strconv.FormatBool(c.Estimated), strconv.FormatBool(c.Simulated), number(c.Present), number(c.UpdatePeriodS), c.PeriodBasis,
			number(c.WindowS), c.WindowBasis, number(c.Resolution), number(c.Floor), c.Accuracy,
			number(c.ExpectedU95), number(c.ExpectedPowerW), number(c.ExpectedWindowS), c.ExpectedBasis,
		})
	}
	return headings, rows
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.12g", *v)
}

// basisWidth is how wide the columns are that hold sentences.
const basisWidth = 34

// channelTable shows for every channel what its figures will rest on.
func channelTable(channels []channelFacts) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options.SeparateRows = true
	t.AppendHeader(table.Row{"channel", "now", "update period", "averaging window", "resolution", "floor", "± 95 % of 60 s"})
	var wide []table.ColumnConfig
	for _, column := range []int{2, 3, 4, 6, 7} {
		wide = append(wide, table.ColumnConfig{Number: column, WidthMax: basisWidth, WidthMaxEnforcer: text.WrapSoft})
	}
	t.SetColumnConfigs(wide)
	for _, c := range channels {
		t.AppendRow(table.Row{
			marked(bench.Channel{Name: c.Channel, Estimated: c.Estimated, Simulated: c.Simulated}), nowText(c),
			withBasis(timeText(c.UpdatePeriodS), c.PeriodBasis), withBasis(timeText(c.WindowS), c.WindowBasis),
			valueText(c.Resolution, c.Unit), withBasis(valueText(c.Floor, c.Unit), c.FloorBasis), expectedText(c),
		})
	}
	return t.Render()
}

func nowText(c channelFacts) string {
	if c.Present == nil {
		return "none: " + c.PresentMissing
	}
	return unitText(*c.Present, c.Unit)
}

func timeText(s *float64) string {
	if s == nil {
		return ""
	}
	return pace(time.Duration(*s * float64(time.Second)))
}

func valueText(v *float64, unit bench.Unit) string {
	if v == nil {
		return ""
	}
	return unitText(*v, unit)
}

// withBasis joins a value and what it rests on; either may be missing.
func withBasis(value, basis string) string {
	if value != "" && basis != "" {
		return value + ": " + basis
	}
	return cmp.Or(value, basis)
}

// expectedText leaves out the channels that tell no energy: most of a table.
func expectedText(c channelFacts) string {
	switch {
	case c.Unit != bench.UnitWatt && c.Unit != bench.UnitJoule:
		return ""
	case c.ExpectedU95 == nil:
		return "not known: " + c.ExpectedBasis
	}
	return fmt.Sprintf("± %s %% at %s: %s", significant(100**c.ExpectedU95), unitText(*c.ExpectedPowerW, bench.UnitWatt), c.ExpectedBasis)
}
