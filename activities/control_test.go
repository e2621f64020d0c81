package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/tasks/icd10"
)

// A claim gives all that a benchmark orchestrates by, and the same cell when
// it is asked again.
func TestClaimNext(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	in := contract.ClaimIn{V: 1, Host: "bench1", Lane: "lane", Claim: 1}
	for range 2 {
		out := must[contract.ClaimOut](r, contract.ActClaimNext, in)
		require.Equal(t, contract.ClaimOut{V: 1, Found: true, Cell: &contract.BenchmarkIn{
			V: 1, Sweep: r.cell.Sweep, Name: "test", Cell: r.cell.ID, Attempt: 1, Epoch: 1, At: r.cell.At,
			Rungs: []string{"GPU", "CPU"}, Runs: 2, Items: items, WarmUp: 2, Heartbeat: 7 * time.Second, First: 1,
		}}, out)
	}
	must[any](r, contract.ActCloseCell, contract.CloseIn{V: 1, Cell: r.cell.ID, State: bench.StateDone})
	in.Claim = 2
	require.Equal(t, contract.ClaimOut{V: 1, Lane: bench.LaneOpen}, must[contract.ClaimOut](r, contract.ActClaimNext, in), "nothing is left")
	in.Host = "bench2"
	require.False(t, must[contract.ClaimOut](r, contract.ActClaimNext, in).Found)
}

// A sweep's counts follow its cells; reading them marks it as running.
func TestSweepCounts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	counts := must[contract.Counts](r, contract.ActSweepCounts, r.cell.Sweep)
	require.Equal(t, contract.Counts{
		V: contract.Shape, ByState: map[bench.State]int{bench.StateRunning: 1}, ByHost: map[string]int{"bench1": 1}, Busy: []string{"bench1"}, Total: 1,
	}, counts)
	sw, err := r.store.GetSweep(t.Context(), r.cell.Sweep)
	require.NoError(t, err)
	require.Equal(t, bench.StateRunning, sw.State)

	must[any](r, contract.ActCancelSweep, r.cell.Sweep)
	for range 2 {
		must[any](r, contract.ActCloseCell, contract.CloseIn{V: 1, Cell: r.cell.ID, State: bench.StateFailed, Reason: "why"})
	}
	must[any](r, contract.ActCloseCell, contract.CloseIn{V: 1, Cell: r.cell.ID, State: bench.StateDone}) // too late
	counts = must[contract.Counts](r, contract.ActSweepCounts, r.cell.Sweep)
	require.Equal(t, contract.Counts{
		V: contract.Shape, ByState: map[bench.State]int{bench.StateFailed: 1}, ByHost: map[string]int{"bench1": 0}, Total: 1, Final: 1, Cancel: true,
	}, counts)
	for range 2 {
		must[any](r, contract.ActFinishSweep, contract.FinishIn{V: 1, Sweep: r.cell.Sweep, State: bench.StateCancelled})
	}
	sw, err = r.store.GetSweep(t.Context(), r.cell.Sweep)
	require.NoError(t, err)
	require.Equal(t, bench.StateCancelled, sw.State)
	require.NotNil(t, sw.FinishedAt)

	_, err = do[contract.Counts](r, contract.ActSweepCounts, bench.SweepID("none"))
	require.True(t, failed(t, err).NonRetryable())
}

// The epoch rises once, however often the activity runs.
func TestRestartEpoch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.Equal(t, 2, must[int](r, contract.ActRestartEpoch, r.ref()))
	require.Equal(t, 2, must[int](r, contract.ActRestartEpoch, r.ref()))
	must[contract.InferOut](r, contract.ActInfer, r.infer(1))
	second := r.infer(1)
	second.Epoch = 2
	must[contract.InferOut](r, contract.ActInfer, second)
	calls, err := r.store.Calls(t.Context(), r.cell.ID, 2)
	require.NoError(t, err)
	require.Len(t, calls, items)
	require.NotEqual(t, r.calls()[0].Nonce, calls[0].Nonce, "no prompt is ever sent twice")
}

// A dataset is pinned when every journal is as it was stored.
func TestPinDataset(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	note := must[contract.Note](r, contract.ActPinDataset, r.ref())
	require.Equal(t, "demo 1: 4 journals in sv, sha256 d5", note.Text)
	cell, err := r.store.GetCell(t.Context(), r.cell.ID)
	require.NoError(t, err)
	hash, err := icd10.PromptHash("sv")
	require.NoError(t, err)
	require.Equal(t, hash, cell.PromptHash)
}

// A dataset that is not what the plan named is told, and stays so.
func TestPinDatasetFindsChanges(t *testing.T) {
	t.Parallel()
	journal := func(item int, body, hash string) store.Journal {
		return store.Journal{Item: item, ID: "j", Codes: []string{"I10"}, Body: body, BodyHash: hash}
	}
	full := make([]store.Journal, items)
	for i := range full {
		full[i] = journal(i, "text", bench.Hash("text"))
	}
	edited := append([]store.Journal(nil), full...)
	edited[2].Body = "another text"
	cases := map[string]struct {
		journals map[string][]store.Journal
		hash     string
		says     string
	}{
		"a journal edited":  {map[string][]store.Journal{"sv": edited}, "edited", "journal j of dataset demo no longer has the text"},
		"a journal missing": {map[string][]store.Journal{"sv": full[:3]}, "short", "holds 3 journals, the plan has 4"},
		"another language":  {map[string][]store.Journal{"en": full}, "lang", "dataset demo in sv holds 0 journals"},
		"no such dataset":   {nil, "none", "not found in the database"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(cfg *bench.CellConfig) { cfg.Dataset.Hash = c.hash })
			if c.journals != nil {
				require.NoError(t, r.store.PutDataset(t.Context(), store.Dataset{
					Info: bench.DatasetInfo{Name: "demo", Hash: c.hash}, Journals: c.journals,
				}))
			}
			_, err := do[contract.Note](r, contract.ActPinDataset, r.ref())
			app := failed(t, err)
			require.Contains(t, app.Message(), c.says)
			require.NotContains(t, app.Message(), "another text")
			require.True(t, app.NonRetryable())
			if c.journals != nil {
				require.Equal(t, "DatasetChanged", app.Type())
			}
		})
	}
}

// A language that the task cannot ask in is refused before anything is loaded.
func TestPinDatasetInAnUnknownLanguage(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *bench.CellConfig) { cfg.Dataset.Language, cfg.Dataset.Hash = "fi", "finnish" })
	full := make([]store.Journal, items)
	for i := range full {
		full[i] = store.Journal{Item: i, ID: "j", Codes: []string{"I10"}, Body: "x", BodyHash: bench.Hash("x")}
	}
	require.NoError(t, r.store.PutDataset(t.Context(), store.Dataset{
		Info: bench.DatasetInfo{Name: "demo", Hash: "finnish"}, Journals: map[string][]store.Journal{"fi": full},
	}))
	_, err := do[contract.Note](r, contract.ActPinDataset, r.ref())
	app := failed(t, err)
	require.True(t, app.NonRetryable())
	require.Contains(t, app.Message(), "known languages are en, sv")
}

// Lanes are started or woken; a stop goes to lanes that are there, and a lane
// that was lost is started again to close what it left.
func TestWakeLanes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := mocks.NewClient(t)
	r.temporal = c
	for _, host := range []string{"bench1", "bench2"} {
		c.On("SignalWithStartWorkflow", mock.Anything, "lane/"+host, contract.SignalWake, nil,
			mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
				return o.TaskQueue == contract.QueueControl && o.WorkflowIDReusePolicy == enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
			}), contract.WorkflowLane, contract.LaneIn{V: contract.Shape, Host: host}).Return(nil, nil).Twice()
	}
	must[any](r, contract.ActWakeLanes, contract.WakeIn{V: 1, Hosts: []string{"bench1", "bench2"}})

	stop := contract.WakeIn{V: 1, Hosts: []string{"bench1", "bench2"}, CancelSweep: "s"}
	to := func(host string) contract.WakeIn {
		return contract.WakeIn{V: 1, Hosts: []string{host}, CancelSweep: stop.CancelSweep, Stop: stop.Stop}
	}
	c.On("SignalWorkflow", mock.Anything, "lane/bench1", "", contract.SignalCancel, to("bench1")).Return(serviceerror.NewNotFound("no lane")).Once()
	c.On("SignalWorkflow", mock.Anything, "lane/bench2", "", contract.SignalCancel, to("bench2")).Return(nil).Once()
	must[any](r, contract.ActWakeLanes, stop)

	stop.CancelSweep, stop.Stop = "", &contract.StopIn{V: 2, Sweep: "s", Cells: []bench.CellID{"c"}, State: bench.StateQueued}
	c.On("SignalWorkflow", mock.Anything, "lane/bench1", "", contract.SignalCancel, to("bench1")).Return(errors.New("server away")).Once()
	_, err := do[any](r, contract.ActWakeLanes, stop)
	app := failed(t, err)
	require.Contains(t, app.Message(), "tell lane bench1 to stop: server away")
	require.False(t, app.NonRetryable())

	// One that measures gets no signal; it is started where there is none.
	c.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool { return o.ID == "lane/bench2" }),
		contract.WorkflowLane, contract.LaneIn{V: contract.Shape, Host: "bench2"}).Return(nil, nil).Once()
	must[any](r, contract.ActWakeLanes, contract.WakeIn{V: 2, Busy: []string{"bench2"}})
}
