package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/store"
	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// Lanes claim and close while people pause, skip, retry, cancel and drain, all
// at once. Nothing is claimed of a paused sweep, no host has two cells, and in
// the end every cell is final.
func TestControlsRaceWithClaims(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	hosts := []string{"a", "b", "c"}
	var spread []string
	for i := range 24 {
		spread = append(spread, hosts[i%len(hosts)])
	}
	plans := []bench.Plan{owned(t, s, "ada", "one", 3, spread...), owned(t, s, "bo", "two", 2, spread...)}
	stop := make(chan struct{})
	var lanes, people sync.WaitGroup
	for n, name := range hosts {
		lanes.Go(func() { workOff(t, s, name, rand.New(rand.NewPCG(uint64(n), 1)), stop) })
	}
	for n := range 4 {
		people.Go(func() { steer(t, s, plans[n%2], rand.New(rand.NewPCG(uint64(n), 2)), n) })
	}
	people.Wait()
	for i, p := range plans {
		_, err := s.ControlSweep(t.Context(), store.ControlRequest{Sweep: p.Sweep, What: bench.ControlResume, Request: fmt.Sprint("last", i)})
		require.True(t, err == nil || fault.KindOf(err) == fault.Invalid, "%v", err)
	}
	require.Eventually(t, func() bool {
		left := 0
		for _, p := range plans {
			counts, err := s.CountCells(t.Context(), p.Sweep)
			left += counts.Total - counts.Final
			if err != nil {
				return false
			}
		}
		return left == 0
	}, time.Minute, 20*time.Millisecond)
	close(stop)
	lanes.Wait()
	checkTurns(t, s, hosts)
}

// workOff is a lane: it claims, measures nothing, and closes in a random way.
func workOff(t *testing.T, s *store.Store, host string, random *rand.Rand, stop <-chan struct{}) {
	states := []bench.State{bench.StateDone, bench.StateDone, bench.StateQueued, bench.StateFailed}
	for claim := int64(1); ; claim++ {
		select {
		case <-stop:
			return
		default:
		}
		c, err := s.ClaimNext(t.Context(), host, "lane/"+host, claim)
		if errors.Is(err, store.ErrNotFound) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err == nil {
			reason := ""
			if random.IntN(2) == 0 {
				reason = "stopped"
			}
			err = s.CloseCell(t.Context(), c.ID, states[random.IntN(len(states))], reason)
		}
		if err != nil {
			t.Errorf("lane %s: %v", host, err)
			return
		}
	}
}

// steer asks for one thing after the other. While it holds a pause it looks
// that no turn of the sweep begins, as long as no other resumes it.
func steer(t *testing.T, s *store.Store, p bench.Plan, random *rand.Rand, who int) {
	for i := range 25 {
		in := store.ControlRequest{
			Sweep: p.Sweep, By: fmt.Sprint("person ", who), Request: fmt.Sprint(who, "/", i),
		}
		// Only the first two pause and resume, each a sweep of its own.
		kinds := []bench.Control{bench.ControlSkip, bench.ControlRetry, bench.ControlRemeasure, bench.ControlPriority, bench.ControlCancel}
		if who < 2 {
			kinds = []bench.Control{bench.ControlPause}
		}
		in.What = kinds[random.IntN(len(kinds))]
		switch in.What { //nolint:exhaustive // the others take cells
		case bench.ControlPause, bench.ControlCancel:
			in.Now = random.IntN(2) == 0
		case bench.ControlPriority:
			in.Priority = 1 + random.IntN(5)
		default:
			in.Cells = []bench.CellID{p.Cells[random.IntN(len(p.Cells))].ID}
		}
		if in.What == bench.ControlRetry && random.IntN(2) == 0 {
			in.Cells = nil
		}
		_, err := s.ControlSweep(t.Context(), in)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", in.What, err)
			return
		}
		if in.What == bench.ControlPause && err == nil {
			holdPause(t, s, p.Sweep, in.Request)
		}
	}
}

func holdPause(t *testing.T, s *store.Store, sweep bench.SweepID, request string) {
	last := func() (newest int64) {
		err := store.Pool(s).QueryRow(t.Context(), `SELECT coalesce(max(sequence), 0) FROM turns WHERE sweep_id = $1`, sweep).Scan(&newest)
		if err != nil {
			t.Errorf("read turns: %v", err)
		}
		return newest
	}
	before := last()
	time.Sleep(3 * time.Millisecond)
	if after := last(); after != before {
		// A cancellation that comes meanwhile lifts the pause, and a retry then
		// goes on; such a pause proves nothing.
		sw, err := s.GetSweep(t.Context(), sweep)
		if err == nil && sw.Pause != nil {
			t.Errorf("turn %d of a paused sweep began after turn %d", after, before)
		}
	}
	_, err := s.ControlSweep(t.Context(), store.ControlRequest{Sweep: sweep, What: bench.ControlResume, Request: request + "/resume"})
	if err != nil && fault.KindOf(err) != fault.Invalid {
		t.Errorf("resume: %v", err)
	}
}

// checkTurns looks that each host had one cell at a time.
func checkTurns(t *testing.T, s *store.Store, hosts []string) {
	t.Helper()
	for _, name := range hosts {
		turns, err := s.Turns(t.Context(), name)
		require.NoError(t, err)
		require.NotEmpty(t, turns)
		tries := map[string]bool{}
		for i, turn := range turns {
			require.NotNil(t, turn.EndedAt, "turn %d", turn.Sequence)
			require.NotEqual(t, bench.StateRunning, turn.State)
			key := fmt.Sprint(turn.Cell, turn.Attempt)
			require.False(t, tries[key], "each try has one turn")
			tries[key] = true
			if i > 0 {
				require.False(t, turn.BeganAt.Before(*turns[i-1].EndedAt), "turns of host %s overlap", name)
			}
		}
	}
}

// machine holds what the store should say of one sweep of four cells on one
// host.
type machine struct {
	s         *store.Store
	t         *testing.T
	plan      bench.Plan
	host      string
	state     map[bench.CellID]bench.State
	stop      map[bench.CellID]bench.State
	running   bench.CellID
	paused    bool
	cancelled bool
	drained   bool
	asked     int
	claim     int64
}

func (m *machine) ask(rt *rapid.T, in store.ControlRequest) (store.ControlAnswer, bool) {
	m.asked++
	in.Sweep, in.Request = m.plan.Sweep, strconv.Itoa(m.asked)
	got, err := m.s.ControlSweep(m.t.Context(), in)
	if err != nil && fault.KindOf(err) != fault.Invalid {
		rt.Fatalf("%s: %v", in.What, err)
	}
	if err == nil {
		again, err := m.s.ControlSweep(m.t.Context(), in)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(got) {
			rt.Fatalf("%s again: %v, %v; was %v", in.What, again, err, got)
		}
	}
	return got, err == nil
}

func (m *machine) some(rt *rapid.T) []bench.CellID {
	var out []bench.CellID
	for _, c := range m.plan.Cells {
		if rapid.Bool().Draw(rt, "take") {
			out = append(out, c.ID)
		}
	}
	return out
}

func (m *machine) Claim(rt *rapid.T) {
	if m.running != "" {
		rt.Skip("a lane has one cell")
	}
	m.claim++
	c, err := m.s.ClaimNext(m.t.Context(), m.host, "lane", m.claim)
	work := !m.paused && !m.cancelled && !m.drained && slices.Contains(slices.Collect(mapValues(m.state)), bench.StateQueued)
	if errors.Is(err, store.ErrNotFound) {
		if work {
			rt.Fatalf("nothing was claimed of %v", m.state)
		}
		return
	}
	if err != nil || !work || m.state[c.ID] != bench.StateQueued {
		rt.Fatalf("claimed %s (%v) of %v, paused %v, cancelled %v, drained %v", c.ID, err, m.state, m.paused, m.cancelled, m.drained)
	}
	m.running, m.state[c.ID] = c.ID, bench.StateRunning
}

func (m *machine) Close(rt *rapid.T) {
	if m.running == "" {
		rt.Skip("nothing runs")
	}
	state := rapid.SampledFrom([]bench.State{bench.StateDone, bench.StateFailed, bench.StateQueued}).Draw(rt, "state")
	if err := m.s.CloseCell(m.t.Context(), m.running, state, ""); err != nil {
		rt.Fatal(err)
	}
	if state == bench.StateQueued && m.stop[m.running].Final() {
		state = m.stop[m.running]
	}
	if state == bench.StateQueued && m.cancelled {
		state = bench.StateCancelled
	}
	m.state[m.running] = state
	delete(m.stop, m.running)
	m.running = ""
}

func (m *machine) Pause(rt *rapid.T) {
	now := rapid.Bool().Draw(rt, "now")
	got, ok := m.ask(rt, store.ControlRequest{What: bench.ControlPause, Now: now})
	if ok == m.cancelled {
		rt.Fatalf("pause of a sweep, cancelled %v: %v", m.cancelled, ok)
	}
	if ok {
		m.paused = true
		if (len(got.StopCells) > 0) != (now && m.running != "") {
			rt.Fatalf("pause stops %v, running %q", got.StopCells, m.running)
		}
	}
}

func (m *machine) Resume(rt *rapid.T) {
	if _, ok := m.ask(rt, store.ControlRequest{What: bench.ControlResume}); ok {
		m.paused = false
	}
}

func (m *machine) Cancel(rt *rapid.T) {
	now := rapid.Bool().Draw(rt, "now")
	if _, ok := m.ask(rt, store.ControlRequest{What: bench.ControlCancel, Now: now}); !ok {
		rt.Fatal("a running sweep can be cancelled")
	}
	m.cancelled, m.paused = true, false
	for id, state := range m.state {
		if state == bench.StateQueued {
			m.state[id] = bench.StateCancelled
		}
	}
	if now && m.running != "" {
		m.stop[m.running] = bench.StateCancelled
	}
}

func (m *machine) Skip(rt *rapid.T) {
	named := m.some(rt)
	if _, ok := m.ask(rt, store.ControlRequest{What: bench.ControlSkip, Cells: named}); !ok {
		return
	}
	for _, id := range named {
		switch m.state[id] {
		case bench.StateQueued:
			m.state[id] = bench.StateSkipped
		case bench.StateRunning:
			m.stop[id] = bench.StateSkipped
		}
	}
}

func (m *machine) Retry(rt *rapid.T) {
	named := m.some(rt)
	_, ok := m.ask(rt, store.ControlRequest{What: bench.ControlRetry, Cells: named})
	if ok != (!m.cancelled || m.running == "") {
		rt.Fatalf("retry: %v, cancelled %v, running %q", ok, m.cancelled, m.running)
	}
	if !ok {
		return
	}
	changed := false
	for id, state := range m.state {
		back := state == bench.StateFailed || state == bench.StateCancelled
		if len(named) > 0 {
			back = slices.Contains(named, id) && state.Final() && state != bench.StateDone
		}
		if back {
			m.state[id], changed = bench.StateQueued, true
		}
	}
	m.cancelled = m.cancelled && !changed
}

func (m *machine) Drain(rt *rapid.T) {
	m.drained = rapid.Bool().Draw(rt, "drained")
	state := bench.LaneOpen
	if m.drained {
		state = bench.LaneDrained
	}
	if _, err := m.s.SetLane(m.t.Context(), m.host, state, "ada", ""); err != nil {
		rt.Fatal(err)
	}
}

func (m *machine) check(rt *rapid.T) {
	cells, err := m.s.Cells(m.t.Context(), m.plan.Sweep)
	if err != nil {
		rt.Fatal(err)
	}
	for _, c := range cells {
		if c.State != m.state[c.ID] {
			rt.Fatalf("cell %d is %s, want %s (cancelled %v, stop %v)", c.Seq, c.State, m.state[c.ID], m.cancelled, m.stop)
		}
	}
	sw, err := m.s.GetSweep(m.t.Context(), m.plan.Sweep)
	if err != nil || sw.Cancel != m.cancelled || (sw.Pause != nil) != m.paused {
		rt.Fatalf("sweep: cancel %v, pause %v (%v); want %v, %v", sw.Cancel, sw.Pause, err, m.cancelled, m.paused)
	}
}

func mapValues(m map[bench.CellID]bench.State) func(func(bench.State) bool) {
	return func(yield func(bench.State) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// Whatever is asked in whatever order, cells stand where a model of them says.
func TestControlsFollowTheirModel(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	n := 0
	const enough = 30 // of a hundred or so steps each, on a real database
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n > enough {
			return
		}
		name := fmt.Sprintf("machine-%d", n)
		m := &machine{s: s, t: t, host: name, plan: plan(name, name, name, name, name), state: map[bench.CellID]bench.State{}, stop: map[bench.CellID]bench.State{}}
		put(t, s, m.plan)
		for _, c := range m.plan.Cells {
			m.state[c.ID] = bench.StateQueued
		}
		rt.Repeat(map[string]func(*rapid.T){
			"claim": m.Claim, "close": m.Close, "pause": m.Pause, "resume": m.Resume, "cancel": m.Cancel,
			"skip": m.Skip, "retry": m.Retry, "drain": m.Drain, "": m.check,
		})
	})
}
