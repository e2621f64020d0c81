package hostfacts

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
)

func TestWithGPUs(t *testing.T) {
	t.Parallel()
	plain := bench.HostFacts{GPUs: []string{}, GPUsMissing: missingDriver, Driver: "1"}
	require.Equal(t, plain, WithGPUs(plain, nil), "without NVML the tables of the kernel stand")
	got := WithGPUs(plain, []bench.GPUFacts{
		{Index: 0, UUID: "GPU-a", Name: "H200", Driver: "580.1"},
		{Index: 1, UUID: "GPU-b", Name: "H200", Driver: "580.1"},
		{Index: 2, UUID: "GPU-a", Name: "H200", Driver: "580.1"},
		{Index: 3, Name: "no uuid"},
	})
	require.Equal(t, []string{"H200 (GPU-a)", "H200 (GPU-b)", "no uuid"}, got.GPUs, "the same GPU seen twice counts once")
	require.Len(t, got.GPUFacts, 3)
	require.Equal(t, "580.1", got.Driver)
	require.Empty(t, got.GPUsMissing)
	require.Equal(t, "1", plain.Driver, "the argument stays as it is")
}
