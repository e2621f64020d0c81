package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/dataset"
)

func TestNormaliseCode(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"I21.4": "I21.4", "i214": "I21.4", " I 48.9 ": "I48.9", "R56.8X": "R56.8X", "S4220": "S42.20", "C34": "C34", "D16.-": "D16",
		"G63.2*": "G63.2", "E10.4†": "E10.4", "n28.89": "N28.89", "T07.XXXA": "T07.XXXA", "C4A.9": "C4A.9", "U071": "U07.1",
	}
	for in, want := range good {
		got, ok := dataset.NormaliseCode(in)
		require.True(t, ok, in)
		require.Equal(t, want, got)
		again, ok := dataset.NormaliseCode(got)
		require.True(t, ok)
		require.Equal(t, got, again)
	}
	for _, in := range []string{"", "I", "I2", "21.4", "I21.", "I21..4", "I21.45678", "I21-I25", "I21.4 I10.9", "hjärtinfarkt", "Ⅰ21.4", "I２1"} {
		_, ok := dataset.NormaliseCode(in)
		require.False(t, ok, in)
	}
}

func TestParseLabel(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"K379 Appendicit": "K37.9", "R002 Hjärtklappning": "R00.2", "I 48.9 Förmaksflimmer": "I48.9", "S4220": "S42.20", "R56.8X Krampanfall": "R56.8X",
		"a09.9, gastroenterit": "A09.9", "C34": "C34", "R060 Dyspné": "R06.0", "I21 4": "I21", "J18.9.": "",
	}
	for in, want := range good {
		got, ok := dataset.ParseLabel(in)
		require.Equal(t, want != "", ok, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "Appendicit", "TIA", "379", "K3 79", "Kol 3"} {
		_, ok := dataset.ParseLabel(in)
		require.False(t, ok, in)
	}
}

func TestCategory(t *testing.T) {
	t.Parallel()
	require.Equal(t, "I21", dataset.Category("I21.4"))
	require.Equal(t, "I2", dataset.Category("I2"))
}
