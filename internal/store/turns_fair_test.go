package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// fairness is a host that two people share, whose turns last as long as a test
// says.
type fairness struct {
	t     *testing.T
	s     *store.Store
	owner map[bench.SweepID]string
	claim int64
}

func (f *fairness) exec(sql string, args ...any) {
	f.t.Helper()
	_, err := store.Pool(f.s).Exec(f.t.Context(), sql, args...)
	require.NoError(f.t, err)
}

// turn gives the host away and tells to whom; the turn lasts, and all that was
// before is longer ago by that.
func (f *fairness) turn(lasts map[string]time.Duration) string {
	f.t.Helper()
	f.claim++
	c, err := f.s.ClaimNext(f.t.Context(), "h", "lane", f.claim)
	require.NoError(f.t, err)
	who := f.owner[c.Sweep]
	require.NoError(f.t, f.s.CloseCell(f.t.Context(), c.ID, bench.StateDone, ""))
	f.pass(lasts[who])
	f.exec(`UPDATE turns SET ended_at = ended_at + $1::interval WHERE cell_id = $2`, lasts[who], c.ID)
	return who
}

// pass lets time go by.
func (f *fairness) pass(d time.Duration) {
	f.t.Helper()
	f.exec(`UPDATE sweeps SET created_at = created_at - $1::interval`, d)
	f.exec(`UPDATE control_events SET at = at - $1::interval`, d)
	f.exec(`UPDATE turns SET began_at = began_at - $1::interval, ended_at = ended_at - $1::interval`, d)
}

// Who has long cells does not get the host for longer than who has short ones.
func TestHostsAreSharedByTime(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	hosts := make([]string, 40)
	for i := range hosts {
		hosts[i] = "h"
	}
	f := &fairness{t: t, s: s, owner: map[bench.SweepID]string{}}
	lasts := map[string]time.Duration{"ada": 2 * time.Hour, "bo": 10 * time.Minute}
	f.owner[owned(t, s, "ada", "long", 3, hosts...).Sweep] = "ada"
	// Alone she takes it day and night.
	for range 10 {
		require.Equal(t, "ada", f.turn(lasts))
	}
	f.owner[owned(t, s, "bo", "short", 3, hosts...).Sweep] = "bo"
	had := map[string]time.Duration{}
	row, longest := 0, 0
	for range 29 {
		who := f.turn(lasts)
		had[who] += lasts[who]
		if row++; who == "ada" {
			row = 0
		}
		longest = max(longest, row)
	}
	require.InDelta(t, had["ada"].Hours(), had["bo"].Hours(), 2, "within a cell of hers: %v", had)
	require.LessOrEqual(t, longest, 13, "what she had before he came does not count")
	require.Positive(t, had["ada"])
}

// Who comes back with an old sweep shares the host from then on: what others had
// while nothing of it was to be measured does not give it the host for hours.
func TestWorkThatComesBackSharesFromThenOn(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	hosts := make([]string, 40)
	for i := range hosts {
		hosts[i] = "h"
	}
	f := &fairness{t: t, s: s, owner: map[bench.SweepID]string{}}
	lasts := map[string]time.Duration{"ada": 2 * time.Hour, "bo": 10 * time.Minute}
	old := owned(t, s, "bo", "old", 3, hosts...).Sweep
	f.owner[old] = "bo"
	f.owner[owned(t, s, "ada", "long", 3, hosts...).Sweep] = "ada"
	ask := func(what bench.Control) {
		_, err := s.ControlSweep(t.Context(), store.ControlRequest{Sweep: old, What: what, Request: string(what), By: "bo"})
		require.NoError(t, err)
	}
	ask(bench.ControlPause)
	f.pass(48 * time.Hour)
	for range 10 {
		require.Equal(t, "ada", f.turn(lasts))
	}
	ask(bench.ControlResume)
	row, longest := 0, 0
	for range 28 {
		if row++; f.turn(lasts) == "ada" {
			row = 0
		}
		longest = max(longest, row)
	}
	require.LessOrEqual(t, longest, 13, "turns of bo in a row")
}

// A turn that nobody closed lasted as long as something of it was stored: a host
// that was away for hours was not had by anybody.
func TestTurnsOfLostLanesEndWithTheirLastSign(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "away", "h")
	c := d.next("h")
	require.NoError(t, d.s.BeginStage(t.Context(), c.ID, c.Attempt, bench.StageLoad, 1))
	for _, sql := range []string{
		`UPDATE turns SET began_at = began_at - interval '6 hours'`,
		`UPDATE stages SET started_at = started_at - interval '350 minutes'`,
	} {
		_, err := store.Pool(d.s).Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	require.Equal(t, c.ID, d.next("h").ID)
	turns, err := d.s.Turns(t.Context(), "h")
	require.NoError(t, err)
	require.Len(t, turns, 2)
	require.InDelta(t, 10, turns[0].EndedAt.Sub(turns[0].BeganAt).Minutes(), 0.5)
	require.WithinDuration(t, turns[0].BeganAt.Add(6*time.Hour), turns[1].BeganAt, time.Minute)
}
