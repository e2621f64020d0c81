package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattsweep/wattsweep/internal/app"
	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/contract"
)

func newHost() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "host",
		Short: "List the hosts that measure; take them out of use and back",
		Args:  args(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHostList(), newHostDrain(), newHostResume())
	return cmd
}

func newHostList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List hosts: whether they take cells, who serves them, what they measure, what waits",
		Args:  args(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return connected(cmd, app.TemporalOptional, func(ctx context.Context, s *session, a *app.App) error {
				hosts, err := a.HostList(ctx)
				if err != nil {
					return err
				}
				rows := make([][]string, len(hosts))
				for i, h := range hosts {
					rows[i] = hostRow(h, time.Now())
				}
				return listing(s.out, s.settings.Output,
					[]string{"host", "lane", "since", "worker", "last poll", "measures", "stage", "queued", "reason"}, rows, append([]app.HostStatus{}, hosts...))
			})
		},
	}
}

func hostRow(h app.HostStatus, now time.Time) []string {
	since, poll, worker, reason := "", "never", h.Worker, h.Reason
	if h.At.Year() > 1 {
		since = ago(h.At)
	}
	switch {
	case h.Busy:
		poll = "measuring"
	case h.LastPoll != nil:
		poll = lasting(now.Sub(*h.LastPoll)) + " ago"
	}
	if h.WorkerMissing != "" {
		worker = h.WorkerMissing
	}
	if h.By != "" && h.State != bench.LaneOpen {
		reason = "by " + h.By
		if h.Reason != "" {
			reason += ": " + h.Reason
		}
	}
	measures := ""
	if h.Cell != "" {
		measures = string(h.Cell) + " of " + string(h.Sweep)
	}
	return []string{h.Host, string(h.State), since, worker, poll, measures, string(h.Stage), strconv.Itoa(h.Queued), reason}
}

func newHostDrain() *cobra.Command {
	var now bool
	var reason string
	cmd := hostCommand("drain", "Have a host take no more cells, as for maintenance; its running cell is finished first",
		func(ctx context.Context, a *app.App, host string) (contract.LaneControlOut, error) {
			return a.Drain(ctx, host, contract.LaneControlIn{By: userName(), Reason: reason, Now: now})
		})
	cmd.PreRunE = func(*cobra.Command, []string) error { return checkReason(reason) }
	cmd.Flags().BoolVar(&now, "now", false, "stop the running cell after its present call and put it back on the plan; this also frees the cell of a host that died")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}

func newHostResume() *cobra.Command {
	return hostCommand("resume", "Let a drained or unfit host take cells again",
		func(ctx context.Context, a *app.App, host string) (contract.LaneControlOut, error) {
			return a.OpenHost(ctx, host, contract.LaneControlIn{By: userName()})
		})
}

// hostCommand is a command on one host, which its only argument names.
func hostCommand(use, short string, ask func(ctx context.Context, a *app.App, host string) (contract.LaneControlOut, error)) *cobra.Command {
	return &cobra.Command{
		Use:   use + " HOST",
		Short: short,
		Args:  args(1),
		RunE: func(cmd *cobra.Command, in []string) error {
			return connected(cmd, app.TemporalNeeded, func(ctx context.Context, s *session, a *app.App) error {
				if err := a.KnownHost(ctx, in[0]); err != nil {
					return err
				}
				out, err := ask(ctx, a, in[0])
				if err != nil {
					return err
				}
				return laneAnswered(s, in[0], out)
			})
		},
	}
}

func laneAnswered(s *session, host string, out contract.LaneControlOut) error {
	if s.settings.Output == "json" {
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(struct {
			Host string `json:"host"`
			contract.LaneControlOut
		}{host, out}); err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
		return nil
	}
	text := out.Text
	if text == "" {
		text = fmt.Sprintf("host %s is %s", host, out.State)
	}
	if out.Cell != "" {
		text += "; it measures cell " + string(out.Cell) + " at this moment"
	}
	say(s.out, "%s\n", text)
	return nil
}
