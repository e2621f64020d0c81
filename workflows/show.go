package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// maxDetails is how much text, in bytes, the UI is given about a cell.
const maxDetails = 3 << 10

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
