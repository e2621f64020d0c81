package nvml

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// tree makes a /proc of processes, each with its parent.
func tree(t *testing.T, parents map[int]int) string {
	t.Helper()
	dir := t.TempDir()
	for pid, parent := range parents {
		one := filepath.Join(dir, strconv.Itoa(pid))
		require.NoError(t, os.MkdirAll(one, 0o755))
		stat := fmt.Sprintf("%d (a) b (%d) S %d 1 1 0", pid, pid, parent)
		require.NoError(t, os.WriteFile(filepath.Join(one, "stat"), []byte(stat), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(one, "comm"), fmt.Appendf(nil, "p%d\n", pid), 0o600))
	}
	return dir
}

func sorterOf(proc string) (sorter, *bool) {
	seen := false
	return sorter{proc: proc, seen: func() bool { return seen }, note: func() { seen = true }}, &seen
}

func TestSort(t *testing.T) {
	t.Parallel()
	// 10 is the runtime, 11 and 12 descend from it; 20 does not; 30 is its own parent.
	s, seen := sorterOf(tree(t, map[int]int{1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 30: 30}))
	g := &gpu{index: 2}
	g.facts.UUID = "GPU-x"
	list := []process{{12, 100, true}, {20, 7, true}, {30, 1, true}, {999, 5, false}}
	got := s.sort(g, list, []int32{10})
	require.Equal(t, Occupants{
		Index: 2, UUID: "GPU-x",
		Own:     []Process{{PID: 12, Name: "p12", Bytes: 100, Known: true}},
		Foreign: []Process{{20, "p20", 7, true}, {30, "p30", 1, true}, {999, "", 5, false}},
	}, got)
	require.True(t, *seen)
	_, known := got.ForeignBytes()
	require.False(t, known)
	sum, known := Occupants{Foreign: got.Foreign[:2]}.ForeignBytes()
	require.True(t, known)
	require.EqualValues(t, 8, sum)

	// From then on an id that is not visible is foreign, not another namespace.
	require.Empty(t, s.sort(g, []process{{999, 5, true}}, []int32{10}).Doubt)
	other, _ := sorterOf(t.TempDir())
	require.Contains(t, other.sort(g, []process{{999, 5, true}}, []int32{10}).Doubt, "PID namespace")
	require.Empty(t, other.sort(g, nil, nil).Doubt, "an empty GPU is no riddle")
}

func TestOwnEnds(t *testing.T) {
	t.Parallel()
	s, _ := sorterOf(tree(t, map[int]int{5: 6, 6: 5})) // a circle, as no kernel makes one
	require.False(t, s.own(5, []int32{7}))
	require.False(t, s.own(0, []int32{0}))
	require.False(t, s.own(-3, []int32{-3}))
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ollama", cleanName([]byte("ollama\n")))
	require.Equal(t, "?[31mred", cleanName([]byte("\x1b[31mred\n")))
	require.Equal(t, "?", cleanName(nil))
	require.Equal(t, "a?b", cleanName([]byte("a\xffb")))
}

func FuzzParseParent(f *testing.F) {
	f.Add([]byte("12 (a) b) S 7 1 1"))
	f.Add([]byte("12 (x) S"))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parent, ok := parseParent(text)
		require.True(t, ok || parent == 0)
		require.GreaterOrEqual(t, parent, int32(0))
	})
}

func FuzzCleanName(f *testing.F) {
	f.Add([]byte("llama-server\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		name := cleanName(text)
		require.NotEmpty(t, name)
		require.True(t, utf8.ValidString(name))
		require.NotContains(t, name, "\n")
	})
}
