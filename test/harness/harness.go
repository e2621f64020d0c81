// Package harness runs the real programs against real servers for the tests
// of this folder: Temporal, Postgres and Ollama as localstack starts them.
package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/internal/store"
)

// Limit is how long any single wait of a test may last.
const Limit = 4 * time.Minute

// built builds the two programs once per test binary.
var built = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // once per process
	dir, err := os.MkdirTemp("", "wattsweep-bin-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./starter", "./worker") //nolint:noctx // bounded by go test
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildError{string(out), err}
	}
	return dir, nil
})

type buildError struct {
	out string
	err error
}

func (e *buildError) Error() string { return "build programs: " + e.err.Error() + "\n" + e.out }

// Program gives the path of the built command wattsweep.
func Program(t *testing.T) string {
	t.Helper()
	dir, err := built()
	require.NoError(t, err)
	return filepath.Join(dir, "starter")
}

// Lab is a state folder with servers and a worker of its own.
type Lab struct {
	t     *testing.T
	Dir   string // working folder
	State string
	Host  string
	Env   []string
	Store *store.Store
	Stack *localstack.Stack
}

// NewLab brings up servers and a worker for one test. Host names must differ
// between tests, since a host is measured by one worker at a time. Without the
// servers' programs the test is skipped, but on CI they are built.
func NewLab(t *testing.T, host string, env ...string) *Lab {
	t.Helper()
	NeedServers(t)
	// Not t.TempDir, which Postgres' own user could not enter.
	dir, err := os.MkdirTemp("", "wattsweep-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // see above
	l := &Lab{t: t, Dir: dir, State: filepath.Join(dir, "state"), Host: host, Env: append(ownEnv(), env...)}
	l.Env = append(l.Env, "WATTSWEEP_HOST="+host, "WATTSWEEP_STATE="+l.State, shared)
	t.Cleanup(l.cleanUp)
	l.Must("up")
	l.Stack, err = localstack.Attach(t.Context(), localstack.Options{State: l.State})
	require.NoError(t, err)
	l.Store, err = store.Open(t.Context(), store.Options{DSN: l.Stack.PostgresDSN})
	require.NoError(t, err)
	return l
}

// ownEnv is the environment without what tests are told, which the programs
// would warn about.
func ownEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WATTSWEEP_TEST_") })
}

func (l *Lab) cleanUp() {
	if l.Store != nil {
		l.Store.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if l.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(l.State, "logs", "worker.log"))
		l.t.Logf("worker log, last part:\n%s", log[max(0, len(log)-6000):])
	}
	cmd := exec.CommandContext(ctx, Program(l.t), "down")
	cmd.Dir, cmd.Env = l.Dir, l.Env
	out, err := cmd.CombinedOutput()
	require.NoError(l.t, err, string(out))
	require.NoError(l.t, localstack.Wipe(ctx, l.State))
	require.NoError(l.t, os.RemoveAll(l.Dir))
}

// Run runs wattsweep and gives its output and exit code.
func (l *Lab) Run(args ...string) (stdout, stderr string, code int) {
	l.t.Helper()
	return Run(l.t, l.Dir, l.Env, args...)
}

// shared lets several tests measure on one machine, each under a host name of
// its own; what they measure is simulated or small, and none looks at watts.
const shared = "WATTSWEEP_WORKER_SHARE_MACHINE=true"

// Run runs wattsweep in a folder and gives its output and exit code.
func Run(t *testing.T, dir string, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	// On a new machine the servers are compiled first.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, Program(t), args...)
	cmd.Dir, cmd.Env = dir, append([]string{shared}, env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); !exited { //nolint:errorlint // Run returns it bare
		require.NoError(t, err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// Must runs wattsweep, which must succeed, and gives what it printed.
func (l *Lab) Must(args ...string) string {
	l.t.Helper()
	out, errOut, code := l.Run(args...)
	require.Zero(l.t, code, "wattsweep %s\n%s\n%s", strings.Join(args, " "), out, errOut)
	return out
}

// Spec writes a spec into the lab's folder and gives its path.
func (l *Lab) Spec(text string) string {
	l.t.Helper()
	path := filepath.Join(l.Dir, "spec.yaml")
	require.NoError(l.t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "HOST", l.Host)), 0o600))
	return path
}

// Launch launches a spec and gives its sweep.
func (l *Lab) Launch(spec string) bench.SweepID {
	l.t.Helper()
	out := l.Must("run", spec)
	fields := strings.Fields(out)
	require.GreaterOrEqual(l.t, len(fields), 2, out)
	return bench.SweepID(fields[1])
}

// WorkerPID gives the process id of the lab's worker.
func (l *Lab) WorkerPID() int {
	l.t.Helper()
	body, err := os.ReadFile(filepath.Join(l.State, "worker.json"))
	require.NoError(l.t, err)
	var rec struct {
		PID int `json:"pid"`
	}
	require.NoError(l.t, json.Unmarshal(body, &rec))
	require.Positive(l.t, rec.PID)
	return rec.PID
}

// KillWorker ends the worker as a power cut would.
func (l *Lab) KillWorker() {
	l.t.Helper()
	require.NoError(l.t, syscall.Kill(l.WorkerPID(), syscall.SIGKILL))
}

// Temporal connects to the lab's Temporal.
func (l *Lab) Temporal() client.Client {
	l.t.Helper()
	c, err := client.Dial(client.Options{HostPort: l.Stack.TemporalAddress, Namespace: l.Stack.TemporalNamespace})
	require.NoError(l.t, err)
	l.t.Cleanup(c.Close)
	return c
}

// Until waits for a condition on the store, which is polled.
func (l *Lab) Until(what string, cond func(ctx context.Context) bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), Limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !cond(ctx) {
		select {
		case <-ctx.Done():
			l.t.Fatalf("waited %s in vain for: %s", Limit, what)
		case <-tick.C:
		}
	}
}

// Calls counts a sweep's committed calls.
func (l *Lab) Calls(ctx context.Context, id bench.SweepID) int {
	l.t.Helper()
	_, committed, err := l.Store.CallCounts(ctx, id)
	require.NoError(l.t, err)
	return committed
}

// SweepState reads the state of a sweep, "" while the database is away.
func (l *Lab) SweepState(ctx context.Context, id bench.SweepID) bench.State {
	l.t.Helper()
	sw, err := l.Store.GetSweep(ctx, id)
	if ctx.Err() != nil || (err != nil && fault.KindOf(err) == fault.Unavailable) {
		return "" // Until says what was waited for; or the database is being started again
	}
	require.NoError(l.t, err)
	return sw.State
}

// NeedServers skips where a server's program is neither installed nor built
// yet; on CI, and under make test, they are built.
func NeedServers(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("WATTSWEEP_TEST_TEMPORAL") != "" {
		return
	}
	list, err := localstack.Detect(t.Context(), localstack.Options{})
	require.NoError(t, err)
	for _, f := range list {
		if f.Path == "" {
			t.Skipf("%s would have to be built or installed first (%s); run make test, which does", f.Server, f.Mend)
		}
	}
}
