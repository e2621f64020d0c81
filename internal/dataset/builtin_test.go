package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/wattsweep/wattsweep/internal/dataset"
)

func demo(t *testing.T) dataset.Dataset {
	t.Helper()
	d, err := dataset.Open(t.Context(), dataset.Options{Source: dataset.DemoJournals})
	require.NoError(t, err)
	return d
}

func TestDemoOpensByName(t *testing.T) {
	t.Parallel()
	d := demo(t)
	require.Equal(t, "demo-journals", d.Name)
	require.Equal(t, "ICD-10-SE", d.CodeSystem)
	require.Equal(t, []string{"en", "sv"}, d.Languages)
	require.True(t, d.HasLanguage("sv"))
	require.Len(t, d.Hash(), 64)
	require.NotEqual(t, d.HashLanguage("sv"), d.HashLanguage("en"))
}
