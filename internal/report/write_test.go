package report

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out", "demo")
	for range 2 { // the second replaces the first
		paths, err := Write(dir, sample(), sampleCalls(10), samplePairs())
		require.NoError(t, err)
		require.ElementsMatch(t, Files(), names(t, dir))
		for _, path := range []string{paths.Phases, paths.Metrics, paths.Curves} {
			require.FileExists(t, path)
		}
		for golden, path := range map[string]string{
			"report.html": paths.HTML, "results.json": paths.JSON, "calls.csv": paths.Calls,
		} {
			want, err := os.ReadFile(filepath.Join("testdata", golden))
			require.NoError(t, err)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		}
	}
}

func TestWriteLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	cut := errors.New("the database went away")
	broken := func(yield func(CallRow, error) bool) { yield(CallRow{}, cut) }
	dir := t.TempDir()
	for _, name := range []string{HTMLFile, JSONFile, CallsFile} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600))
	}
	_, err := Write(dir, sample(), broken, HTMLOptions{})
	require.ErrorIs(t, err, cut)

	unproven := sample()
	unproven.Provenance.Hosts = nil
	_, err = Write(dir, unproven, sampleCalls(1), HTMLOptions{})
	_, ok := errors.AsType[*fault.Problems](err)
	require.True(t, ok)

	require.Equal(t, []string{CallsFile, HTMLFile, JSONFile}, names(t, dir), "no part is left behind")
	for _, name := range names(t, dir) {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, "old", string(got))
	}
}

func TestWriteRefusesPlaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Write(file, sample(), sampleCalls(1), HTMLOptions{})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.NotEmpty(t, fault.HintOf(err))

	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, CallsFile), 0o750))
	_, err = Write(dir, sample(), sampleCalls(1), HTMLOptions{})
	require.ErrorContains(t, err, "something that is not a file stands there")
	require.Equal(t, []string{CallsFile}, names(t, dir))
}

func TestDiskFullIsTyped(t *testing.T) {
	t.Parallel()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer func() { require.NoError(t, f.Close()) }()
	err = diskFault("write", "x", CallsCSV(f, sampleCalls(1000)))
	require.Equal(t, fault.CodeDiskFull, fault.CodeOf(err))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
}
