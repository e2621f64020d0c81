package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/metertest"
	"github.com/wattsweep/wattsweep/internal/meters/trace/parquet"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "rewrite with go test ./internal/cli -update")
}

func TestUnitText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    float64
		unit bench.Unit
		want string
	}{
		{143.26, bench.UnitWatt, "143.3 W"},
		{2.5e6, bench.UnitJoule, "2.5 MJ"},
		{844541952, bench.UnitByte, "805.4 MiB"},
		{1.98e9, bench.UnitHertz, "1980 MHz"},
		{41, bench.UnitCelsius, "41 °C"},
		{99.5, bench.UnitPercent, "99.5 %"},
		{0, bench.UnitWatt, "0 W"},
		{123456, bench.UnitCount, "123456"},
		{230.04, bench.UnitVolt, "230 V"},
	} {
		require.Equal(t, c.want, unitText(c.v, c.unit))
	}
	for d, want := range map[time.Duration]string{
		0: "", 50 * time.Millisecond: "50ms", 1562561 * time.Nanosecond: "1.56ms", 100_300_000: "100ms", 999: "999ns", 65 * time.Second: "1m5s",
	} {
		require.Equal(t, want, pace(d))
	}
	require.Equal(t, "844541952.5", plainNumber(844541952.5))
	require.Equal(t, "0", plainNumber(0))
}

func TestSparkline(t *testing.T) {
	t.Parallel()
	require.Equal(t, "▁▂▃▄▅▆▇█", sparkline([]float64{0, 1, 2, 3, 4, 5, 6, 7}, 0, 7.999))
	require.Equal(t, "▁ █", sparkline([]float64{-5, math.NaN(), 50}, 0, 10), "out of range is at the edge, a gap is a gap")
	require.Equal(t, "▄▄", sparkline([]float64{3, 3}, 3, 3), "what does not change lies in the middle")
	require.Empty(t, sparkline(nil, 0, 1))
}

// A gauge of a counter shows power, and invents none at a reset or a gap.
func TestGaugeOfACounter(t *testing.T) {
	t.Parallel()
	g := newGauge("m", bench.Channel{Name: "m.energy", Unit: bench.UnitJoule, Counter: true})
	for _, c := range []struct {
		at    time.Duration
		value float64
		state bench.ReadingState
		want  float64
	}{
		{1 * time.Second, 1000, bench.ReadingOK, math.NaN()},
		{2 * time.Second, 1100, bench.ReadingOK, 100},
		{2 * time.Second, 1100, bench.ReadingOK, math.NaN()}, // nothing new
		{4 * time.Second, 1200, bench.ReadingOK, 50},
		{5 * time.Second, 3, bench.ReadingReset, math.NaN()},
		{6 * time.Second, 13, bench.ReadingOK, math.NaN()},
		{7 * time.Second, 23, bench.ReadingOK, 10},
		{8 * time.Second, 0, bench.ReadingMissing, math.NaN()},
	} {
		g.take(bench.Reading{At: c.at, Value: c.value, State: c.state}, []string{"away"})
		g.column()
		got := g.trend[len(g.trend)-1]
		require.True(t, got == c.want || (math.IsNaN(got) && math.IsNaN(c.want)), "at %s: %v, want %v", c.at, got, c.want)
	}
	require.Equal(t, "missing: away", g.state(8*time.Second, time.Second))
	low, high := g.extremes()
	require.Equal(t, []string{"10 W", "100 W"}, []string{low, high})
}

func TestGaugeStates(t *testing.T) {
	t.Parallel()
	g := newGauge("m", bench.Channel{Name: "m.power", Unit: bench.UnitWatt})
	require.Equal(t, "no reading yet", g.state(0, time.Second))
	require.Equal(t, "–", g.nowText())
	for i := range 5 {
		g.take(bench.Reading{At: time.Duration(i) * time.Second, Value: float64(40 + i/2)}, nil)
	}
	g.column()
	require.Equal(t, "ok", g.state(4*time.Second, time.Second))
	require.Equal(t, "42 W", g.nowText())
	reads, changes := g.rates()
	require.InDelta(t, 1, reads, 1e-9)
	require.InDelta(t, 0.5, changes, 1e-9)
	require.Equal(t, "stale: the last reading is 16 s old", g.state(20*time.Second, time.Second))
	g.take(bench.Reading{At: 5 * time.Second, State: bench.ReadingOutOfRange, Reason: 1}, []string{"", "below the floor of the device (0.5 A)"})
	require.Equal(t, "out_of_range: below the floor of the device (0.5 A)", g.state(5*time.Second, time.Second))
	require.Equal(t, "–", g.nowText(), "no value is shown where there is none, least of all zero")
	require.Nil(t, snapshotOf(g, 5*time.Second, time.Second).Value)
	old := newGauge("m", g.channel)
	old.take(bench.Reading{Value: 7}, nil)
	gone := snapshotOf(old, time.Hour, time.Second)
	require.Equal(t, "stale", gone.State)
	require.Nil(t, gone.Value)
}

// played is a sampler over scripted meters that has run for some ticks.
func played(t *testing.T, scripts ...metertest.Script) (*meters.Sampler, meters.Clock) {
	t.Helper()
	var open []meters.Meter
	for _, s := range scripts {
		open = append(open, metertest.NewScripted(s))
	}
	clock := meters.NewClock()
	s, err := meters.NewSampler(clock, 2*time.Millisecond, open, meters.SamplerOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	return s, clock
}

// waitTicks waits until a meter has given n ticks.
func waitTicks(t *testing.T, s *meters.Sampler, n int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, st := range s.Stats() {
			if st.Ticks < n {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond)
}

func everything(string) bool { return true }

// Every sample reaches the file once, in CSV and in Parquet, with its state
// and reason, and never a value that was not measured.
func TestRecordingRoundTrip(t *testing.T) {
	t.Parallel()
	// Long enough that a busy machine samples within it.
	gap := []metertest.Span{{From: 20 * time.Millisecond, To: 300 * time.Millisecond}}
	sampler, clock := played(t,
		metertest.Script{Name: "a", Power: metertest.Ramp(100, 10), Gaps: gap},
		metertest.Script{Name: "b", Power: metertest.Constant(5)})
	dir := t.TempDir()
	about := recordAbout{Wattsweep: "test", Host: "lab", Driver: "580.1 simulated", BootID: "boot", Anchor: clock.Anchor, Channels: sampler.Channels(), Simulated: true}
	want := func(name string) bool { return matches("a.*", name) }
	asCSV, err := newRecorder(filepath.Join(dir, "r.csv"), about, want)
	require.NoError(t, err)
	asParquet, err := newRecorder(filepath.Join(dir, "r.parquet"), about, want)
	require.NoError(t, err)
	b := newBoard(sampler, want, func(row tickRow) error {
		if err := asCSV.tick(row); err != nil {
			return err
		}
		return asParquet.tick(row)
	})
	for i := range 4 {
		waitTicks(t, sampler, int64(20*(i+1)))
		require.NoError(t, b.pull())
		require.NoError(t, asCSV.flush())
		require.NoError(t, asParquet.flush())
		text, err := os.ReadFile(filepath.Join(dir, "r.csv"))
		require.NoError(t, err)
		require.GreaterOrEqual(t, bytes.Count(text, []byte("\n")), 20*(i+1), "on disk before it ends")
	}
	sampler.Stop()
	require.NoError(t, b.pull())
	require.NoError(t, asCSV.close())
	require.NoError(t, asParquet.close())

	taken := map[string][]bench.Reading{}
	for _, name := range []string{"a.power", "a.energy"} {
		taken[name] = sampler.Samples(name, 0, time.Hour)
		require.NotEmpty(t, taken[name])
	}
	checkCSV(t, filepath.Join(dir, "r.csv"), taken)
	checkParquet(t, filepath.Join(dir, "r.parquet"), taken)

	_, err = newRecorder(filepath.Join(dir, "r.csv"), about, want)
	require.ErrorIs(t, err, os.ErrExist, "a recording is never overwritten")
	_, err = newRecorder(filepath.Join(dir, "r.xls"), about, want)
	require.Equal(t, ExitWrongUse, codeOf(err))
}

func checkCSV(t *testing.T, path string, taken map[string][]bench.Reading) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(text), "\n")
	var about recordAbout
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(head, "# recording ")), &about))
	require.Equal(t, "580.1 simulated", about.Driver)
	require.Equal(t, 4, strings.Count(string(text), "\n# channel {"), "every channel is described")
	reader := csv.NewReader(bytes.NewReader(text))
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	require.NoError(t, err)
	require.Equal(t, recordColumns(), rows[0])
	next := map[string]int{}
	missing := 0
	for _, row := range rows[1:] {
		r := taken[row[3]][next[row[3]]]
		next[row[3]]++
		require.Equal(t, r.State.String(), row[6])
		require.Equal(t, "true", row[8], "simulated is marked on every row")
		if r.Has() {
			require.Equal(t, plainNumber(r.Value), row[4])
			require.Empty(t, row[7])
			continue
		}
		missing++
		require.Empty(t, row[4])
		require.Equal(t, "scripted gap", row[7])
	}
	for name, list := range taken {
		require.Equal(t, len(list), next[name], name)
	}
	require.Positive(t, missing)
}

func checkParquet(t *testing.T, path string, taken map[string][]bench.Reading) {
	t.Helper()
	rows, err := parquetgo.ReadFile[parquet.Row](path)
	require.NoError(t, err)
	next := map[string]int{}
	for _, row := range rows {
		r := taken[row.Channel][next[row.Channel]]
		next[row.Channel]++
		require.Equal(t, r.State.String(), row.State)
		require.True(t, row.Simulated)
		if r.Has() {
			require.InDelta(t, r.Value, *row.Value, 0)
		} else {
			require.Nil(t, row.Value)
		}
	}
	for name, list := range taken {
		require.Equal(t, len(list), next[name], name)
	}
	beside, err := os.ReadFile(path + ".json")
	require.NoError(t, err)
	require.Contains(t, string(beside), "580.1 simulated")
}

// A disk that is full ends a recording with an error that says so.
func TestRecordingToAFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	_, err = newCSVRecorder(full, recordAbout{}, everything)
	require.ErrorContains(t, err, "no space left")
	require.NoError(t, full.Close())
}

// A frame is written at once, fits the terminal, and leaves it as it was.
func TestScreen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newScreen(&out)
	s.height, s.width = 4, 20
	s.draw([]string{"one", strings.Repeat("w", 30), "three", "four", "five"})
	require.Equal(t, enterScreen+topLeft+"one"+clearLine+strings.Repeat("w", 19)+"…"+clearLine+"… 3 more; narrow wi…"+clearLine+clearBelow, out.String())
	out.Reset()
	s.end()
	s.end()
	require.Equal(t, leaveScreen, out.String())
}

func TestBoardLines(t *testing.T) {
	t.Parallel()
	sampler, _ := played(t, metertest.Script{Name: "gpu0", Power: metertest.Constant(250)})
	b := newBoard(sampler, everything, nil)
	waitTicks(t, sampler, 30)
	sampler.Stop()
	require.NoError(t, b.pull())
	b.column()
	lines := boardLines(b, "head", sampler.Mark(), 200)
	require.Len(t, lines, 5)
	require.Contains(t, lines[3], "gpu0.power (simulated)")
	require.Contains(t, lines[3], "250 W")
	require.Contains(t, lines[3], "ok")
	require.True(t, strings.HasSuffix(lines[3], "▄"), lines[3])
	stats := statLines(b)
	require.Len(t, stats, 1)
	require.Contains(t, stats[0], "gpu0: every 2ms, ")
	require.Contains(t, stats[0], "p99")
	ticks := b.taken["gpu0"]
	require.NoError(t, b.pull())
	require.Equal(t, ticks, b.taken["gpu0"], "nothing is taken twice")
}

func TestMetersFlags(t *testing.T) {
	t.Parallel()
	good := metersOptions{interval: 50 * time.Millisecond, channels: "*"}
	require.NoError(t, good.check())
	for name, bad := range map[string]metersOptions{
		"negative time": {length: -1, interval: time.Second, channels: "*"},
		"too fast":      {interval: time.Microsecond, channels: "*"},
		"too slow":      {interval: time.Hour, channels: "*"},
		"bad pattern":   {interval: time.Second, channels: "gpu[0"},
		"empty pattern": {interval: time.Second, channels: "gpu*,"},
	} {
		require.Equal(t, ExitWrongUse, codeOf(bad.check()), name)
	}
	require.True(t, matches("rapl.*,gpu?.power", "gpu0.power"))
	require.False(t, matches("rapl.*,gpu?.power", "gpu0.energy"))
	err := noChannels([]meters.Meter{metertest.NewScripted(metertest.Script{})}, nil, metersOptions{channels: "x*"})
	require.Equal(t, ExitWrongUse, codeOf(err))
	require.ErrorContains(t, err, "scripted.power, scripted.energy")
	err = noChannels(nil, []*meters.Missing{{Meter: "nvml", Why: "no driver"}}, good)
	require.ErrorContains(t, err, "nvml: no driver")
	require.Equal(t, ExitFailed, codeOf(err))
}

// What is printed each second tells states and reasons, one JSON per line.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	sampler, _ := played(t, metertest.Script{Name: "m", Power: metertest.Constant(9), Gaps: []metertest.Span{{To: time.Hour}}})
	b := newBoard(sampler, everything, nil)
	waitTicks(t, sampler, 3)
	sampler.Stop()
	require.NoError(t, b.pull())
	for _, format := range []string{"table", "csv", "json"} {
		var out bytes.Buffer
		s := &session{out: &out}
		s.settings.Output = format
		p := &snapshots{session: s, board: b}
		require.NoError(t, p.print(b.sampler.Mark()))
		require.NoError(t, p.print(b.sampler.Mark()))
		require.Equal(t, 4, strings.Count(out.String(), "scripted gap"), out.String())
		require.LessOrEqual(t, strings.Count(out.String(), "time_utc"), 2)
		if format == "json" {
			require.Equal(t, 2, strings.Count(out.String(), "\n"))
			require.Contains(t, out.String(), `"value":null,"state":"missing"`)
		}
	}
}

// Ctrl-C is an end in order.
func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	sampler, _ := played(t, metertest.Script{Name: "m", Power: metertest.Constant(9)})
	defer sampler.Stop()
	var out bytes.Buffer
	s := &session{out: &out}
	s.settings.Output = "table"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, follow(ctx, s, newBoard(sampler, everything, nil), noRecord{}, metersOptions{interval: time.Millisecond}))
}
