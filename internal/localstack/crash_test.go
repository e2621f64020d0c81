package localstack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets a test run this binary again as a program that starts a stack
// and then waits to be killed.
func TestMain(m *testing.M) {
	if raw := os.Getenv("LOCALSTACK_HELPER"); raw != "" {
		helper(raw)
		return
	}
	os.Exit(m.Run())
}

// asked is what the helper is to start.
type asked struct {
	State  string
	Detach bool
	// Tell prints every event of the start.
	Tell bool
}

func helper(raw string) {
	var a asked
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		panic(err)
	}
	o := Options{State: a.State, Detach: a.Detach, Owner: "helper"}
	if a.Tell {
		o.Progress = PrintTo(os.Stdout)
	}
	s, err := Start(context.Background(), o)
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("up", s.PID(Ollama))
	select {} // until SIGKILL
}

// runHelper starts this binary as the program that starts a stack.
func runHelper(t *testing.T, raw string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$") //nolint:noctx // killed by the test
	cmd.Env = append(os.Environ(), "LOCALSTACK_HELPER="+raw)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, bufio.NewReader(out)
}

// startAndKill has another process start the stack and kills it with SIGKILL.
// It gives what that process had on record.
func startAndKill(t *testing.T, a asked) map[Name]record {
	t.Helper()
	raw, err := json.Marshal(a)
	require.NoError(t, err)
	cmd, out := runHelper(t, string(raw))
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^up \d+`, line)
	state, err := readState(a.State)
	require.NoError(t, err)
	require.Len(t, state.Servers, 3)
	if !a.Detach {
		err := Down(t.Context(), a.State, nil)
		require.ErrorContains(t, err, fmt.Sprintf("in use by process %d (helper", cmd.Process.Pid))
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	return state.Servers
}

func TestKilledOwnerLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	before := startAndKill(t, asked{State: o.State})
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	for name, r := range before {
		require.False(t, r.running(), name)
		require.NotEqual(t, r.Pid, s.PID(name))
		require.Equal(t, r.Ports, s.recordOf(name).Ports, "the ports stay")
	}
	require.Len(t, kinOf(s.site.mark.id, s.State), 3)
	require.Equal(t, "1", query(t, s, "select 1"))
}

func TestDetachedServersOutliveTheirProgramAndAreAdopted(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	before := startAndKill(t, asked{State: o.State, Detach: true})
	for name, r := range before {
		require.True(t, r.running(), name)
	}
	attached, err := Attach(t.Context(), o)
	require.NoError(t, err)

	// Two programs can use the same servers; neither ends them.
	one, err := Start(t.Context(), o)
	require.NoError(t, err)
	two, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, attached.PostgresDSN, one.PostgresDSN)
	require.Equal(t, one.TemporalAddress, two.TemporalAddress)
	require.NoError(t, one.Stop(t.Context()))
	require.NoError(t, two.Stop(t.Context()))
	status, err := Status(t.Context(), o.State)
	require.NoError(t, err)
	require.Len(t, status, 3)
	for _, st := range status {
		require.True(t, st.Answers, st)
		require.Equal(t, before[st.Server].Pid, st.PID)
	}

	// One that died is started again beside the ones that live.
	require.NoError(t, before[Postgres].signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return !before[Postgres].running() }, 10*time.Second, 10*time.Millisecond)
	_, err = Attach(t.Context(), o)
	require.ErrorContains(t, err, "postgres")
	o.Detach = true
	mended, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, before[Ollama].Pid, mended.PID(Ollama))
	require.NotEqual(t, before[Postgres].Pid, mended.PID(Postgres))
	require.Equal(t, attached.PostgresDSN, mended.PostgresDSN)

	require.NoError(t, Down(t.Context(), o.State, o.Progress))
	require.Empty(t, kinOf(mended.site.mark.id, mended.State))
	status, err = Status(t.Context(), o.State)
	require.NoError(t, err)
	for _, st := range status {
		require.False(t, st.Running)
	}
}

// A program killed at any point of its first start leaves a folder in which the
// next start succeeds, with nothing running twice.
func TestKilledInTheMiddleOfAStart(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	for lines := range 4 {
		raw, err := json.Marshal(asked{State: o.State, Detach: lines%2 == 0, Tell: true})
		require.NoError(t, err)
		cmd, out := runHelper(t, string(raw))
		for range lines + 1 {
			line, err := out.ReadString('\n')
			require.NoError(t, err)
			t.Log("helper: ", line)
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	require.Equal(t, "1", query(t, s, "select 1"))
	require.Len(t, kinOf(s.site.mark.id, s.State), 3)
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, Down(t.Context(), o.State, nil))
	require.Empty(t, kinOf(s.site.mark.id, s.State))
	require.Empty(t, usersOf(s.PostgresData))
}

func TestKillAndRestartOnTheSamePort(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	query(t, s, "create table kept (n int); insert into kept values (7)")
	for _, name := range names() {
		before := s.recordOf(name)
		ended := s.Done(name)
		require.NoError(t, s.Kill(name, syscall.SIGKILL))
		<-ended
		require.Error(t, s.Kill(name, syscall.SIGTERM), "it is gone")
		require.NoError(t, s.Restart(t.Context(), name), name)
		require.NotEqual(t, before.Pid, s.PID(name))
		require.Equal(t, before.Ports, s.recordOf(name).Ports)
	}
	require.Equal(t, "7", query(t, s, "select n from kept"))
	require.NoError(t, s.Restart(t.Context(), Postgres), "also while it runs")
	require.Equal(t, "7", query(t, s, "select n from kept"))
	require.Error(t, s.Restart(t.Context(), "redis"))
}

func TestSupervisorBringsAKilledServerBack(t *testing.T) {
	t.Parallel()
	o := realServers(t)
	o.Supervise = true
	ready := make(chan Name, 64)
	o.Progress = func(e Event) {
		t.Log(e)
		if e.Step == StepReady {
			ready <- e.Server
		}
	}
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	for range names() {
		<-ready
	}
	for _, name := range names() {
		before := s.PID(name)
		require.NoError(t, s.Kill(name, syscall.SIGKILL))
		require.Equal(t, name, <-ready)
		require.NotEqual(t, before, s.PID(name))
	}
	require.Equal(t, "1", query(t, s, "select 1"))
}
