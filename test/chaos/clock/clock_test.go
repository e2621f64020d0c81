package clock

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test's own binary is launcher and program: told so, it says the time for
// each line that it reads.
func TestMain(m *testing.M) {
	Launch()
	if os.Getenv("CHAOS_CLOCK_TELL") == "" {
		os.Exit(m.Run())
	}
	began := time.Now()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(time.Now().Round(0).UnixNano(), int64(time.Since(began)))
	}
}

func TestAClockIsSteppedForOneProgram(t *testing.T) {
	if why := Lacks(); why != "" {
		t.Skip(why)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "CHAOS_CLOCK_TELL=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	c, err := Start(cmd)
	require.NoError(t, err)
	lines := bufio.NewReader(out)
	ask := func() (wall time.Time, since time.Duration) {
		_, err := fmt.Fprintln(in)
		require.NoError(t, err)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		told := strings.Fields(line)
		require.Len(t, told, 2)
		ns, err := strconv.ParseInt(told[0], 10, 64)
		require.NoError(t, err)
		mono, err := strconv.ParseInt(told[1], 10, 64)
		require.NoError(t, err)
		return time.Unix(0, ns), time.Duration(mono)
	}
	for _, step := range []time.Duration{0, time.Hour, -time.Hour, 0} {
		c.Step(step)
		wall, since := ask()
		require.WithinDuration(t, time.Now().Add(step), wall, time.Minute)
		require.Less(t, since, time.Minute, "the monotonic clock is true")
	}
	require.Positive(t, c.Answered())
	require.NoError(t, in.Close())
	require.NoError(t, cmd.Wait())
	require.NoError(t, c.Close())
}
