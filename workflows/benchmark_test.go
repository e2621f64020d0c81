package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// The twelve stages, each once and in order; inference once per run.
func TestBenchmarkTakesACellThroughItsStages(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := cell()
	out, err := s.benchmark(t, in)
	require.NoError(t, err)
	require.Equal(t, contract.BenchmarkOut{V: 1, State: bench.StateDone, Rung: 1, Calls: 6, Segments: 2}, out)

	ref := func(no int) contract.CellRef {
		return contract.CellRef{V: 1, Cell: in.Cell, Attempt: 1, Epoch: 1, No: no}
	}
	resident := func(no int) contract.ResidentIn {
		return contract.ResidentIn{CellRef: ref(no), Rung: 1, Token: "load-1"}
	}
	published := contract.PublishIn{CellRef: ref(1), State: bench.StateDone}
	want := []line{
		{contract.ActInspect, ref(1)},
		{contract.ActPinDataset, ref(1)},
		{contract.ActPull, ref(1)},
		{contract.ActMeasureIdle, contract.IdleIn{CellRef: ref(1), Phase: bench.PhaseBaseline, Length: 10 * time.Second}},
		{contract.ActLoad, contract.LoadIn{CellRef: ref(1), Rung: 1}},
		{contract.ActMeasureIdle, contract.IdleIn{CellRef: ref(1), Phase: bench.PhaseIdle, Length: 5 * time.Second}},
		{contract.ActWarmUp, resident(1)},
		{contract.ActInfer, contract.InferIn{ResidentIn: resident(1), Run: 1, From: 0, To: 3}},
		{contract.ActInfer, contract.InferIn{ResidentIn: resident(2), Run: 2, From: 0, To: 3}},
		{contract.ActUnload, ref(1)},
		{contract.ActScore, published},
		{contract.ActCost, published},
		{contract.ActPublish, published},
	}
	require.Empty(t, cmp.Diff(want, s.lines(), cmp.AllowUnexported(line{})))

	stages := make([]string, 0, 13)
	for _, stage := range bench.Stages() {
		stages = append(stages, string(stage))
	}
	require.Equal(t, append(stages, "done"), s.states, "one upsert per stage, by its name")
	require.Equal(t, []string{
		"inspect/01", "dataset/01", "pull/01", "baseline/01", "load/01", "idle/01", "warm-up/01", "infer/01", "infer/02",
		"unload/01", "score/01", "cost/01", "publish/01",
	}, s.ids())
}

// What the UI shows names the stage that runs, in step with it.
func TestBenchmarkShowsWhereItIs(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, err := s.benchmark(t, cell())
	require.NoError(t, err)
	text := s.details(t)
	require.Contains(t, text, "stage **done**")
	require.Contains(t, text, "6 of 6 calls")
	require.Contains(t, text, "**load** rung 1: loaded")
	value, err := s.QueryWorkflow(contract.QueryStatus)
	require.NoError(t, err)
	var status contract.Status
	require.NoError(t, value.Get(&status))
	require.Equal(t, contract.Status{V: 1, State: "done", Text: text}, status)
}

// However many chunks a cell has, what the UI shows stays short.
func TestBenchmarkDetailsStayShort(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := cell()
	in.Runs, in.Items = 10, 10_000
	out, err := s.benchmark(t, in)
	require.NoError(t, err)
	require.Equal(t, 100_000, out.Calls)
	text := s.details(t)
	require.LessOrEqual(t, len(text), 4<<10)
	require.Contains(t, text, "**infer** run 10", "the newest lines stay")
}

// Measuring work goes to the host's own queue, database work to the control
// queue; what only one host can do is tried for as long as it takes.
func TestBenchmarkQueuesAndPolicies(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := cell()
	in.Heartbeat = 7 * time.Second
	_, err := s.benchmark(t, in)
	require.NoError(t, err)
	control := []string{contract.ActPinDataset, contract.ActScore, contract.ActCost, contract.ActPublish}
	for _, one := range s.sent {
		want := "host.bench1"
		for _, name := range control {
			if one.name == name {
				want = contract.QueueControl
			}
		}
		require.Equal(t, want, one.opts.TaskQueue, one.name)
		require.True(t, one.opts.WaitForCancellation, one.name)
		require.Positive(t, one.opts.StartToCloseTimeout, one.name)
		require.Zero(t, one.opts.ScheduleToStartTimeout, "%s: a host may be away for days", one.name)
		require.Zero(t, one.opts.ScheduleToCloseTimeout, one.name)
		require.Contains(t, one.opts.RetryPolicy.NonRetryableErrorTypes, "payloadSizeError", one.name)
		if want != contract.QueueControl {
			require.Positive(t, one.opts.HeartbeatTimeout, "%s: without it no crash is noticed", one.name)
		}
		require.Zero(t, one.opts.RetryPolicy.MaximumAttempts, "%s: a drain is an attempt: never bounded", one.name)
		if one.name == contract.ActInfer {
			require.Equal(t, 7*time.Second, one.opts.HeartbeatTimeout, "as the cell says")
		}
	}
}

// More than 500 journals are asked in chunks, so that no activity is too long.
func TestBenchmarkChunksLongRuns(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := cell()
	in.Items = 1201
	out, err := s.benchmark(t, in)
	require.NoError(t, err)
	require.Equal(t, 2402, out.Calls)
	require.Equal(t, 2, out.Segments, "a run's last chunk counts its segments")
	var got []string
	for _, i := range inputs[contract.InferIn](s.cast, contract.ActInfer) {
		got = append(got, fmt.Sprintf("%d: %d–%d", i.Run, i.From, i.To))
	}
	require.Equal(t, []string{
		"1: 0–500", "1: 500–1000", "1: 1000–1201", "2: 0–500", "2: 500–1000", "2: 1000–1201",
	}, got)
}

// Names as long as the spec allows neither outgrow a payload nor a summary.
func TestBenchmarkWithLongNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	in := cell()
	in.At.Model = strings.Repeat("å", 100)
	in.At.Dataset, in.At.Host = strings.Repeat("d", 200), strings.Repeat("h", 60)
	in.Rungs = []string{strings.Repeat("r", 200), strings.Repeat("s", 200)}
	s.at(contract.ActLoad, 1, failure("OutOfMemory"))
	out, err := s.benchmark(t, in)
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.True(t, strings.HasPrefix(s.summary(contract.ActLoad, 2), "load åå"))
}

// A failure that no retry mends ends the cell with its reason; what was loaded
// is taken out, and the row is published.
func TestBenchmarkFailsAsAResult(t *testing.T) {
	t.Parallel()
	after := []string{contract.ActUnload, contract.ActScore, contract.ActCost, contract.ActPublish}
	cases := []struct {
		activity string
		err      error
		reason   string
		calls    int
	}{
		{contract.ActInspect, failure("HostUnfit"), "HostUnfit: scripted HostUnfit", 0},
		{contract.ActPinDataset, failure("DatasetChanged"), "DatasetChanged: scripted DatasetChanged", 0},
		{contract.ActPull, failure("ModelNotFound"), "ModelNotFound: scripted ModelNotFound", 0},
		{contract.ActMeasureIdle, failure("Internal"), "Internal: scripted Internal", 0},
		{contract.ActLoad, failure("ServerError"), "ServerError: scripted ServerError", 0},
		{contract.ActWarmUp, failure("BadAnswer"), "BadAnswer: scripted BadAnswer", 0},
		{contract.ActInfer, failure("DatasetChanged"), "DatasetChanged: scripted DatasetChanged", 0},
	}
	for _, c := range cases {
		t.Run(c.activity, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.always(c.activity, c.err)
			out, err := s.benchmark(t, cell())
			require.NoError(t, err, "a cell that could not be measured is a result")
			require.Equal(t, bench.StateFailed, out.State)
			require.Equal(t, c.reason, out.Reason)
			require.Equal(t, c.calls, out.Calls)
			names := s.names()
			require.Equal(t, after, names[len(names)-4:])
			require.Equal(t, c.activity, names[len(names)-5], "nothing else after the failure")
			got := inputs[contract.PublishIn](s.cast, contract.ActPublish)
			require.Equal(t, []string{string(bench.StateFailed), c.reason}, []string{string(got[0].State), got[0].Reason})
			require.Equal(t, "failed", s.states[len(s.states)-1])
		})
	}
}

// A memory that does not come back fails a cell that was else measured.
func TestBenchmarkThatCannotUnload(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.always(contract.ActUnload, failure("NotUnloaded"))
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, bench.StateFailed, out.State)
	require.Equal(t, "NotUnloaded: scripted NotUnloaded", out.Reason)
	require.Equal(t, 6, out.Calls, "what was measured is kept")
	require.Equal(t, 1, s.count(contract.ActPublish))
}

// A passing failure is tried again and leaves no trace in the result.
func TestBenchmarkTriesAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, name := range []string{contract.ActInspect, contract.ActPull, contract.ActLoad, contract.ActInfer, contract.ActPublish} {
		s.at(name, 1, passing("Unreachable"))
	}
	out, err := s.benchmark(t, cell())
	require.NoError(t, err)
	require.Equal(t, bench.StateDone, out.State)
	require.Equal(t, 6, out.Calls)
	require.Equal(t, 2, s.count(contract.ActLoad))
	require.Equal(t, 3, s.count(contract.ActInfer))
}

// A cancelled cell still unloads, scores and publishes, in that order.
func TestBenchmarkCancelled(t *testing.T) {
	t.Parallel()
	for _, during := range []string{contract.ActPull, contract.ActLoad, contract.ActInfer, contract.ActReclaim} {
		t.Run(during, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.on[during] = func(int, any) error { s.CancelWorkflow(); return temporal.NewCanceledError() }
			if during == contract.ActReclaim {
				s.at(contract.ActLoad, 1, failure("OutOfMemory"))
			}
			_, err := s.benchmark(t, cell())
			require.True(t, temporal.IsCanceledError(err), "%v", err)
			names := s.names()
			require.Equal(t, []string{contract.ActUnload, contract.ActScore, contract.ActCost, contract.ActPublish}, names[len(names)-4:])
			got := inputs[contract.PublishIn](s.cast, contract.ActPublish)
			require.Equal(t, bench.StateCancelled, got[0].State)
			require.Equal(t, "cancelled", got[0].Reason)
			require.Equal(t, "cancelled", s.states[len(s.states)-1])
		})
	}
}
