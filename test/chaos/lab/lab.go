// Package lab runs the real programs for the fault matrix: Temporal, Postgres
// and Ollama as `wattsweep up` starts them, a worker, and where asked for a PDU
// and links that can be cut. It knows how to break each of them and how to bring
// each back; what that did to a sweep is read from the database.
package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/test/chaos/clock"
	"github.com/wattsweep/wattsweep/test/chaos/cut"
)

// Heartbeat is how soon a dead worker is noticed here; a fault that is to be
// noticed lasts longer.
const Heartbeat = 5 * time.Second

// Options say what a lab has.
type Options struct {
	// Host is the name that the worker measures under. It must be unique on the
	// machine.
	Host string
	// Program is the built command wattsweep.
	Program string
	// Cut puts links between the worker and its servers.
	Cut bool
	// Clocked gives the worker a wall clock of its own.
	Clocked bool
	// DiskBytes puts the data of Postgres on a disk of this size; 0 does not.
	// It takes the right to mount.
	DiskBytes int64
	// Say is told what happens.
	Say func(format string, args ...any)
}

// Lab is a state folder with servers and a worker of its own.
type Lab struct {
	Options
	Dir, State string
	// Links from the worker to the servers: to Ollama always, which is where the
	// witness stands, to the others where the lab has them.
	Temporal, Postgres, Ollama *cut.Link
	// Witness counts what Ollama is asked.
	Witness Witness
	// PDU is the power meter of the rack, nil where snmpd is not installed.
	PDU *PDU
	// Clock is the worker's, where it has one of its own.
	Clock *clock.Clock
	// DB reads what was measured, past any link.
	DB *pgxpool.Pool

	env   []string
	stack *localstack.Stack
	dsn   string
}

// Open brings a lab up.
func Open(ctx context.Context, o Options) (l *Lab, err error) {
	// Postgres' own user must be able to enter.
	dir, err := os.MkdirTemp("", "wattsweep-chaos-")
	if err != nil {
		return nil, fmt.Errorf("make the lab's folder: %w", err)
	}
	l = &Lab{Options: o, Dir: dir, State: filepath.Join(dir, "state")}
	defer func() {
		if err != nil {
			_, cerr := l.Close(context.WithoutCancel(ctx))
			err = errors.Join(err, cerr)
		}
	}()
	if err := adopt(); err != nil {
		return l, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // see above
		return l, fmt.Errorf("open the lab's folder: %w", err)
	}
	if o.DiskBytes > 0 {
		if err := l.mountDisk(ctx); err != nil {
			return l, err
		}
	}
	l.env = append(ownEnv(), "WATTSWEEP_HOST="+o.Host, "WATTSWEEP_STATE="+l.State,
		"WATTSWEEP_WORKER_SHARE_MACHINE=true", // other labs and tests run here, too
		fmt.Sprintf("WATTSWEEP_WORKER_HEARTBEAT_TIMEOUT=%s", Heartbeat), fmt.Sprintf("WATTSWEEP_WORKER_LEASE_TIMEOUT=%s", Heartbeat))
	if l.PDU, err = StartPDU(ctx); err != nil {
		return l, err
	}
	if l.PDU != nil {
		l.env = append(l.env, "WATTSWEEP_METERS_PDUS="+l.PDU.settings())
	}
	if err := l.Up(ctx); err != nil {
		return l, err
	}
	return l, l.connect(ctx)
}

// connect reaches the database and puts the links in place.
func (l *Lab) connect(ctx context.Context) (err error) {
	if l.stack, err = localstack.Attach(ctx, localstack.Options{State: l.State}); err != nil {
		return err
	}
	l.dsn = l.stack.PostgresDSN
	if l.DB, err = pgxpool.New(ctx, l.dsn); err != nil {
		return fmt.Errorf("open the lab's database: %w", err)
	}
	if err := l.link(ctx); err != nil {
		return err
	}
	if err := l.EndWorker(ctx); err != nil {
		return err
	}
	return l.Up(ctx)
}

// ownEnv is the environment without what tests and other labs are told.
func ownEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WATTSWEEP_") })
}

// Up starts whatever is not up, as a service manager and its operator would.
func (l *Lab) Up(ctx context.Context) error {
	if err := l.Servers(ctx); err != nil || !l.ownWorker() || l.stack == nil {
		return err
	}
	return l.startOwnWorker(ctx)
}

// ownWorker tells whether the worker is started here and not by `wattsweep up`.
func (l *Lab) ownWorker() bool { return l.Cut || l.Clocked }

// Servers starts the servers that are not up, and in a lab whose worker
// `wattsweep up` starts, the worker, too.
func (l *Lab) Servers(ctx context.Context) error {
	if l.stack == nil {
		_, err := l.Run(ctx, "up")
		return err
	}
	// To the worker and so to `wattsweep up` the link is an Ollama of somebody
	// else's, which they do not start.
	s, err := localstack.Start(ctx, localstack.Options{State: l.State, Detach: true, Owner: "chaos"})
	if err != nil {
		return fmt.Errorf("start servers: %w", err)
	}
	l.stack = s
	if l.ownWorker() {
		return nil
	}
	_, err = l.Run(ctx, "up")
	return err
}

// Run runs wattsweep and gives what it printed.
func (l *Lab) Run(ctx context.Context, args ...string) (string, error) {
	// On a new machine the servers are compiled first.
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.Program, args...) //nolint:gosec // the program under test
	cmd.Dir, cmd.Env = l.Dir, l.env
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("wattsweep %s: %w: %s", strings.Join(args, " "), err, lastLines(said.String()))
	}
	return out.String(), nil
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " / ")
}

// Close takes the lab down and tells which processes outlived it.
func (l *Lab) Close(ctx context.Context) (strays []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if l.DB != nil {
		l.DB.Close()
	}
	var failed []error
	if _, err := os.Stat(l.State); err == nil {
		if _, err := l.Run(ctx, "down"); err != nil {
			failed = append(failed, err)
		}
	}
	for _, link := range []*cut.Link{l.Temporal, l.Postgres, l.Ollama} {
		if link != nil {
			failed = append(failed, link.Close())
		}
	}
	if l.PDU != nil {
		l.PDU.Close()
	}
	if l.Clock != nil {
		failed = append(failed, l.Clock.Close())
	}
	for _, p := range l.settled(ctx, func(list []Process) bool { return len(list) == 0 }) {
		strays = append(strays, p.String())
		_ = p.Kill() // what is told of must not disturb what comes next
	}
	failed = append(failed, l.unmountDisk(), localstack.Wipe(ctx, l.State), os.RemoveAll(l.Dir))
	return strays, errors.Join(failed...)
}

// Logged tells whether a server or the worker wrote a text into its log.
func (l *Lab) Logged(text string) bool {
	logs, err := filepath.Glob(filepath.Join(l.State, "logs", "*.log"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(logs, func(path string) bool {
		raw, err := os.ReadFile(path)
		return err == nil && bytes.Contains(raw, []byte(text))
	})
}

// WorkerLog gives the last part of what the worker said.
func (l *Lab) WorkerLog() string {
	raw, err := os.ReadFile(filepath.Join(l.State, "logs", "worker.log"))
	if err != nil {
		return ""
	}
	return string(raw[max(0, len(raw)-4000):])
}
