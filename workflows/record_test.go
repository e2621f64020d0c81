package workflows_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/workflows"
)

// TestRecordHistories plays every scenario on a real server and stores its
// history. It runs only when asked to, and never overwrites.
func TestRecordHistories(t *testing.T) {
	if os.Getenv("WATTSWEEP_RECORD_HISTORIES") == "" {
		t.Skip("set WATTSWEEP_RECORD_HISTORIES=1 to record what is not stored yet")
	}
	c := dial(t)
	for name, play := range scenarios() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(historyDir, name+".json")
			if _, err := os.Stat(file); err == nil {
				t.Skip("is stored; histories of a released shape are never recorded again")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			r := &recorder{Client: c, cast: newCast(), ctx: ctx}
			stop := r.work(t)
			id := play(t, r)
			stop()
			require.NoError(t, os.WriteFile(file, history(t, ctx, c, id, r.run), 0o644)) //nolint:gosec // a file of the repository
		})
	}
}

// recorder is a real server whose activities are played.
type recorder struct {
	client.Client
	*cast
	ctx context.Context
	// run is the run whose history is kept; empty keeps the last.
	run string
}

// work serves the control queue and the host's queue until stopped.
func (r *recorder) work(t *testing.T) (stop func()) {
	t.Helper()
	control := worker.New(r.Client, contract.QueueControl, worker.Options{DeadlockDetectionTimeout: 20 * time.Second})
	workflows.Register(control)
	r.playControl(control)
	host := worker.New(r.Client, contract.HostQueue("bench1"), worker.Options{
		DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 1, MaxHeartbeatThrottleInterval: 200 * time.Millisecond,
	})
	r.playHost(host)
	require.NoError(t, control.Start())
	require.NoError(t, host.Start())
	return func() { host.Stop(); control.Stop() }
}

// dial connects to a server, its own if none is named.
func dial(t *testing.T) client.Client {
	t.Helper()
	opts := client.Options{Identity: "recorder", Logger: quiet{}}
	if addr := os.Getenv("WATTSWEEP_TEST_TEMPORAL"); addr != "" {
		opts.HostPort = addr
		c, err := client.Dial(opts)
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	}
	args := []string{
		"--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000",
		// So that a history that continues as new stays a small file.
		"--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=150",
	}
	for _, a := range contract.SearchAttributes() {
		args = append(args, "--search-attribute", a.Name+"="+a.Type)
	}
	srv, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: serverPath(t), ClientOptions: &opts, ExtraArgs: args, Stdout: io.Discard, Stderr: io.Discard,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = srv.Stop() })
	return srv.Client()
}

// serverPath finds Temporal's development server.
func serverPath(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("temporal"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	path := filepath.Join(cache, "wattsweep", "bin", "temporal-v1.5.1")
	_, err = os.Stat(path)
	require.NoError(t, err, "no Temporal server: put temporal on the PATH, or run wattsweep up once, which builds it")
	return path
}

// history exports a closed run as JSON.
func history(t *testing.T, ctx context.Context, c client.Client, id, run string) []byte {
	t.Helper()
	all := &historypb.History{}
	events := c.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		all.Events = append(all.Events, event)
	}
	raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(all)
	require.NoError(t, err)
	return append(raw, '\n')
}

// ended waits until a run is closed, however it ended.
func (r *recorder) ended(t *testing.T, id string) {
	t.Helper()
	err := r.GetWorkflow(r.ctx, id, "").Get(r.ctx, nil)
	require.NotErrorIs(t, err, context.DeadlineExceeded, "%s did not end", id)
}
