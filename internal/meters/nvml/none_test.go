//go:build !cgo || !linux

package nvml

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/meters"
)

func TestOpenWithoutCgo(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Options{})
	_, absent := errors.AsType[*meters.Missing](err)
	require.True(t, absent)
	require.ErrorContains(t, err, "without cgo")
}
