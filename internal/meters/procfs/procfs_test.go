package procfs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const stat = `cpu  50531 5107 16719 174318 558 3 226 104 7 1
cpu0 25015 2210 8307 88004 145 1 29 53 0 0
cpu1 25516 2896 8412 86314 413 2 196 51 7 1
intr 1234 0 0
ctxt 99
btime 1700000000
`

func TestParseCPUTimes(t *testing.T) {
	t.Parallel()
	got, err := ParseCPUTimes([]byte(stat))
	require.NoError(t, err)
	require.Equal(t, CPUTimes{User: 50531, Nice: 5107, System: 16719, Idle: 174318, IOWait: 558, IRQ: 3, SoftIRQ: 226, Steal: 104}, got)
	require.Equal(t, uint64(50531+5107+16719+3+226), got.Busy(), "idle, iowait and steal are not busy")
	require.Equal(t, got.Busy()+174318+558+104, got.Total())
	require.Equal(t, 2, CountCPUs([]byte(stat)))
}

func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "cpu", "cpu ", "cpu  1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu  1 2 x 4 5 6 7 8", "cpu  99999999999999999999 1 1 1 1 1 1 1"} {
		_, err := ParseCPUTimes([]byte(bad))
		require.ErrorIs(t, err, ErrFormat, "%q", bad)
	}
	for _, bad := range []string{"", "MemTotal: 5 kB\n", "MemTotal: x kB\nMemAvailable: 1 kB\n", "MemTotal: 5 kB\nMemAvailable: 3"} {
		_, err := ParseMemory([]byte(bad))
		require.ErrorIs(t, err, ErrFormat, "%q", bad)
	}
	for _, bad := range []string{"", "1 (a", "1 (a) R", "1 (a) R 1 2 3", "1 (a) R 0 1 2 3 4 5 6 7 8 9 10 x 12"} {
		_, err := ParseProcessTicks([]byte(bad))
		require.ErrorIs(t, err, ErrFormat, "%q", bad)
	}
	for _, bad := range []string{"", "12", "12 x"} {
		_, err := ParseResidentPages([]byte(bad))
		require.ErrorIs(t, err, ErrFormat, "%q", bad)
	}
}

func TestParseMemory(t *testing.T) {
	t.Parallel()
	got, err := ParseMemory([]byte("MemTotal:       24684084 kB\nMemFree:        23437540 kB\nMemAvailable:   24206416 kB\nBuf"))
	require.NoError(t, err)
	require.Equal(t, uint64(24684084-24206416)*1024, got.UsedB())
	require.Zero(t, Memory{TotalB: 1, AvailableB: 2}.UsedB(), "never below zero")
}

func TestParseProcess(t *testing.T) {
	t.Parallel()
	ticks, err := ParseProcessTicks([]byte("24751 (ollama (run) x) R 24739 24739 22602 0 -1 4194304 98 0 0 0 31 11 0 0 20 0 1 0 125678 3133440 364 1"))
	require.NoError(t, err)
	require.Equal(t, uint64(42), ticks)
	pages, err := ParseResidentPages([]byte("765 364 330 5 0 90 0\n"))
	require.NoError(t, err)
	require.Equal(t, uint64(364), pages)
}

func TestParseInt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"45000\n": 45000, "-5000\n": -5000, "0": 0} {
		got, err := ParseInt([]byte(text))
		require.NoError(t, err, "%q", text)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "\n", "-", "--1", " 1", "1 2", "1\n\n", "0x1", "1.5", "18446744073709551615", "99999999999999999999999"} {
		_, err := ParseInt([]byte(bad))
		require.ErrorIs(t, err, ErrFormat, "%q", bad)
	}
}

func TestFileIsReadAnewEachTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stat")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	f, err := Open(path, 16)
	require.NoError(t, err)
	got, err := f.Read()
	require.NoError(t, err)
	require.Equal(t, "one", string(got))
	require.NoError(t, os.WriteFile(path, []byte("three"), 0o600))
	got, err = f.Read()
	require.NoError(t, err)
	require.Equal(t, "three", string(got))
	require.NoError(t, f.Close())
	_, err = f.Read()
	require.Error(t, err)
	_, err = Open(filepath.Join(t.TempDir(), "absent"), 16)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{stat, "1 (a) R 0 1 2 3 4 5 6 7 8 9 10 11 12", "765 364", "MemTotal: 5 kB\nMemAvailable: 3 kB\n", ") R"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if times, err := ParseCPUTimes(text); err != nil {
			require.Zero(t, times)
		}
		if memory, err := ParseMemory(text); err == nil {
			require.LessOrEqual(t, memory.UsedB(), memory.TotalB)
		}
		_, _ = ParseProcessTicks(text)
		_, _ = ParseResidentPages(text)
		if n, err := ParseInt(text); err == nil {
			want, err := strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		require.LessOrEqual(t, CountCPUs(text), len(text))
	})
}
