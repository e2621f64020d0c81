package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

const (
	// chunk is how many calls one infer activity makes at most.
	chunk = 500
	// maxReloads is how often a model may vanish before the cell is given up.
	maxReloads = 10
)

// Benchmark takes one cell through its stages. However it leaves, it unloads
// the model, scores what was measured and publishes the row; a cell that could
// not be measured is a result with a reason, not a failed workflow.
func Benchmark(ctx workflow.Context, in contract.BenchmarkIn) (contract.BenchmarkOut, error) {
	known(in.V)
	b := &benchmark{in: in, epoch: in.Epoch, measured: in.Rung, nos: map[bench.Stage]int{}}
	b.segments, b.remeasured = map[int]int{}, map[int]int{}
	b.goOn()
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
	// stop is the newest order to leave, nil without one.
	stop *contract.StopIn
	// finished: every call that was asked for is made.
	finished bool
	// By run, since the last chunk of a run knows them for the whole run.
	segments, remeasured map[int]int
	// before are those of runs that an earlier run of the workflow saw through.
	before struct{ segments, remeasured int }
	// anew is where to go on in a new run of the workflow, nil while this one
	// does.
	anew *contract.Going
	// orders are those to stop that nobody has looked at yet.
	orders workflow.ReceiveChannel
	nos    map[bench.Stage]int
	log    []string
	out    contract.BenchmarkOut
}

func (b *benchmark) run(ctx workflow.Context) (contract.BenchmarkOut, error) {
	mctx, halt := workflow.WithCancel(ctx)
	defer halt()
	b.heed(ctx, halt)
	err := b.measure(mctx)
	if b.anew != nil {
		b.in.Going = b.anew
		return b.out, workflow.NewContinueAsNewError(ctx, contract.WorkflowBenchmark, b.in)
	}
	state, reason := b.outcome(mctx, err)
	// From here on nothing is given up, even when the cell was stopped.
	dctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	state, reason = b.renamed(b.leave(mctx, dctx, state, reason))
	if state.Final() { // what is given back has no row yet
		if err := b.publish(dctx, state, reason); err != nil {
			return b.out, err
		}
	}
	b.out.V, b.out.State, b.out.Reason, b.out.Rung, b.out.Calls = b.in.V, state, reason, b.rung, b.calls
	b.out.Segments, b.out.Remeasured = b.sums(b.in.Runs + 1)
	if cerr := b.show(dctx, string(state), ""); cerr != nil {
		return b.out, cerr
	}
	if state == bench.StateCancelled && b.stop == nil {
		return b.out, temporal.NewCanceledError(reason)
	}
	return b.out, nil
}

// step is a stage before the model is loaded.
type step struct {
	stage    bench.Stage
	activity string
	onHost   bool
	summary  string
	// in makes the activity's input of the reference; nil takes that itself.
	in func(contract.CellRef) any
}

// steps are the stages up to the one in which nothing is loaded.
func (b *benchmark) steps() []step {
	pin := fmt.Sprintf("pin %s (%s): %d journals", b.in.At.Dataset, b.in.At.Language, b.in.Items)
	out := []step{
		{bench.StageInspect, contract.ActInspect, true, "look at host, runtime and meters", nil},
		{bench.StageDataset, contract.ActPinDataset, false, pin, nil},
		{bench.StagePull, contract.ActPull, true, "make " + b.in.At.Model + " available", nil},
	}
	if p := b.in.Prepare; p != nil {
		out = append(out, step{
			bench.StagePrepare, contract.ActPrepare, true, prepares(*p),
			func(ref contract.CellRef) any {
				return contract.PrepareIn{CellRef: ref, ClearCaches: p.ClearCaches, CoolDown: p.CoolDown}
			},
		})
	}
	return append(out, step{
		bench.StageBaseline, contract.ActMeasureIdle, true,
		fmt.Sprintf("nothing loaded, %s: the floor for all subtraction", b.in.Baseline),
		func(ref contract.CellRef) any {
			return contract.IdleIn{CellRef: ref, Phase: bench.PhaseBaseline, Length: b.in.Baseline}
		},
	})
}

// prepares says what is done to a host before a cell.
func prepares(in contract.PrepareIn) string {
	var what []string
	if in.ClearCaches {
		what = append(what, "drop the kernel's caches of files")
	}
	if in.CoolDown > 0 {
		what = append(what, fmt.Sprintf("rest for %s", in.CoolDown))
	}
	return "bring the host into its state to begin: " + strings.Join(what, ", ")
}

// measure runs the stages that need the host, in order.
func (b *benchmark) measure(ctx workflow.Context) error {
	if g := b.in.Going; g != nil {
		return b.inferAll(ctx, g.Run, g.From)
	}
	var note contract.Note
	for _, s := range b.steps() {
		ref := b.ref(s.stage)
		var in any = ref
		if s.in != nil {
			in = s.in(ref)
		}
		if err := b.do(ctx, s.stage, s.activity, s.onHost, s.summary, in, &note); err != nil {
			return err
		}
		b.log = append(b.log, fmt.Sprintf("**%s**: %s", s.stage, note.Text))
	}
	if _, err := b.mend(ctx, b.ready(ctx, b.first())); err != nil {
		return err
	}
	return b.inferAll(ctx, 1, 0)
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

// inferAll makes every run's calls from the given ones on, up to the last of
// this turn; a run that moved to another rung starts all runs afresh, since two
// configurations are never mixed. Runs that were made before are found in the
// store.
func (b *benchmark) inferAll(ctx workflow.Context, run, from int) error {
	for ; run <= b.until(); run++ {
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
			if b.long(ctx, run, from) {
				return nil
			}
		}
		from = 0
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
		if b.in.V >= 2 {
			ctx = workflow.WithScheduleToStartTimeout(ctx, unloadUnserved)
		}
	}
	err := workflow.ExecuteActivity(ctx, activity, in).Get(ctx, out)
	b.onHost = b.onHost || onHost && err == nil
	return err
}
