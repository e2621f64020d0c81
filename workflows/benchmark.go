package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
)

const (
	// chunk is how many calls one infer activity makes at most.
	chunk = 500
	// maxReloads is how often a model may vanish before the cell is given up.
	maxReloads = 10
	// maxDetails is how much text, in bytes, the UI is given about a cell.
	maxDetails = 3 << 10
)

// Benchmark takes one cell through its stages. However it leaves, it unloads
// the model, scores what was measured and publishes the row; a cell that could
// not be measured is a result with a reason, not a failed workflow.
func Benchmark(ctx workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
	b := &benchmark{in: in, epoch: in.Epoch, measured: in.Rung, nos: map[bench.Stage]int{}}
	b.segments, b.remeasured = map[int]int{}, map[int]int{}
	err := workflow.SetQueryHandler(ctx, contract.QueryStatus, func() (contract.Status, error) {
		return contract.Status{V: 1, State: string(b.stage), Text: b.details()}, nil
	})
	if err != nil {
		return contract.BenchmarkOut{}, fmt.Errorf("set status query: %w", err)
	}
	return b.run(ctx)
}

type benchmark struct {
	in      contract.BenchmarkIn
	epoch   int
	stage   bench.Stage
	note    string
	rung    int // 1-based, 0 before the first load
	token   string
	reloads int
	calls   int
	// measured is the rung of the calls that the epoch may have, 0 for none.
	measured int
	// onHost: an activity of this try ended well on the host.
	onHost bool
	// within bounds what is asked of the host from now on; 0 does not.
	within time.Duration
	// By run, since the last chunk of a run knows them for the whole run.
	segments, remeasured map[int]int
	nos                  map[bench.Stage]int
	log                  []string
	out                  contract.BenchmarkOut
}

func (b *benchmark) run(ctx workflow.Context) (contract.BenchmarkOut, error) {
	state, reason := outcome(ctx, b.measure(ctx))
	// From here on nothing is given up, even when the cell was cancelled.
	dctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	state, reason = b.leave(ctx, dctx, state, reason)
	if perr := b.publish(dctx, state, reason); perr != nil {
		return b.out, perr
	}
	b.out.V, b.out.State, b.out.Reason, b.out.Rung, b.out.Calls = 1, state, reason, b.rung, b.calls
	for _, run := range workflow.DeterministicKeys(b.segments) {
		b.out.Segments += b.segments[run]
		b.out.Remeasured += b.remeasured[run]
	}
	if cerr := b.show(dctx, string(state), ""); cerr != nil {
		return b.out, cerr
	}
	if state == bench.StateCancelled {
		return b.out, temporal.NewCanceledError(reason)
	}
	return b.out, nil
}

// measure runs the stages that need the host, in order.
func (b *benchmark) measure(ctx workflow.Context) error {
	var note contract.Note
	steps := []struct {
		stage    bench.Stage
		activity string
		onHost   bool
		in       any
		summary  string
	}{
		{bench.StageInspect, contract.ActInspect, true, nil, "look at host, runtime and meters"},
		{
			bench.StageDataset, contract.ActPinDataset, false, nil,
			fmt.Sprintf("pin %s (%s): %d journals", b.in.At.Dataset, b.in.At.Language, b.in.Items),
		},
		{bench.StagePull, contract.ActPull, true, nil, "make " + b.in.At.Model + " available"},
		{
			bench.StageBaseline, contract.ActMeasureIdle, true, bench.PhaseBaseline,
			fmt.Sprintf("nothing loaded, %s: the floor for all subtraction", b.in.Baseline),
		},
	}
	for _, s := range steps {
		ref := b.ref(s.stage)
		var in any = ref
		if phase, ok := s.in.(bench.Phase); ok {
			in = contract.IdleIn{CellRef: ref, Phase: phase, Length: b.in.Baseline}
		}
		if err := b.do(ctx, s.stage, s.activity, s.onHost, s.summary, in, &note); err != nil {
			return err
		}
		b.log = append(b.log, fmt.Sprintf("**%s**: %s", s.stage, note.Text))
	}
	if _, err := b.mend(ctx, b.ready(ctx, b.first())); err != nil {
		return err
	}
	return b.inferAll(ctx)
}

// first is the rung on which the ladder begins: where an earlier try of the
// cell left it.
func (b *benchmark) first() int {
	return min(max(b.in.First, b.in.Rung, 1), max(len(b.in.Rungs), 1))
}

// ready loads the model, on the given rung or the next that fits, measures it
// loaded and not asked, and warms it up.
func (b *benchmark) ready(ctx workflow.Context, rung int) error {
	if err := b.climb(ctx, rung); err != nil {
		return err
	}
	var note contract.Note
	idle := contract.IdleIn{CellRef: b.ref(bench.StageIdle), Phase: bench.PhaseIdle, Length: b.in.Idle}
	summary := fmt.Sprintf("%s loaded, not asked, %s", b.in.At.Model, b.in.Idle)
	if err := b.do(ctx, bench.StageIdle, contract.ActMeasureIdle, true, summary, idle, &note); err != nil {
		return err
	}
	return b.warmUp(ctx)
}

// inferAll makes every run's calls; a run that moved to another rung starts
// all runs afresh, since two configurations are never mixed.
func (b *benchmark) inferAll(ctx workflow.Context) error {
	for run := 1; run <= b.in.Runs; run++ {
		from := 0
		for from < b.in.Items {
			to := min(from+chunk, b.in.Items)
			out, err := b.infer(ctx, run, from, to)
			if err != nil {
				afresh, err := b.mend(ctx, err)
				if err != nil {
					return err
				}
				if afresh {
					run, from = 1, 0
				}
				continue
			}
			from = to
			b.calls += out.Calls
			b.segments[run], b.remeasured[run] = out.Segments, out.Remeasured
			b.log = append(b.log, fmt.Sprintf("**infer** run %d: %s", run, out.Text))
		}
	}
	return nil
}

func (b *benchmark) infer(ctx workflow.Context, run, from, to int) (contract.InferOut, error) {
	var out contract.InferOut
	in := contract.InferIn{ResidentIn: b.resident(bench.StageInfer), Run: run, From: from, To: to}
	summary := fmt.Sprintf("run %d of %d: journals %d to %d", run, b.in.Runs, from+1, to)
	b.measured = b.rung // also when it fails: calls may have been committed
	err := b.do(ctx, bench.StageInfer, contract.ActInfer, true, summary, in, &out)
	return out, err
}

func (b *benchmark) warmUp(ctx workflow.Context) error {
	var note contract.Note
	summary := fmt.Sprintf("%d discarded call(s); is the answer coherent?", b.in.WarmUp)
	return b.do(ctx, bench.StageWarmUp, contract.ActWarmUp, true, summary, b.resident(bench.StageWarmUp), &note)
}

// publish computes scores, cost and the published row from what is stored.
func (b *benchmark) publish(ctx workflow.Context, state bench.State, reason string) error {
	in := contract.PublishIn{CellRef: b.ref(bench.StageScore), State: state, Reason: reason}
	for _, s := range []struct {
		stage    bench.Stage
		activity string
		summary  string
	}{
		{bench.StageScore, contract.ActScore, "read codes from the answers and score them"},
		{bench.StageCost, contract.ActCost, "price energy under the stated assumptions"},
		{bench.StagePublish, contract.ActPublish, "publish the cell's row: " + string(state)},
	} {
		var note contract.Note
		if err := b.do(ctx, s.stage, s.activity, false, s.summary, in, &note); err != nil {
			return err
		}
	}
	return nil
}

// repeatsPerTry keeps the numbers of a stage's repetitions apart between tries
// of a cell, so that a later try never writes over what an earlier measured.
const repeatsPerTry = 100

func (b *benchmark) ref(stage bench.Stage) contract.CellRef {
	b.nos[stage]++
	no := (b.in.Attempt-1)*repeatsPerTry + b.nos[stage]
	return contract.CellRef{V: 1, Cell: b.in.Cell, Attempt: b.in.Attempt, Epoch: b.epoch, No: no}
}

func (b *benchmark) resident(stage bench.Stage) contract.ResidentIn {
	return contract.ResidentIn{CellRef: b.ref(stage), Rung: b.rung, Token: b.token}
}

// do runs one activity of a stage and shows it: its id is the stage and the
// repetition, its summary a sentence for people.
func (b *benchmark) do(ctx workflow.Context, stage bench.Stage, activity string, onHost bool, summary string, in, out any) error {
	if err := b.show(ctx, string(stage), summary); err != nil {
		return err
	}
	queue := contract.QueueControl
	if onHost {
		queue = contract.HostQueue(b.in.At.Host)
	}
	id := fmt.Sprintf("%s/%02d", stage, max(b.nos[stage], 1))
	ctx = withPolicy(ctx, activity, queue, id, summary, b.in.Heartbeat)
	if onHost && b.within > 0 {
		ctx = workflow.WithScheduleToCloseTimeout(ctx, b.within)
	}
	err := workflow.ExecuteActivity(ctx, activity, in).Get(ctx, out)
	b.onHost = b.onHost || onHost && err == nil
	return err
}

// show renews search attributes and current details when the stage changes.
func (b *benchmark) show(ctx workflow.Context, state, summary string) error {
	changed := state != string(b.stage)
	b.stage, b.note = bench.Stage(state), summary
	workflow.SetCurrentDetails(ctx, b.details())
	if !changed {
		return nil
	}
	progress := 0.0
	if total := b.in.Runs * b.in.Items; total > 0 {
		progress = float64(b.calls) / float64(total)
	}
	err := workflow.UpsertTypedSearchAttributes(ctx, attrState.ValueSet(state), attrProgress.ValueSet(progress),
		attrRung.ValueSet(int64(b.rung)))
	if err != nil {
		return fmt.Errorf("upsert search attributes: %w", err)
	}
	return nil
}

func (b *benchmark) details() string {
	text := fmt.Sprintf("**%s**\n\nstage **%s**: %s\n\n%d of %d calls", b.in.At, b.stage, b.note, b.calls, b.in.Runs*b.in.Items)
	// The newest lines that fit are shown.
	first, size := len(b.log), len(text)
	for first > 0 && size+len(b.log[first-1]) < maxDetails {
		first--
		size += len(b.log[first]) + len("\n- ")
	}
	if first > 0 {
		text += fmt.Sprintf("\n- … %d earlier", first)
	}
	for _, line := range b.log[first:] {
		text += "\n- " + line
	}
	return text
}

// codeOf reads the fault code of an activity's error.
func codeOf(err error) fault.Code {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return fault.Code(app.Type())
	}
	return ""
}
