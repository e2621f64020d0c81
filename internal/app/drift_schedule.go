package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/wattsweep/wattsweep/internal/contract"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
)

const (
	// driftJitter spreads runs of several baselines, so that not all begin at
	// two o'clock sharp.
	driftJitter = 10 * time.Minute
	// driftCatchup is how late a run may begin that was missed, as while the
	// server was down: what belongs to the night is not made up for by day. The
	// server's own default is a year.
	driftCatchup = 6 * time.Hour
	// nightHour is when nightly and weekly runs begin.
	nightHour = 2
)

// Schedule says when a baseline is measured again.
type Schedule struct {
	Every    string // nightly, weekly or a cron expression
	TimeZone string // as the time zone database names it; empty: UTC
}

// String says it in words.
func (s Schedule) String() string { return s.Every + " (" + cmp.Or(s.TimeZone, "UTC") + ")" }

// spec gives the times as Temporal takes them.
func (s Schedule) spec() (client.ScheduleSpec, error) {
	spec := client.ScheduleSpec{Jitter: driftJitter, TimeZoneName: cmp.Or(s.TimeZone, "UTC")}
	at := client.ScheduleCalendarSpec{Hour: []client.ScheduleRange{{Start: nightHour}}}
	switch every := strings.TrimSpace(s.Every); {
	case every == "nightly":
		spec.Calendars = []client.ScheduleCalendarSpec{at}
	case every == "weekly":
		at.DayOfWeek = []client.ScheduleRange{{Start: 0}} // Sunday
		spec.Calendars = []client.ScheduleCalendarSpec{at}
	case strings.Contains(every, "TZ="):
		return spec, fault.New(fault.Invalid, "", "give the time zone by --time-zone", "schedule %q: it names a time zone itself", s.Every)
	case every == "" || (!strings.HasPrefix(every, "@") && len(strings.Fields(every)) < 5):
		return spec, fault.New(fault.Invalid, "", "nightly, weekly or a cron expression such as '30 1 * * MON-FRI'",
			"schedule %q: it is neither a word that is known nor a cron expression", s.Every)
	default:
		spec.CronExpressions = []string{every}
	}
	return spec, nil
}

// ScheduleDrift has a baseline measured again at set times. Asked again it
// changes the times.
func (a *App) ScheduleDrift(ctx context.Context, name string, when Schedule) error {
	if _, err := a.Baseline(ctx, name); err != nil {
		return err
	}
	spec, err := when.spec()
	if err != nil {
		return err
	}
	action := &client.ScheduleWorkflowAction{
		ID: driftWorkflowID(name), Workflow: contract.WorkflowDrift, TaskQueue: contract.QueueControl,
		Args:          []any{contract.DriftIn{V: contract.Shape, Name: name}},
		StaticSummary: "drift of " + name, TypedSearchAttributes: driftAttributes(),
	}
	policy := client.SchedulePolicies{
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, CatchupWindow: driftCatchup, PauseOnFailure: false,
	}
	_, err = a.Temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: driftWorkflowID(name), Spec: spec, Action: action,
		Overlap: policy.Overlap, CatchupWindow: policy.CatchupWindow, PauseOnFailure: policy.PauseOnFailure,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = a.Temporal.ScheduleClient().GetHandle(ctx, driftWorkflowID(name)).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				had := in.Description.Schedule
				return &client.ScheduleUpdate{Schedule: &client.Schedule{Action: action, Spec: &spec, Policy: &policy, State: had.State}}, nil
			},
		})
	}
	if refused, bad := errors.AsType[*serviceerror.InvalidArgument](err); bad {
		return fault.New(fault.Invalid, "", "nightly, weekly or a cron expression, and a time zone such as Europe/Stockholm",
			"schedule baseline %s: the server refuses %q: %s", name, when.String(), refused.Message)
	}
	if err != nil {
		return fmt.Errorf("schedule baseline %s: %w", name, err)
	}
	return a.Store.SetBaselineSchedule(ctx, name, when.String())
}

// UnscheduleDrift takes a baseline's schedule away; one without is left as it
// is, and a run that goes on goes on.
func (a *App) UnscheduleDrift(ctx context.Context, name string) error {
	if _, err := a.Baseline(ctx, name); err != nil {
		return err
	}
	err := a.Temporal.ScheduleClient().GetHandle(ctx, driftWorkflowID(name)).Delete(ctx)
	if err != nil && !unknownToTemporal(err) {
		return fmt.Errorf("take the schedule of baseline %s away: %w", name, err)
	}
	return a.Store.SetBaselineSchedule(ctx, name, "")
}

// DriftState is a baseline with how it stands.
type DriftState struct {
	store.Baseline
	// Last is the newest run, nil without one.
	Last *store.DriftRun
	// Next is when it is measured next by its schedule, nil without one or with
	// the reason in NextMissing.
	Next        *time.Time
	NextMissing string
}

// DriftStates lists all baselines.
func (a *App) DriftStates(ctx context.Context) ([]DriftState, error) {
	list, err := a.Store.Baselines(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]DriftState, len(list))
	for i, b := range list {
		out[i].Baseline = b
		runs, err := a.Store.DriftRuns(ctx, b.Name)
		if err != nil {
			return nil, err
		}
		if len(runs) > 0 {
			out[i].Last = &runs[0]
		}
		out[i].Next, out[i].NextMissing = a.nextDrift(ctx, b)
	}
	return out, nil
}

// nextDrift asks Temporal when a schedule runs next.
func (a *App) nextDrift(ctx context.Context, b store.Baseline) (*time.Time, string) {
	if b.Schedule == "" {
		return nil, "it is measured when asked"
	}
	if a.Temporal == nil {
		return nil, "Temporal does not answer"
	}
	d, err := a.Temporal.ScheduleClient().GetHandle(ctx, driftWorkflowID(b.Name)).Describe(ctx)
	switch {
	case unknownToTemporal(err):
		return nil, "the schedule is lost; set it again"
	case err != nil:
		return nil, "Temporal does not answer"
	case d.Schedule.State != nil && d.Schedule.State.Paused:
		return nil, "the schedule is paused"
	case len(d.Info.NextActionTimes) == 0:
		return nil, "the schedule has no time to come"
	}
	return &d.Info.NextActionTimes[0], ""
}
