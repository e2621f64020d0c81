package simruntime_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/test/simruntime"
)

var _ runtimes.Runtime = (*simruntime.Runtime)(nil)

func request(model, prompt string) runtimes.Request {
	start := time.Now()
	return runtimes.Request{
		Model: bench.ModelConfig{Name: model}, Prompt: prompt, Now: func() time.Duration { return time.Since(start) },
	}
}

// Whoever sees a figure of it must see what it is.
func TestSaysWhatItIs(t *testing.T) {
	t.Parallel()
	info, err := simruntime.New(simruntime.Options{}).Inspect(t.Context())
	require.NoError(t, err)
	require.Contains(t, info.Kind, "simulated")
	require.Contains(t, info.Version, "simulated")
}

// The same prompt has the same answer, another prompt another.
func TestAnswersFollowFromThePrompt(t *testing.T) {
	t.Parallel()
	one, two := simruntime.New(simruntime.Options{}), simruntime.New(simruntime.Options{})
	ask := func(rt *simruntime.Runtime, prompt string) string {
		_, err := rt.Load(t.Context(), bench.ModelConfig{Name: "m"}, bench.Rung{}, bench.RuntimeConfig{})
		require.NoError(t, err)
		ans, err := rt.Generate(t.Context(), request("m", prompt))
		require.NoError(t, err)
		require.Equal(t, bench.OutcomeOK, ans.Outcome)
		return ans.Text
	}
	require.Equal(t, ask(one, "feber"), ask(two, "feber"))
	require.NotEqual(t, ask(one, "feber"), ask(one, "hosta"))
}

// Every load is another one, and what was unloaded answers no more.
func TestResidency(t *testing.T) {
	t.Parallel()
	rt, model := simruntime.New(simruntime.Options{}), bench.ModelConfig{Name: "m", ContextTokens: 64}
	first, err := rt.Load(t.Context(), model, bench.Rung{}, bench.RuntimeConfig{})
	require.NoError(t, err)
	second, err := rt.Load(t.Context(), model, bench.Rung{}, bench.RuntimeConfig{})
	require.NoError(t, err)
	for token, want := range map[string]bool{first.Token: false, second.Token: true, "": false} {
		here, err := rt.Resident(t.Context(), "m", token)
		require.NoError(t, err)
		require.Equal(t, want, here)
	}
	require.NoError(t, rt.Unload(t.Context(), ""))
	_, err = rt.Generate(t.Context(), request("m", "x"))
	require.Equal(t, fault.CodeModelNotResident, fault.CodeOf(err))
}

// A call that is told to fail fails, and has its outcome.
func TestTrouble(t *testing.T) {
	t.Parallel()
	broken := errors.New("simulated trouble")
	rt := simruntime.New(simruntime.Options{Trouble: func(string, int) error { return broken }})
	_, err := rt.Load(t.Context(), bench.ModelConfig{Name: "m"}, bench.Rung{}, bench.RuntimeConfig{})
	require.NoError(t, err)
	ans, err := rt.Generate(t.Context(), request("m", "x"))
	require.ErrorIs(t, err, broken)
	require.Equal(t, bench.OutcomeServerError, ans.Outcome)
	require.Equal(t, 1, rt.Calls())
}
