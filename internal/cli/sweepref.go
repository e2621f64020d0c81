package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/store"
)

// sweepCommand is a command on one sweep, which its only argument names.
func sweepCommand(
	use, short string, temporal app.TemporalUse,
	f func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error,
) *cobra.Command {
	return &cobra.Command{
		Use:   use + " SWEEP",
		Short: short,
		Args:  args(1),
		RunE:  func(cmd *cobra.Command, in []string) error { return onSweep(cmd, temporal, in[0], f) },
	}
}

// onSweep runs f on the sweep that a user named.
func onSweep(
	cmd *cobra.Command, temporal app.TemporalUse, key string,
	f func(ctx context.Context, s *session, a *app.App, sw store.Sweep) error,
) error {
	return connected(cmd, temporal, func(ctx context.Context, s *session, a *app.App) error {
		sw, err := findSweep(ctx, a, key)
		if err != nil {
			return err
		}
		return f(ctx, s, a, sw)
	})
}

// findSweep resolves what a user typed: an id, the beginning of one, or a name
// (the newest of that name).
func findSweep(ctx context.Context, a *app.App, key string) (store.Sweep, error) {
	if key == "" {
		return store.Sweep{}, errUsage{errors.New("name a sweep: its id, the beginning of it, or its name")}
	}
	found, err := a.Store.FindSweeps(ctx, key)
	if err != nil {
		return store.Sweep{}, err
	}
	for _, sw := range found {
		if sw.Name == key || string(sw.ID) == key {
			return sw, nil
		}
	}
	switch len(found) {
	case 0:
		return store.Sweep{}, errUsage{fmt.Errorf("no sweep is called %q; wattsweep list shows what there is", key)}
	case 1:
		return found[0], nil
	default:
		return store.Sweep{}, errUsage{fmt.Errorf("%d sweeps begin with %q: type more of the id", len(found), key)}
	}
}
