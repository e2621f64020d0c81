package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/contract"
)

// maxLog is how many bytes of the newest lines of its log a benchmark takes into
// a new run.
const maxLog = 1 << 10

// goOn takes over what an earlier run of the same try has come to.
func (b *benchmark) goOn() {
	g := b.in.Going
	if g == nil {
		return
	}
	b.epoch, b.rung, b.token, b.measured = g.Epoch, g.Rung, g.Token, g.Rung
	b.calls, b.reloads, b.onHost = g.Calls, g.Reloads, true
	b.before.segments, b.before.remeasured = g.Segments, g.Remeasured
	for _, stage := range workflow.DeterministicKeys(g.Numbers) {
		b.nos[stage] = g.Numbers[stage]
	}
	b.log = append(b.log, g.Log...)
}

// long reports whether the history has grown so long that the calls behind the
// given ones are made in a new run of the workflow, and notes where that begins.
// A benchmark that is told to leave does so in this run: no order is lost.
func (b *benchmark) long(ctx workflow.Context, run, from int) bool {
	if b.in.V < 2 || !grown(ctx) || b.stop != nil || ctx.Err() != nil || b.orders.Len() > 0 {
		return false
	}
	if from >= b.in.Items {
		run, from = run+1, 0
	}
	if run > b.until() {
		return false // all that is left is to leave
	}
	g := &contract.Going{
		V: contract.Shape, Epoch: b.epoch, Rung: b.rung, Token: b.token, Run: run, From: from,
		Calls: b.calls, Reloads: b.reloads, Numbers: b.nos, Log: newest(b.log, maxLog),
	}
	g.Segments, g.Remeasured = b.sums(run)
	b.anew = g
	return true
}

// sums are the segments and repeated calls of the runs before the given one.
func (b *benchmark) sums(run int) (segments, remeasured int) {
	segments, remeasured = b.before.segments, b.before.remeasured
	for _, one := range workflow.DeterministicKeys(b.segments) {
		if one < run {
			segments += b.segments[one]
			remeasured += b.remeasured[one]
		}
	}
	return segments, remeasured
}

// newest are the last lines that fit into so many bytes.
func newest(lines []string, size int) []string {
	first := len(lines)
	for first > 0 && size >= len(lines[first-1]) {
		first--
		size -= len(lines[first])
	}
	return lines[first:]
}
