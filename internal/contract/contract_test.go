package contract_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

var update = flag.Bool("update", false, "write the golden files anew")

// payloads are all that travels in a workflow's history.
func payloads() []any {
	return []any{
		contract.SweepIn{},
		contract.SweepOut{},
		contract.Counts{},
		contract.WakeIn{},
		contract.LaneIn{},
		contract.ClaimIn{},
		contract.ClaimOut{},
		contract.BenchmarkIn{},
		contract.BenchmarkOut{},
		contract.CellRef{},
		contract.CloseIn{},
		contract.CloseOut{},
		contract.Going{},
		contract.CellClosed{},
		contract.Note{},
		contract.IdleIn{},
		contract.LoadIn{},
		contract.LoadOut{},
		contract.ResidentIn{},
		contract.InferIn{},
		contract.InferOut{},
		contract.Beat{},
		contract.PullBeat{},
		contract.CancelIn{},
		contract.Status{},
		contract.FinishIn{},
		contract.FinishOut{},
		contract.PublishIn{},
		contract.StopIn{},
		contract.PrepareIn{},
		contract.ControlIn{},
		contract.ControlSweepIn{},
		contract.ControlOut{},
		contract.LaneControlIn{},
		contract.LaneControlOut{},
		contract.SetLaneIn{},
		contract.DriftIn{},
		contract.DriftPlan{},
		contract.PlanDriftIn{},
		contract.CompareDriftIn{},
		contract.DriftOut{},
	}
}

// fields lists a payload's JSON fields with their kinds, embedded ones in place.
func fields(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		if f.Anonymous {
			out = append(out, fields(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name+" "+f.Type.String())
	}
	return out
}

// The shapes of payloads as released: workflows that are open over an upgrade
// read old ones, so a field is only ever added.
func TestPayloadShapes(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, p := range payloads() {
		typ := reflect.TypeOf(p)
		fmt.Fprintln(&text, typ.Name())
		for _, f := range fields(typ) {
			fmt.Fprintln(&text, "  "+f)
		}
	}
	golden := filepath.Join("testdata", "payloads.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(golden, []byte(text.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String(), "a field may be added, never changed or taken away; then run with -update")
}

// Every payload says its version and names each field.
func TestPayloadsAreVersioned(t *testing.T) {
	t.Parallel()
	for _, p := range payloads() {
		typ := reflect.TypeOf(p)
		all := fields(typ)
		require.Equal(t, "v int", all[0], typ.Name())
		seen := map[string]bool{}
		for _, f := range all {
			name, _, _ := strings.Cut(f, " ")
			require.NotEmpty(t, name, "%s: a field has no JSON name", typ.Name())
			require.False(t, seen[name], "%s: %s stands twice", typ.Name(), name)
			seen[name] = true
		}
	}
}

// Journals, prompts and answers have no place in a history.
func TestPayloadsHoldNoText(t *testing.T) {
	t.Parallel()
	for _, p := range payloads() {
		for _, f := range fields(reflect.TypeOf(p)) {
			for _, word := range []string{"prompt", "output", "body", "journal", "answer"} {
				require.NotContains(t, f, word, "%T", p)
			}
		}
	}
}

// A payload with a field of a later version is still read.
func TestLaterFieldsAreAccepted(t *testing.T) {
	t.Parallel()
	in := contract.BenchmarkIn{
		V: 1, Sweep: "s", Name: "n", Cell: "c", Attempt: 2, Epoch: 3, At: bench.Coordinates{Host: "h", Model: "m:1.5B"},
		Rungs: []string{"a", "b"}, Runs: 10, Items: 40, WarmUp: 1, Baseline: time.Minute, Idle: time.Second,
	}
	raw, err := json.Marshal(in)
	require.NoError(t, err)
	later := strings.Replace(string(raw), `"v":1`, `"v":2,"of_a_later_version":{"x":[1]}`, 1)
	var got contract.BenchmarkIn
	require.NoError(t, json.Unmarshal([]byte(later), &got))
	in.V = 2
	require.Equal(t, in, got)
}

func TestIDs(t *testing.T) {
	t.Parallel()
	sweep, cell := bench.NewSweepID([]byte("spec")), bench.NewCellID("s", bench.Coordinates{}, nil)
	require.Equal(t, "host.bench1", contract.HostQueue("bench1"))
	require.Equal(t, "lane/bench1", contract.LaneWorkflowID("bench1"))
	require.Equal(t, "sweep/"+string(sweep), contract.SweepWorkflowID(sweep))
	id := contract.BenchmarkWorkflowID(sweep, cell, 12)
	require.Equal(t, "bench/"+string(sweep)+"/"+string(cell)+"/12", id)
	require.LessOrEqual(t, len(id), 120, "ids are columns of 255 characters on SQL")
}

// A namespace on SQL visibility holds so many attributes of a type and no more.
func TestSearchAttributesFitANamespace(t *testing.T) {
	t.Parallel()
	limit := map[string]int{"Keyword": 10, "Double": 3, "Int": 3}
	count, seen := map[string]int{}, map[string]bool{}
	for _, a := range contract.SearchAttributes() {
		count[a.Type]++
		require.LessOrEqual(t, count[a.Type], limit[a.Type], a.Type)
		require.False(t, seen[a.Name], a.Name)
		require.True(t, strings.HasPrefix(a.Name, "Bench"), "%s is told apart from the server's own", a.Name)
		seen[a.Name] = true
	}
}

// Stages with a result say in one sentence what happened.
func TestSentences(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a", contract.Note{Text: "a"}.Sentence())
	require.Equal(t, "b", contract.LoadOut{Text: "b"}.Sentence())
	require.Equal(t, "c", contract.InferOut{Text: "c"}.Sentence())
}
