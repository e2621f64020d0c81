package targets

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of docs/targets.md instead of comparing with it")

const (
	docsFile   = "../../docs/targets.md"
	tableBegin = "<!-- table of metrics: made by go test ./internal/targets -update -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// table is every metric with its unit, stats and meaning.
func table() string {
	var b strings.Builder
	b.WriteString("| metric | in | stats | better | what it is |\n|---|---|---|---|---|\n")
	for _, m := range Metrics() {
		stats := make([]string, len(m.Stats))
		for i, s := range m.Stats {
			stats[i] = string(s)
		}
		units := make([]string, len(m.units))
		for i, u := range m.units {
			units[i] = u.name
		}
		better := "less"
		if m.MoreIsBetter {
			better = "more"
		}
		name := "`" + string(m.Name) + "`"
		if len(m.Aliases) > 0 {
			name += " (also `" + strings.Join(m.Aliases, "`, `") + "`)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, strings.Join(units, ", "), strings.Join(stats, ", "), better, m.What)
	}
	return b.String()
}

func TestDocsNameEveryMetric(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docsFile)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), tableBegin)
	require.True(t, found)
	old, after, found := strings.Cut(rest, tableEnd)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(docsFile, []byte(before+tableBegin+table()+tableEnd+after), 0o644))
		return
	}
	require.Equal(t, table(), old, "run the test with -update if the change is meant")
}
