package workflows_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/workflows"
)

const (
	maxPayload = 16 << 10 // bytes of one activity's, child's or signal's input
	maxSummary = 200      // bytes of a line beside an event in the UI
)

// scene is a test environment with a cast and a witness of all that leaves a
// workflow.
type scene struct {
	*testsuite.TestWorkflowEnvironment
	*cast
	*witness
	// gone is the id of a workflow that no signal reaches.
	gone string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := newStage(t)
	workflows.Register(s)
	return s
}

// newStage is a scene without workflows.
func newStage(t *testing.T) *scene {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	env := suite.NewTestWorkflowEnvironment()
	s := &scene{TestWorkflowEnvironment: env, cast: newCast(), witness: &witness{t: t}}
	env.SetWorkerOptions(worker.Options{
		Interceptors:             []interceptor.WorkerInterceptor{s.witness},
		DeadlockDetectionTimeout: 20 * time.Second, // a busy machine is no deadlock
	})
	env.SetTestTimeout(30 * time.Second)
	s.play(env)
	return s
}

// quiet drops what the SDK logs of scripted failures.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// benchmark runs one cell.
func (s *scene) benchmark(t *testing.T, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
	t.Helper()
	s.ExecuteWorkflow(contract.WorkflowBenchmark, in)
	require.True(t, s.IsWorkflowCompleted())
	if err := s.GetWorkflowError(); err != nil {
		return contract.BenchmarkOut{}, err
	}
	var out contract.BenchmarkOut
	require.NoError(t, s.GetWorkflowResult(&out))
	return out, nil
}

// sent is an activity as a workflow asked for it.
type sent struct {
	name string
	opts workflow.ActivityOptions
}

// details gives what the UI shows of a workflow beside its history.
func (s *scene) details(t *testing.T) string {
	t.Helper()
	value, err := s.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var raw converter.RawValue
	require.NoError(t, value.Get(&raw))
	var meta sdkpb.WorkflowMetadata
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &meta))
	return meta.GetCurrentDetails()
}

// witness sees every activity, child, signal and search attribute that a
// workflow asks for, and refuses what is too large.
type witness struct {
	interceptor.WorkerInterceptorBase
	t *testing.T

	sent     []sent
	states   []string
	rungs    []int64
	children []workflow.ChildWorkflowOptions
	told     []contract.CellClosed
}

// ids lists the activity ids in order, without those that the SDK made.
func (w *witness) ids() []string {
	var out []string
	for _, s := range w.sent {
		if s.opts.ActivityID != "" {
			out = append(out, s.opts.ActivityID)
		}
	}
	return out
}

// summary gives what stands beside the n-th call of an activity, from 1.
func (w *witness) summary(name string, n int) string {
	for _, s := range w.sent {
		if s.name == name {
			if n--; n == 0 {
				return s.opts.Summary
			}
		}
	}
	return ""
}

func (w *witness) small(what string, args ...any) {
	for _, arg := range args {
		p, err := converter.GetDefaultDataConverter().ToPayload(arg)
		if err != nil || len(p.GetData()) > maxPayload {
			w.t.Errorf("input of %s: %d bytes, expected at most %d (%v)", what, len(p.GetData()), maxPayload, err)
		}
	}
}

func (w *witness) short(what, summary string) {
	if summary == "" || len(summary) > maxSummary || !utf8.ValidString(summary) || strings.Contains(summary, "\n") {
		w.t.Errorf("summary of %s: %d bytes, expected one line of at most %d: %q", what, len(summary), maxSummary, summary)
	}
}

func (w *witness) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, w}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	w *witness
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}, i.w})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	w *witness
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	opts := workflow.GetActivityOptions(ctx)
	o.w.small(name, args...)
	o.w.short(name, opts.Summary)
	o.w.sent = append(o.w.sent, sent{name, opts})
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	opts := workflow.GetChildWorkflowOptions(ctx)
	o.w.small(name, args...)
	o.w.short(name, opts.StaticSummary)
	o.w.children = append(o.w.children, opts)
	return o.Next.ExecuteChildWorkflow(ctx, name, args...)
}

func (o *outbound) SignalExternalWorkflow(ctx workflow.Context, id, runID, name string, arg any) workflow.Future {
	o.w.small(name, arg)
	if closed, ok := arg.(contract.CellClosed); ok {
		o.w.told = append(o.w.told, closed)
	}
	return o.Next.SignalExternalWorkflow(ctx, id, runID, name, arg)
}

func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	attrs := temporal.NewSearchAttributes(updates...)
	if state, ok := attrs.GetKeyword(temporal.NewSearchAttributeKeyKeyword(contract.AttrState)); ok {
		o.w.states = append(o.w.states, state)
	}
	if rung, ok := attrs.GetInt64(temporal.NewSearchAttributeKeyInt64(contract.AttrRung)); ok {
		o.w.rungs = append(o.w.rungs, rung)
	}
	return o.Next.UpsertTypedSearchAttributes(ctx, updates...)
}

// decode reads the single input of a run that continues as new.
func decode[T any](t *testing.T, in *commonpb.Payloads) T {
	t.Helper()
	var out T
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(in, &out))
	return out
}
