package localstack

import (
	"context"
	"os"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Attach finds the servers that an earlier Start with Detach left up, and starts
// nothing. It fails, saying so, when one of them does not answer.
func Attach(ctx context.Context, o Options) (*Stack, error) {
	s, err := open(o)
	if err != nil {
		return nil, err
	}
	if s.state, err = readState(s.State); err != nil {
		return nil, err
	}
	for _, name := range names() {
		k := s.kinds[name]
		if address, ok := k.external(ctx); ok {
			s.describeExternal(name, address)
			continue
		}
		r := s.state.Servers[name]
		if s.state.Folder != s.State || !r.running() {
			return nil, notUp(name, s.State, os.ErrProcessDone)
		}
		probe, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := k.probe(probe, r.Ports)
		cancel()
		if err != nil {
			return nil, notUp(name, s.State, err)
		}
		if err := s.describe(k, r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func notUp(name Name, folder string, err error) error {
	return fault.New(fault.Unavailable, fault.CodeUnreachable, "start the servers (wattsweep up)",
		"%s of state folder %s is not up: %w", name, folder, err)
}
