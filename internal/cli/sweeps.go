package cli

import (
	"context"
	"fmt"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List sweeps, newest first",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return connected(cmd, app.TemporalUnused, func(ctx context.Context, s *session, a *app.App) error {
				sweeps, err := a.Store.FindSweeps(ctx, "")
				if err != nil {
					return err
				}
				type line struct {
					ID       bench.SweepID       `json:"id"`
					Name     string              `json:"name"`
					State    bench.State         `json:"state"`
					Cells    int                 `json:"cells"`
					Final    int                 `json:"cells_final"`
					ByState  map[bench.State]int `json:"by_state"`
					Owner    string              `json:"owner"`
					Priority int                 `json:"priority"`
					Pause    *bench.Pause        `json:"pause"`
					Created  time.Time           `json:"created_at"`
					Finished *time.Time          `json:"finished_at"`
				}
				lines := make([]line, len(sweeps))
				rows := make([][]string, len(sweeps))
				for i, sw := range sweeps {
					lines[i] = line{sw.ID, sw.Name, sw.State, sw.Total(), sw.Finished(), sw.Counts, sw.Owner, sw.Priority, sw.Pause, sw.CreatedAt, sw.FinishedAt}
					rows[i] = []string{
						string(sw.ID), sw.Name, stateWord(sw), fmt.Sprintf("%d/%d", sw.Finished(), sw.Total()),
						strconv.Itoa(sw.Counts[bench.StateFailed]), strconv.Itoa(sw.Priority), sw.Owner, ago(sw.CreatedAt),
					}
				}
				return listing(s.out, s.settings.Output, []string{"sweep", "name", "state", "cells", "failed", "priority", "owner", "created"}, rows, lines)
			})
		},
	}
}

// userName says who asked, for the audit trail.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown user"
}
