//go:build cgo && linux

package nvmlstub_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/meters"
	"github.com/wattsweep/wattsweep/internal/meters/nvml"
	"github.com/wattsweep/wattsweep/test/nvmlstub"
)

func open(t *testing.T, o nvml.Options) *nvml.Session {
	t.Helper()
	s, err := nvml.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func absent(t *testing.T, o nvml.Options, why string) {
	t.Helper()
	_, err := nvml.Open(t.Context(), o)
	missing, ok := errors.AsType[*meters.Missing](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, missing.Why, why)
	require.NotEmpty(t, missing.Mend)
}

func named(t *testing.T, m meters.Meter, name string) bench.Channel {
	t.Helper()
	all := m.Channels()
	i := slices.IndexFunc(all, func(c bench.Channel) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "no channel %s", name)
	return all[i]
}

func names(m meters.Meter) []string {
	var all []string
	for _, c := range m.Channels() {
		all = append(all, c.Name)
	}
	return all
}

func result(facts bench.GPUFacts, call string) string {
	for _, c := range facts.Calls {
		if c.Name == call {
			return c.Result
		}
	}
	return "not tried"
}

func read(t *testing.T, m meters.Meter, clock meters.Clock) map[string]bench.Reading {
	t.Helper()
	dst := make([]bench.Reading, len(m.Channels()))
	require.NoError(t, m.Read(t.Context(), clock.Now, dst))
	all := map[string]bench.Reading{}
	for i, c := range m.Channels() {
		all[c.Name] = dst[i]
	}
	return all
}

// until reads until done says so, or too long has passed.
func until(t *testing.T, m meters.Meter, clock meters.Clock, done func(map[string]bench.Reading) bool) map[string]bench.Reading {
	t.Helper()
	for range 3000 {
		if all := read(t, m, clock); done(all) {
			return all
		}
		pause(t, 10*time.Millisecond)
	}
	t.Fatal("what was waited for did not come within 30 s")
	return nil
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

func nobody(context.Context) ([]int32, error) { return nil, nil }

// configure gives the library another configuration before it is opened.
func configure(t *testing.T, c nvmlstub.Config) {
	t.Helper()
	t.Setenv(nvmlstub.Env, nvmlstub.Write(t, c))
}
