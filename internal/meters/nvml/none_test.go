//go:build !cgo || !linux

package nvml

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/meters"
)

func TestOpenWithoutCgo(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Options{})
	require.IsType(t, &meters.Missing{}, err)
	require.ErrorContains(t, err, "without cgo")
}
