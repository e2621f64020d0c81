package stats

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// wallOf is a power channel at the wall of a device on a feed.
func wallOf(name, feed string, scope bench.Scope) bench.Channel {
	c := power(name, scope)
	c.Device, c.Feed = name+" device", feed
	return c
}

// bothRuns reads a channel in both runs.
func bothRuns(c bench.Channel, energyJ, u95 float64) []bench.PhaseReading {
	return []bench.PhaseReading{toldWith(1, c, energyJ, u95), toldWith(2, c, energyJ, u95)}
}

func rows(lists ...[]bench.PhaseReading) []bench.PhaseReading {
	var out []bench.PhaseReading
	for _, list := range lists {
		out = append(out, list...)
	}
	return out
}

const askForFeed = "name feed in the settings if the machine has two supplies on two meters"

// One feed counts once, whoever watches it; different feeds add up.
func TestFeeds(t *testing.T) {
	t.Parallel()
	plugA, pduA := wallOf("plug.a.power", "a", bench.ScopeOutlet), wallOf("pdu.x.power", "a", bench.ScopeOutlet)
	pduB, inletB := wallOf("pdu.y.power", "b", bench.ScopeOutlet), wallOf("pdu.y.power", "b", bench.ScopeInlet)
	guessB := wallOf("pdu.z.power", "b", bench.ScopeOutlet)
	guessB.Estimated = true
	for _, c := range []struct {
		name    string
		phases  []bench.PhaseReading
		channel string
		totalJ  float64 // over both runs
		flags   int
	}{
		{"two feeds", rows(bothRuns(plugA, 250, 5), bothRuns(pduB, 260, 5)), "plug.a.power+pdu.y.power", 1020, 0},
		{"one feed, the better view", rows(bothRuns(plugA, 250, 20), bothRuns(pduA, 251, 5)), "pdu.x.power", 502, 0},
		{"like views, by name", rows(bothRuns(plugA, 250, 5), bothRuns(pduA, 251, 5)), "pdu.x.power", 502, 0},
		{"two views and another feed", rows(bothRuns(plugA, 250, 5), bothRuns(pduA, 251, 20), bothRuns(pduB, 260, 5)), "plug.a.power+pdu.y.power", 1020, 0},
		{"feeds of two scopes", rows(bothRuns(plugA, 250, 5), bothRuns(inletB, 260, 5)), "plug.a.power+pdu.y.power", 1020, 0},
		{"a feed that is an estimate", rows(bothRuns(plugA, 250, 5), bothRuns(guessB, 260, 50)), "plug.a.power+pdu.z.power", 1020, 0},
		{"measured before estimated", rows(bothRuns(pduB, 250, 50), bothRuns(guessB, 255, 5)), "pdu.y.power", 500, 0},
		{"views that disagree", rows(bothRuns(plugA, 250, 5), bothRuns(pduA, 350, 20)), "plug.a.power", 500, 1},
	} {
		r := Cell(cellWith(c.phases...))
		requireReasons(t, r)
		require.Len(t, r.Energies, 1, c.name)
		require.Equal(t, c.channel, r.Energy.Channel, c.name)
		require.InDelta(t, c.totalJ/20, r.Energy.Mean, 1e-9, c.name)
		require.Len(t, r.Energy.Flags, c.flags, c.name)
		require.Equal(t, strings.Contains(c.name, "an estimate"), r.Energy.Estimated, c.name)
		require.InDelta(t, c.totalJ, *r.EnergyByPhase[0].EnergyJ, 1e-9, c.name)
	}
	r := Cell(cellWith(rows(bothRuns(plugA, 250, 5), bothRuns(pduA, 350, 20))...))
	require.Equal(t, []string{"two meters of one feed tell different powers: plug.a.power 25 W, pdu.x.power 35 W"}, r.Energy.Flags)
	require.Contains(t, r.Energy.Basis, "other views, not added: pdu.x.power")
}

// What the user says of feeds goes before a meter of which nothing is said, be
// its uncertainty smaller as it sees one supply alone.
func TestFeedsBeforeAMeterWithoutFeed(t *testing.T) {
	t.Parallel()
	f := Cell(cellWith(rows(
		bothRuns(wallOf("pdu.x.power", "a", bench.ScopeOutlet), 250, 10), bothRuns(wallOf("pdu.y.power", "b", bench.ScopeOutlet), 250, 10),
		bothRuns(wallOf("plug.a.power", "", bench.ScopeOutlet), 250, 1))...)).Energy
	require.Equal(t, "pdu.x.power+pdu.y.power", f.Channel)
	require.Equal(t, []string{"two wall meters tell different powers: pdu.x.power+pdu.y.power 50 W, plug.a.power 25 W; " + askForFeed}, f.Flags)
}

// A feed that is not told takes the sum away: what else tells the whole stands
// in, and one of two supplies never does.
func TestFeedWithoutFigures(t *testing.T) {
	t.Parallel()
	plugA, pduB := wallOf("plug.a.power", "a", bench.ScopeOutlet), wallOf("pdu.y.power", "b", bench.ScopeOutlet)
	lost := bothRuns(pduB, 0, 0)
	for i := range lost {
		lost[i].EnergyJ, lost[i].Missing = nil, "the agent did not answer"
	}
	r := Cell(cellWith(rows(bothRuns(plugA, 250, 5), lost)...))
	require.Nil(t, r.Energy)
	require.Contains(t, r.EnergyMissing, "pdu.y.power in run 1, segment 1: the agent did not answer")

	r = Cell(cellWith(rows(bothRuns(plugA, 250, 5), lost, bothRuns(wallOf("redfish.a.power", "", bench.ScopePSU), 480, 20))...))
	require.Equal(t, "redfish.a.power", r.Energy.Channel)
	require.Equal(t, []string{"pdu.y.power is not in this figure: the agent did not answer"}, r.Energy.Flags)
}

// Two sources at the wall that cannot be told apart are never added.
func TestWallSourcesWithoutFeed(t *testing.T) {
	t.Parallel()
	plug, pdu := wallOf("plug.a.power", "", bench.ScopeOutlet), wallOf("pdu.x.power", "", bench.ScopeOutlet)
	r := Cell(cellWith(rows(bothRuns(plug, 500, 25), bothRuns(pdu, 502, 10))...))
	require.Equal(t, "pdu.x.power", r.Energy.Channel)
	require.InDelta(t, 50.2, r.Energy.Mean, 1e-9)
	require.Equal(t, []string{"plug.a.power is not in this figure: it is taken for another view of the same power; " + askForFeed}, r.Energy.Flags)
	require.Contains(t, r.Energy.Basis, "other views, not added: plug.a.power")

	r = Cell(cellWith(rows(bothRuns(plug, 250, 25), bothRuns(pdu, 502, 10))...))
	require.Equal(t, []string{"two wall meters tell different powers: pdu.x.power 50.2 W, plug.a.power 25 W; " + askForFeed}, r.Energy.Flags)

	inlet := wallOf("pdu.y.power", "", bench.ScopeInlet)
	r = Cell(cellWith(rows(bothRuns(plug, 250, 25), bothRuns(inlet, 250, 10))...))
	require.Equal(t, "plug.a.power", r.Energy.Channel, "an outlet before an inlet")
	require.Equal(t, []string{"pdu.y.power is not in this figure: it is taken for another view of the same power; " + askForFeed}, r.Energy.Flags)

	one, two := wallOf("redfish.a.outlet1.power", "", bench.ScopeOutlet), wallOf("redfish.a.outlet2.power", "", bench.ScopeOutlet)
	r = Cell(cellWith(rows(bothRuns(one, 250, 5), bothRuns(two, 250, 5))...))
	require.InDelta(t, 50, r.Energy.Mean, 1e-9, "devices of one source add up")
	require.Empty(t, r.Energy.Flags)

	inside := wallOf("redfish.a.power", "", bench.ScopeInlet)
	r = Cell(cellWith(rows(bothRuns(one, 250, 5), bothRuns(inside, 900, 5))...))
	require.Empty(t, r.Energy.Flags, "a meter's own inlet holds its outlets")
}

// What supplies tell of themselves are views of one host, and less than the
// wall by their losses.
func TestSuppliesAreViews(t *testing.T) {
	t.Parallel()
	bmc, acpi := wallOf("redfish.a.power", "", bench.ScopePSU), wallOf("hwmon.acpi.power1.power", "", bench.ScopePSU)
	r := Cell(cellWith(rows(bothRuns(bmc, 500, 25), bothRuns(acpi, 505, 50))...))
	require.Equal(t, "redfish.a.power", r.Energy.Channel)
	require.InDelta(t, 50, r.Energy.Mean, 1e-9)
	require.Empty(t, r.Energy.Flags)

	outlet := wallOf("pdu.x.power", "", bench.ScopeOutlet)
	r = Cell(cellWith(rows(bothRuns(bmc, 500, 25), bothRuns(outlet, 560, 5))...))
	require.Equal(t, "pdu.x.power", r.Energy.Channel)
	require.Empty(t, r.Energy.Flags, "the difference is what supplies lose")
	require.Contains(t, r.Energy.Basis, "other views, not added: redfish.a.power")

	r = Cell(cellWith(rows(bothRuns(bmc, 500, 25), bothRuns(outlet, 260, 5))...))
	require.Equal(t, []string{"two wall meters tell different powers: pdu.x.power 26 W, redfish.a.power 50 W; " + askForFeed}, r.Energy.Flags)
}

// A meter that adds outlets up in one quantity and not in another does not count
// them twice.
func TestSummandOfAnotherQuantity(t *testing.T) {
	t.Parallel()
	sum, part := wallOf("pdu.x.power", "", bench.ScopeOutlet), wallOf("pdu.x.outlet1.power", "", bench.ScopeOutlet)
	part.PartOf, part.Device = sum.Name, "outlet 1"
	counts := counter("pdu.x.outlet1.energy", bench.ScopeOutlet)
	counts.Device = part.Device
	r := Cell(cellWith(rows(bothRuns(sum, 500, 5), bothRuns(part, 300, 5), bothRuns(counts, 300, 5))...))
	require.Equal(t, sum.Name, r.Energy.Channel)
	require.InDelta(t, 50, r.Energy.Mean, 1e-9)
}

// A device of the part that is left out is named.
func TestDevicesLeftOutAreNamed(t *testing.T) {
	t.Parallel()
	module, card := gpuChannel("gpu0.power", "GPU-a", false), gpuChannel("gpu1.power", "GPU-b", false)
	module.Scope = bench.ScopeModule
	inner := gpuChannel("gpu0.gpu_power", "GPU-a", false)
	f := Cell(cellWith(rows(bothRuns(module, 500, 5), bothRuns(inner, 400, 5), bothRuns(card, 300, 5))...)).Energy
	require.Equal(t, "gpu0.power", f.Channel)
	require.Equal(t, []string{"gpu1.power is not in this figure: it covers a gpu, what is counted covers a module"}, f.Flags)

	lost := bothRuns(module, 0, 0)
	for i := range lost {
		lost[i].EnergyJ, lost[i].Missing = nil, "the driver did not answer"
	}
	f = Cell(cellWith(rows(lost, bothRuns(card, 300, 5))...)).Energy
	require.Equal(t, "gpu1.power", f.Channel)
	require.Equal(t, []string{"gpu0.power is not in this figure: the driver did not answer"}, f.Flags)
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"pdu.a.power": "pdu.a", "pdu.a.outlet1.power": "pdu.a", "plug.b.energy": "plug.b", "redfish.c.psu1.power": "redfish.c",
		"hwmon.acpi.power1.power": "hwmon", "hwmon.grace.power": "hwmon", "ups.power": "ups", "alone": "alone",
	} {
		require.Equal(t, want, sourceOf(bench.Channel{Name: name}), name)
	}
}

// Where a lost device takes a whole part away, the figure that stands in says so.
func TestPartThatIsNotToldIsNamed(t *testing.T) {
	t.Parallel()
	in := cellOf(2, 10)
	lost := bothRuns(gpuChannel("gpu1.power", "GPU-b", false), 0, 0)
	for i := range lost {
		lost[i].EnergyJ, lost[i].Missing = nil, "the GPU is lost"
	}
	in.Phases = append(in.Phases, rows(bothRuns(gpuChannel("gpu0.power", "GPU-a", false), 300, 5), lost)...)
	r := Cell(in)
	require.Equal(t, "estimate.energy", r.Energy.Channel)
	require.Equal(t, []string{"no figure of the gpu: gpu1.power: the GPU is lost"}, r.Energy.Flags)
	require.Equal(t, *r.Energy, r.Energies[0])
}
