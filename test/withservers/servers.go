package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/localstack"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// The variables by which tests find the servers, beside storetest.EnvDSN.
const (
	envTemporal = "WATTSWEEP_TEST_TEMPORAL"
	envOllama   = "WATTSWEEP_TEST_OLLAMA"
)

// stopLimit is how long taking the servers down may take.
const stopLimit = 90 * time.Second

// servers is what runs beside the command.
type servers struct {
	stack *localstack.Stack
	dir   string // temporary, all data
	keep  bool
}

// start brings the servers up; a signal meanwhile takes down what was started.
func start(signals <-chan os.Signal, keep, relaxed bool) (*servers, error) {
	dir, err := os.MkdirTemp("", "wattsweep-test-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	s := &servers{dir: dir, keep: keep}
	// Postgres refuses to run as root: the user that it runs as must get in.
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the passwords inside have modes of their own
		return nil, errors.Join(fmt.Errorf("open temporary folder to others: %w", err), s.clear())
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	started := make(chan struct{})
	go func() {
		select {
		case sig := <-signals:
			cancel(fmt.Errorf("stopped by signal: %v", sig))
		case <-started:
		}
	}()
	begin := time.Now()
	s.stack, err = localstack.Start(ctx, options(filepath.Join(dir, "state"), relaxed))
	close(started)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, errors.Join(cause, s.clear())
	}
	if err != nil {
		return nil, fmt.Errorf("start servers (what they logged is in %s): %w", dir, err)
	}
	tell("servers are up after %s; logs in %s", seconds(time.Since(begin)), filepath.Join(s.stack.State, "logs"))
	return s, nil
}

// options asks for the servers that the environment does not name.
func options(state string, relaxed bool) localstack.Options {
	o := localstack.Options{State: state, Owner: "withservers", Progress: localstack.PrintTo(os.Stderr)}
	o.Postgres.DSN = os.Getenv(storetest.EnvDSN)
	o.Postgres.Ping = ping
	o.Temporal.Address = os.Getenv(envTemporal)
	o.Ollama.URL = os.Getenv(envOllama)
	if relaxed {
		o.Temporal.Pragmas = localstack.RelaxedPragmas()
	}
	for _, a := range contract.SearchAttributes() {
		o.Temporal.SearchAttributes = append(o.Temporal.SearchAttributes, localstack.SearchAttribute{Name: a.Name, Type: a.Type})
	}
	return o
}

func ping(ctx context.Context, dsn string) error {
	st, err := store.Open(ctx, store.Options{DSN: dsn, MaxConns: 1})
	if err != nil {
		return err
	}
	defer st.Close()
	return st.Ping(ctx)
}

// environment is what the command's tests read.
func (s *servers) environment() []string {
	return []string{
		storetest.EnvDSN + "=" + s.stack.PostgresDSN,
		envTemporal + "=" + s.stack.TemporalAddress,
		envOllama + "=" + s.stack.OllamaURL,
	}
}

// stop takes the servers down and deletes their data.
func (s *servers) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	if err := s.stack.Stop(ctx); err != nil {
		return fmt.Errorf("stop servers: %w", err)
	}
	if s.keep {
		tell("data and logs are kept in %s", s.dir)
		return nil
	}
	// Wipe also knows of data that had to lie elsewhere.
	if err := localstack.Wipe(ctx, s.stack.State); err != nil {
		return fmt.Errorf("delete the servers' data: %w", err)
	}
	return s.clear()
}

func (s *servers) clear() error {
	if s.keep {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("delete temporary folder: %w", err)
	}
	return nil
}
