package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewKeepsCauseAndText(t *testing.T) {
	t.Parallel()
	err := New(Unavailable, CodeUnreachable, "start it", "open %s: %w", "a.txt", fs.ErrNotExist)
	require.Equal(t, "open a.txt: file does not exist", err.Error())
	require.ErrorIs(t, err, fs.ErrNotExist)
	wrapped := fmt.Errorf("run cell: %w", err)
	require.Equal(t, Unavailable, KindOf(wrapped))
	require.Equal(t, CodeUnreachable, CodeOf(wrapped))
	require.Equal(t, "start it", HintOf(wrapped))
}

func TestUntypedIsInternal(t *testing.T) {
	t.Parallel()
	err := errors.New("boom")
	require.Equal(t, Internal, KindOf(err))
	require.Empty(t, CodeOf(err))
	require.Empty(t, HintOf(err))
}

func TestProblemsPrintEachOnItsLine(t *testing.T) {
	t.Parallel()
	p := &Problems{Subject: "spec.yaml", List: []Problem{
		{Where: "models[0].name", Line: 7, Msg: "is empty", Mend: "give it a name"},
		{Where: "runs", Msg: "is 0, expected 1 or more"},
	}}
	require.Equal(t, "spec.yaml: 2 problem(s)\n  line 7: models[0].name: is empty; give it a name\n  runs: is 0, expected 1 or more", p.Error())
}
