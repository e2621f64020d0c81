package app

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/wattsweep/wattsweep/config"
	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestScheduleTimes(t *testing.T) {
	t.Parallel()
	two := []client.ScheduleRange{{Start: 2}}
	for every, want := range map[string]client.ScheduleSpec{
		"nightly":          {Calendars: []client.ScheduleCalendarSpec{{Hour: two}}},
		"weekly":           {Calendars: []client.ScheduleCalendarSpec{{Hour: two, DayOfWeek: []client.ScheduleRange{{Start: 0}}}}},
		"30 1 * * MON-FRI": {CronExpressions: []string{"30 1 * * MON-FRI"}},
		"@every 12h":       {CronExpressions: []string{"@every 12h"}},
	} {
		got, err := Schedule{Every: every}.spec()
		require.NoError(t, err)
		want.Jitter, want.TimeZoneName = driftJitter, "UTC"
		require.Equal(t, want, got, every)
	}
	for _, every := range []string{"", "hourly", "2 0 * *", "CRON_TZ=Europe/Stockholm 0 2 * * *"} {
		_, err := Schedule{Every: every}.spec()
		require.Equal(t, fault.Invalid, fault.KindOf(err), every)
		require.NotEmpty(t, fault.HintOf(err))
	}
	require.Equal(t, "weekly (Europe/Stockholm)", Schedule{Every: "weekly", TimeZone: "Europe/Stockholm"}.String())
}

// A hook's command gets neither our settings nor the database's password, and
// what it prints of the latter is not kept.
func TestHookGetsNoSecrets(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"PATH=/bin", "HOME=/h"}, hookEnv([]string{
		"PATH=/bin", "WATTSWEEP_DATABASE_DSN=postgres://u:hunter2@h/d", "HOME=/h", "TEMPORAL_API_KEY=hunter2", "PGPASSWORD=hunter2",
	}))
	a := &App{DSN: "postgres://u:hunter2@h/d", Settings: config.Settings{Drift: config.DriftSettings{Hook: config.HookSettings{URL: "https://h/x"}}}}
	d := a.DriftActivities()
	require.Equal(t, "https://h/x", d.Hook.URL)
	require.Contains(t, d.Hook.Secrets, "hunter2")
}

func TestBaselineNames(t *testing.T) {
	t.Parallel()
	a := &App{}
	for _, name := range []string{"", "A", "-a", "a/b", "a b", "å", string(make([]byte, 64))} {
		_, err := a.PinBaseline(t.Context(), Pinning{Name: name})
		require.ErrorContains(t, err, "is no name for one", "%q", name)
	}
	for _, tolerance := range []float64{-0.1, 1, 2} {
		_, err := a.PinBaseline(t.Context(), Pinning{Name: "ref", Tolerance: tolerance})
		require.ErrorContains(t, err, "expected above 0 and below 1")
	}
}
