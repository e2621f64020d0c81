package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/meters/trace"
	"github.com/wattsweep/wattsweep/internal/meters/trace/parquet"
	"github.com/wattsweep/wattsweep/internal/store"
)

// keptTraces gives the same trace for every cell in its epoch, and a baseline
// for the cell as a whole.
type keptTraces struct{ anchor time.Time }

func (k keptTraces) Traces(_ context.Context, q store.TraceQuery, visit func(store.Trace) error) error {
	channels := []bench.Channel{
		{Name: "gpu0.power", Unit: bench.UnitWatt, Scope: bench.ScopeGPU, Sensor: bench.SensorInstant, Simulated: true},
		{Name: "gpu0.energy", Unit: bench.UnitJoule, Scope: bench.ScopeGPU, Sensor: bench.SensorCounter, Counter: true, Simulated: true},
	}
	phase := bench.PhaseInference
	if q.Epoch == 0 {
		phase = bench.PhaseBaseline
	}
	encoder := trace.NewEncoder(channels, 50*time.Millisecond)
	for i := range 10 {
		at := time.Duration(i) * 50 * time.Millisecond
		power := bench.Reading{At: at, Value: 100 + float64(i)}
		if i == 4 {
			power = bench.Reading{At: at, State: bench.ReadingMissing, Reason: 1}
		}
		encoder.Add(int64(i), []bench.Reading{power, {At: at, Value: float64(5 * i)}})
	}
	return visit(store.Trace{
		Series: bench.TraceSeries{
			TraceKey: bench.TraceKey{Cell: q.Cell, Epoch: q.Epoch, Phase: phase, Run: 1, No: 1, Meter: "nvml.gpu0"},
			Channels: channels, Interval: 50 * time.Millisecond, Anchor: k.anchor, Reasons: []string{"", "the driver was busy"},
		},
		Complete: true,
		Blocks:   []bench.TraceBlock{{To: 450 * time.Millisecond, Ticks: 10, Data: encoder.Encode(0, 10)}},
	})
}

// exporting is an exporter over the report's own sample results.
func exporting(t *testing.T, format string) (*exporter, []store.Cell) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "report", "testdata", "results.json"))
	require.NoError(t, err)
	e := &exporter{
		opts:   ExportOptions{Dir: filepath.Join(t.TempDir(), "a", "b"), Format: format},
		traces: keptTraces{anchor: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)},
		calls:  func(w io.Writer) error { _, err := io.WriteString(w, "sweep,cell\n"); return err },
	}
	require.NoError(t, json.Unmarshal(text, &e.results))
	var cells []store.Cell
	for i, row := range e.results.Cells {
		cells = append(cells, store.Cell{Cell: bench.Cell{ID: row.Cell, Sweep: e.results.Sweep.ID, Seq: i + 1, At: row.Coordinates}, Epoch: 1})
	}
	require.NotEmpty(t, cells)
	return e, cells
}

func TestExportWritesEveryFormat(t *testing.T) {
	t.Parallel()
	for _, format := range ExportFormats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			e, cells := exporting(t, format)
			files, err := e.run(t.Context(), cells[:1])
			require.NoError(t, err)
			require.Len(t, files, 6)
			for i, what := range []string{"results", "calls", "phases", "metrics", "curves", "traces"} {
				require.Equal(t, what, files[i].What)
				info, err := os.Stat(files[i].Path)
				require.NoError(t, err)
				require.Equal(t, info.Size(), files[i].Bytes)
			}
			require.EqualValues(t, 40, files[5].Samples, "two epochs of ten ticks of two channels")
			rows := exportedRows(t, files[5].Path, format)
			require.Len(t, rows, 40)
			require.Equal(t, "baseline", rows[0].Phase)
			require.Equal(t, "inference", rows[20].Phase)
			require.Equal(t, "missing", rows[4].State)
			require.Nil(t, rows[4].Value, "what was not measured has no value, least of all zero")
			require.Equal(t, "the driver was busy", rows[4].Reason)
			require.InDelta(t, 109, *rows[9].Value, 0)
			require.True(t, rows[9].Simulated, "simulated reaches every row")
			require.Equal(t, time.Date(2026, 11, 21, 9, 0, 0, 450e6, time.UTC).UnixNano(), rows[9].AtUTC)
			left, err := filepath.Glob(filepath.Join(e.opts.Dir, ".*"))
			require.NoError(t, err)
			require.Empty(t, left, "nothing half-done is left")
		})
	}
}

// exportedRows reads a file of traces back.
func exportedRows(t *testing.T, path, format string) []parquet.Row {
	t.Helper()
	if format == "parquet" {
		rows, err := parquetgo.ReadFile[parquet.Row](path)
		require.NoError(t, err)
		return rows
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var rows []parquet.Row
	take := func(r jsonRow) {
		rows = append(rows, parquet.Row{
			Phase: r.Phase, Channel: r.Channel, State: r.State, Reason: r.Reason, Value: r.Value, Simulated: r.Simulated, AtUTC: r.AtUTC.UnixNano(),
		})
	}
	if format == "json" {
		for line := range strings.Lines(string(text)) {
			var r jsonRow
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			take(r)
		}
		return rows
	}
	table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, traceColumns(), table[0])
	for _, fields := range table[1:] {
		object := map[string]any{}
		for i, name := range table[0] {
			object[name] = fields[i]
		}
		at, err := time.Parse(time.RFC3339Nano, object["at_utc"].(string))
		require.NoError(t, err)
		r := jsonRow{
			Phase: object["phase"].(string), Channel: object["channel"].(string), State: object["state"].(string),
			Reason: object["reason"].(string), Simulated: object["simulated"] == "true", AtUTC: at,
		}
		if value := object["value"].(string); value != "" {
			var v float64
			require.NoError(t, json.Unmarshal([]byte(value), &v))
			r.Value = &v
		}
		take(r)
	}
	return rows
}

func TestExportKeepsWantedChannels(t *testing.T) {
	t.Parallel()
	e, cells := exporting(t, "parquet")
	e.opts.Channel = func(name string) bool { return name == "gpu0.energy" }
	files, err := e.run(t.Context(), cells[:1])
	require.NoError(t, err)
	rows := exportedRows(t, files[5].Path, "parquet")
	require.Len(t, rows, 20)
	require.EqualValues(t, 20, files[5].Samples)
	for i, r := range rows {
		require.Equal(t, "gpu0.energy", r.Channel)
		require.InDelta(t, float64(5*(i%10)), *r.Value, 0)
	}
	e.opts.Channel = func(string) bool { return false }
	e.opts.Dir, e.done = filepath.Join(e.opts.Dir, "none"), nil
	files, err = e.run(t.Context(), cells[:1])
	require.NoError(t, err)
	require.Len(t, files, 5, "a file of traces without a reading is left out")
}

func TestExportRefuses(t *testing.T) {
	t.Parallel()
	e, cells := exporting(t, "parquet")
	e.results.Provenance.Wattsweep = ""
	files, err := e.run(t.Context(), cells)
	require.ErrorContains(t, err, "figures without provenance are not exported")
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.Empty(t, files)
	require.NoDirExists(t, e.opts.Dir, "a refusal writes nothing")

	e, cells = exporting(t, "xlsx")
	_, err = e.run(t.Context(), cells)
	require.ErrorContains(t, err, `traces cannot be written as "xlsx"`)

	e, cells = exporting(t, "csv")
	e.calls = func(io.Writer) error { return errors.New("the database went away") }
	_, err = e.run(t.Context(), cells)
	require.ErrorContains(t, err, "the database went away")
	left, err := filepath.Glob(filepath.Join(e.opts.Dir, "*calls*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestExportChoosesCells(t *testing.T) {
	t.Parallel()
	e, cells := exporting(t, "csv")
	all, err := chosenCells(cells, nil)
	require.NoError(t, err)
	require.Equal(t, cells, all)
	one, err := chosenCells(cells, []bench.CellID{cells[1].ID})
	require.NoError(t, err)
	require.Equal(t, cells[1:2], one)
	require.Len(t, narrowed(e.results, one).Cells, 1)
	require.Greater(t, len(e.results.Cells), 1, "the results themselves stay whole")
	_, err = chosenCells(cells, []bench.CellID{"nonsense"})
	require.ErrorContains(t, err, "none with the id nonsense")
	require.NotEmpty(t, fault.HintOf(err))
}
