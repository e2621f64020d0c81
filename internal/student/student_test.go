package student

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Student's points as printed in NIST/SEMATECH e-Handbook 1.3.6.7.2, and those
// of half degrees between them.
func TestStudentsPoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ alpha, dof, want float64 }{
		{0.05, 1, 12.706},
		{0.05, 2, 4.303},
		{0.05, 4, 2.776},
		{0.05, 10, 2.228},
		{0.05, 59, 2.001},
		{0.05, 100, 1.984},
		{0.01, 4, 4.604},
		{0.002, 3, 10.215},
		{0.002, 60, 3.232},
		{0.05, 1e6, 1.960},
	} {
		require.InDelta(t, c.want, Critical(c.alpha, c.dof), 6e-4, "alpha %g, %g degrees", c.alpha, c.dof)
		require.InDelta(t, c.alpha, Survival(Critical(c.alpha, c.dof), c.dof), 1e-9)
	}
	between := Critical(0.05, 2.5)
	require.Greater(t, between, Critical(0.05, 3))
	require.Less(t, between, Critical(0.05, 2))
	require.InDelta(t, 1, Survival(0, 3), 1e-12)
}
