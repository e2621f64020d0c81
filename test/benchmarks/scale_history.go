package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

// historySize is how large the histories of a type of workflow are, over all
// its runs; a workflow that continues as new has many.
type historySize struct {
	Runs         int   `json:"runs"`
	MaxEvents    int64 `json:"max_events"`
	MedianEvents int64 `json:"median_events"`
	MaxBytes     int64 `json:"max_bytes"`
	MedianBytes  int64 `json:"median_bytes"`
	// Largest is the workflow with the most events.
	Largest string `json:"largest"`
	// Activities is how many of them were scheduled, over all runs; what a
	// sample of runs had stands for all.
	Activities float64 `json:"activities"`
}

// sampledRuns is of how many runs of a type the history is read event by event.
const sampledRuns = 60

// histories reads the sizes of all histories of a sweep: its own, those of its
// lanes and of all its benchmarks.
func (f *fleet) histories(ctx context.Context, id bench.SweepID) (map[string]historySize, error) {
	out := map[string]historySize{}
	for name, queries := range map[string][]string{
		contract.WorkflowSweep:     {fmt.Sprintf("WorkflowId = '%s'", contract.SweepWorkflowID(id))},
		contract.WorkflowBenchmark: {fmt.Sprintf("BenchSweep = '%s' AND WorkflowType = '%s'", id, contract.WorkflowBenchmark)},
		contract.WorkflowLane:      f.laneQueries(),
	} {
		var runs []*workflowpb.WorkflowExecutionInfo
		for _, query := range queries {
			more, err := f.list(ctx, query)
			if err != nil {
				return nil, err
			}
			runs = append(runs, more...)
		}
		size, err := f.sizeOf(ctx, runs)
		if err != nil {
			return nil, err
		}
		out[name] = size
	}
	return out, nil
}

func (f *fleet) laneQueries() (list []string) {
	for i := range f.opts.Hosts {
		list = append(list, fmt.Sprintf("WorkflowId = '%s'", contract.LaneWorkflowID(f.host(i))))
	}
	return list
}

// list gives all runs that a query finds. The list lags behind by a moment.
func (f *fleet) list(ctx context.Context, query string) (runs []*workflowpb.WorkflowExecutionInfo, err error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // the caller's own cancellation
	case <-time.After(time.Second):
	}
	var next []byte
	for {
		page, err := f.control.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: f.control.Namespace, Query: query, PageSize: 1000, NextPageToken: next,
		})
		if err != nil {
			return nil, fmt.Errorf("list workflows: %w", err)
		}
		runs = append(runs, page.Executions...)
		if next = page.NextPageToken; len(next) == 0 {
			return runs, nil
		}
	}
}

func (f *fleet) sizeOf(ctx context.Context, runs []*workflowpb.WorkflowExecutionInfo) (out historySize, err error) {
	out.Runs = len(runs)
	if len(runs) == 0 {
		return out, errors.New("no run of it was found")
	}
	var events, sizes []int64
	for i, run := range runs {
		if run.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING { // the list does not know of it
			one, err := f.control.Temporal.DescribeWorkflowExecution(ctx, run.Execution.WorkflowId, run.Execution.RunId)
			if err != nil {
				return out, fmt.Errorf("describe %s: %w", run.Execution.WorkflowId, err)
			}
			runs[i] = one.WorkflowExecutionInfo
		}
		if runs[i].HistoryLength > out.MaxEvents {
			out.MaxEvents, out.Largest = runs[i].HistoryLength, runs[i].Execution.WorkflowId+" "+runs[i].Execution.RunId
		}
		events, sizes = append(events, runs[i].HistoryLength), append(sizes, runs[i].HistorySizeBytes)
	}
	out.MedianEvents, out.MedianBytes, out.MaxBytes = middle(events), middle(sizes), slices.Max(sizes)
	out.Activities, err = f.activities(ctx, runs)
	return out, err
}

// activities counts the activities of some runs, spread over all, and tells
// how many all have.
func (f *fleet) activities(ctx context.Context, runs []*workflowpb.WorkflowExecutionInfo) (float64, error) {
	step := max(1, len(runs)/sampledRuns)
	read, found := 0, 0
	for i := 0; i < len(runs); i += step {
		n, err := f.scheduled(ctx, runs[i].Execution)
		if err != nil {
			return 0, err
		}
		read, found = read+1, found+n
	}
	return float64(found) / float64(read) * float64(len(runs)), nil
}

func (f *fleet) scheduled(ctx context.Context, run *common.WorkflowExecution) (n int, err error) {
	events := f.control.Temporal.GetWorkflowHistory(ctx, run.WorkflowId, run.RunId, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return n, fmt.Errorf("read history of %s: %w", run.WorkflowId, err)
		}
		if e.EventType == enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
			n++
		}
	}
	return n, nil
}

// middle is the upper median of values that are there.
func middle[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
