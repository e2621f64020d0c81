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
