package pdu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestBuiltinProfilesAreWhole(t *testing.T) {
	t.Parallel()
	all, err := builtin()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 15)
	names, err := Profiles()
	require.NoError(t, err)
	for i, p := range all {
		require.Equal(t, p.Name, names[i])
		require.NotEmpty(t, p.Match.SysObjectID, p.Name)
		require.NotEmpty(t, p.Match.Probe, p.Name)
	}
}
