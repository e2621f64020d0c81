package app

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

// What a workflow of the server's own answers is asked for again when it is
// late, and not when it has come or nobody waits any more.
func TestLateAnswersAreAskedForAgain(t *testing.T) {
	t.Parallel()
	late := serviceerror.NewDeadlineExceeded("context deadline exceeded")
	gone := serviceerror.NewNotFound("no such deployment")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx     context.Context
		answers []error
		asked   int
	}{
		"at once":      {t.Context(), []error{nil}, 1},
		"late once":    {t.Context(), []error{late, nil}, 2},
		"late by us":   {t.Context(), []error{context.DeadlineExceeded, late, nil}, 3},
		"always late":  {t.Context(), []error{late, late, late}, 3},
		"refused":      {t.Context(), []error{gone}, 1},
		"late, no one": {t.Context(), []error{late, gone}, 2},
		"given up":     {ended, []error{late}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			_, err := patiently(c.ctx, func(context.Context) (int, error) {
				asked++
				return asked, c.answers[asked-1]
			})
			require.Equal(t, c.answers[len(c.answers)-1], err)
			require.Equal(t, c.asked, asked)
		})
	}
}
