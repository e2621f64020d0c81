package fault

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/failures.md anew")

// The page of failures is the table, so that neither tells what the other does
// not.
func TestPageOfFailures(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "failures.md")
	want := page(Table())
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644)) //nolint:gosec // a page of the documentation
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "run go test ./internal/fault -update")
}

const pageHead = `# Failures, and what is done about them

Made from the table in ` + "`internal/fault/table.go`" + ` by ` + "`go test ./internal/fault -update`" + `; a test holds that it is fresh, that every code
in the source has its row, and that no row is dead.

A failed cell never fails a sweep: it is a result with a reason, and the host takes its next cell. A failed **call** is no failure of its cell at all: it is an
outcome (` + "`timeout`, `server_error`, `refused`" + ` …) that is stored with its time and its energy, and the run goes on.

A code is what the Temporal UI shows as the type of an activity's error, and what stands before the message in ` + "`wattsweep status`" + `.

- **retry**: the same step is done again, on the same host.
- **next rung**: one rung down the load ladder, once memory came back.
- **reload**: the model is loaded again on the same rung, warmed up, and the run goes on as a new segment.
- **fail the cell**: it ends as failed with what it measured; ` + "`wattsweep retry`" + ` puts it back on the plan.
- **fail the host**: the cell goes back on the plan and the host takes no more cells until ` + "`wattsweep host resume`" + `.
- **wait for a person**: the step is done again at a slow pace; the status says "waiting for a person" and for what.
- **go on**: the failure is recorded, and the rest goes on without what was tried.

Where tries are counted, only failures of the step's own count: a server that is away, a worker that is killed or drained, and a host that is off cost none.
Where no pace is told, tries come after 2 s, then 4 s, 8 s … up to a minute apart. Where a row names a step, it stands before the code's general row for that
activity.

`

func page(table []Rule) string {
	var b strings.Builder
	b.WriteString(pageHead)
	b.WriteString("| code | what happened | what is done | how often | what you do |\n|---|---|---|---|---|\n")
	for _, r := range table {
		name := "`" + string(r.Code) + "`"
		if r.Kind != "" {
			name += " (" + string(r.Kind) + ")"
		}
		if r.Step != "" {
			name += " in " + r.Step
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, r.Meaning, deed(r), often(r), r.Mend)
	}
	return b.String()
}

func deed(r Rule) string {
	if r.Then == "" {
		return "**" + string(r.Action) + "**"
	}
	return fmt.Sprintf("%s, then **%s**", r.Action, r.Then)
}

func often(r Rule) string {
	if r.Action != Retry && r.Action != WaitForPerson {
		return "at once"
	}
	text := "for ever"
	if r.Tries > 0 {
		text = fmt.Sprintf("%d tries", r.Tries)
	}
	if r.Pace > 0 {
		text += ", every " + pace(r.Pace)
	}
	return text
}

func pace(d time.Duration) string {
	if d >= time.Minute {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
