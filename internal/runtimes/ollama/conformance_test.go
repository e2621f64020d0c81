package ollama_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/runtimes"
	"github.com/wattsweep/wattsweep/internal/runtimes/ollama"
	"github.com/wattsweep/wattsweep/internal/runtimes/runtimetest"
)

// onFake gives a client of a fake server with short limits.
func onFake(t testing.TB, f *runtimetest.Fake) *ollama.Client {
	t.Helper()
	c, err := ollama.New(ollama.Options{
		BaseURL: runtimetest.ServeOllama(t, f), Env: []string{"OLLAMA_NUM_PARALLEL=1", "SECRET=x"},
		StallLimit: time.Second, UnloadLimit: 3 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestConformance(t *testing.T) {
	t.Parallel()
	runtimetest.Run(t, func(t *testing.T, f *runtimetest.Fake) runtimes.Runtime { return onFake(t, f) })
}
