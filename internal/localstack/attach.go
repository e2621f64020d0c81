package localstack

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Attach finds the servers that an earlier Start with Detach left up, starts
// nothing and writes nothing. It fails, saying so, when one of them does not
// answer.
func Attach(ctx context.Context, o Options) (*Stack, error) {
	named := orDefault(o.State, DefaultState) // as the user knows it
	s, err := openToRead(o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nothingUp(named)
	}
	if err != nil {
		return nil, err
	}
	if s.state, err = readState(s.State); err != nil {
		return nil, err
	}
	up := 0
	for _, r := range s.state.Servers {
		if s.state.Folder == s.State && r.running() {
			up++
		}
	}
	for _, name := range names() {
		k := s.kinds[name]
		if address, ok := k.external(ctx); ok {
			s.describeExternal(name, address)
			continue
		}
		if up == 0 {
			return nil, nothingUp(named)
		}
		if err := s.attachOne(ctx, k, named); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Stack) attachOne(ctx context.Context, k kind, named string) error {
	r := s.state.Servers[k.name()]
	if !r.running() {
		return fault.New(fault.Unavailable, fault.CodeUnreachable, "wattsweep up starts it again",
			"%s of state folder %s is not up, the others are", k.name(), named)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := k.probe(ctx, r.Ports); err != nil {
		return fault.New(fault.Unavailable, fault.CodeUnreachable, "look at its log, then wattsweep down and wattsweep up",
			"%s of state folder %s runs and does not answer: %w", k.name(), named, err)
	}
	return s.describe(k, r)
}

func nothingUp(folder string) error {
	return fault.New(fault.Unavailable, fault.CodeUnreachable, "wattsweep up starts it", "nothing is up in %s", folder)
}

// openToRead prepares a stack of a folder that exists; it changes nothing.
func openToRead(o Options) (*Stack, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	folder, err := filepath.EvalSymlinks(o.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, diskError(o.State, err)
	}
	return newStack(&site{Options: o, folder: folder})
}
