package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/store"
)

func someCells() []store.Cell {
	make1 := func(seq int, id bench.CellID, host, model, language string, state bench.State) store.Cell {
		c := store.Cell{State: state}
		c.ID, c.Seq = id, seq
		c.At = bench.Coordinates{Host: host, Runtime: "ollama", Model: model, Language: language}
		return c
	}
	return []store.Cell{
		make1(1, "aaaa111111111111", "gpu1", "m:1b", "sv", bench.StateDone),
		make1(2, "aaaa222222222222", "gpu1", "m:1b", "en", bench.StateFailed),
		make1(3, "2bbb333333333333", "gpu2", "n:7b", "sv", bench.StateQueued),
		make1(12, "cccc444444444444", "gpu2", "n:7b", "en", bench.StateFailed),
	}
}

func TestChooseCells(t *testing.T) {
	t.Parallel()
	all := someCells()
	places := func(ids []bench.CellID) (out []int) {
		for _, id := range ids {
			for _, c := range all {
				if c.ID == id {
					out = append(out, c.Seq)
				}
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		named  []string
		filter cellFilter
		want   []int
		says   string
	}{
		"whole id":                {named: []string{"cccc444444444444"}, want: []int{12}},
		"beginning":               {named: []string{"c"}, want: []int{12}},
		"number":                  {named: []string{"12"}, want: []int{12}},
		"marked number":           {named: []string{"#3", "#1"}, want: []int{1, 3}},
		"twice":                   {named: []string{"1", "aaaa1"}, want: []int{1}},
		"two begin so":            {named: []string{"aaaa"}, says: `"aaaa" may be 2 cells`},
		"number or beginning":     {named: []string{"2"}, says: `"2" may be 2 cells: type more of the id, or '#2' for the number`},
		"marked, then the number": {named: []string{"#2"}, want: []int{2}},
		"no such number":          {named: []string{"7"}, says: "numbered 1 to 12"},
		"no such id":              {named: []string{"aaab"}, says: "near it are aaaa111111111111 (#1, gpu1 · ollama · m:1b · sv), aaaa222222222222"},
		"nothing named":           {says: "name cells, or choose some"},
		"empty word":              {named: []string{""}, says: "no cell \"\""},
		"a filter":                {filter: cellFilter{states: []string{"failed"}}, want: []int{2, 12}},
		"two filters":             {filter: cellFilter{states: []string{"failed"}, hosts: []string{"gpu2"}}, want: []int{12}},
		"values of one filter":    {filter: cellFilter{states: []string{"failed", "queued"}}, want: []int{2, 3, 12}},
		"filters narrow names":    {named: []string{"1", "#2"}, filter: cellFilter{languages: []string{"en"}}, want: []int{2}},
		"no such model":           {filter: cellFilter{models: []string{"m:1B"}}, says: `--model "m:1B" is of no cell of the sweep; it has m:1b, n:7b`},
		"a state that none is in": {filter: cellFilter{states: []string{"unfit"}}, says: "no cell is as the filters say"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chooseCells(all, c.named, c.filter)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				require.Equal(t, ExitWrongUse, codeOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, places(got))
		})
	}
}

func FuzzFindCell(f *testing.F) {
	for _, word := range []string{"", "#", "#12", "aaaa", "12", "-1", "#-1", "\x00", "9999999999999999999999"} {
		f.Add(word)
	}
	all := someCells()
	f.Fuzz(func(t *testing.T, word string) {
		id, err := findCell(all, word)
		if (err == nil) == (id == "") {
			t.Fatalf("%q: %q, %v", word, id, err)
		}
		if _, usage := errors.AsType[errUsage](err); err != nil && !usage {
			t.Fatalf("%q: %v", word, err)
		}
	})
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	one, err := (&asked{}).in()
	require.NoError(t, err)
	two, err := (&asked{}).in()
	require.NoError(t, err)
	require.NotEmpty(t, one.Request)
	require.NotEqual(t, one.Request, two.Request, "each request is its own")
	require.NotEmpty(t, one.By)
	given, err := (&asked{request: "nightly-7", reason: "why"}).in()
	require.NoError(t, err)
	require.Equal(t, contract.ControlIn{V: contract.Shape, Request: "nightly-7", By: one.By, Reason: "why"}, given)
	for _, bad := range []string{strings.Repeat("x", 201), "a\nb"} {
		_, err := (&asked{request: bad}).in()
		require.Equal(t, ExitWrongUse, codeOf(err))
	}
}

// A word says where a sweep is, with what was asked of it.
func TestStateWords(t *testing.T) {
	t.Parallel()
	pause := &bench.Pause{By: "ada"}
	for want, sw := range map[string]store.Sweep{
		"running":    {State: bench.StateRunning},
		"paused":     {State: bench.StateRunning, Pause: pause},
		"pausing":    {State: bench.StateRunning, Pause: pause, Counts: map[bench.State]int{bench.StateRunning: 1}},
		"cancelling": {State: bench.StateRunning, Cancel: true},
		"cancelled":  {State: bench.StateCancelled, Cancel: true},
		"done":       {State: bench.StateDone, Pause: pause},
	} {
		require.Equal(t, want, stateWord(sw))
	}
}

func TestExtensionSaysWhatStays(t *testing.T) {
	t.Parallel()
	var e app.Extension
	require.Empty(t, beside(e))
	e.Same = 3
	for _, c := range someCells() {
		e.Lacking = append(e.Lacking, c.Cell, c.Cell)
	}
	text := beside(e)
	require.Contains(t, text, "3 were there already; 8 that the spec lacks stay: aaaa111111111111 (gpu1 · ollama · m:1b · sv)")
	require.Contains(t, text, "and 3 more")
}
