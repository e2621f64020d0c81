package app

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/store"
)

// history is a made-up sweep whose every second is known: what the store would show
// at any moment, and how long it truly takes from there.
type history struct {
	calls int // of a cell
	cells []made
}

// made is a cell with its true times, in seconds.
type made struct {
	host, model         string
	pull, before, after float64
	pace                float64
	began               float64 // on its host's clock
}

func (m made) took(calls int) float64 { return m.pull + m.before + m.pace*float64(calls) + m.after }

// newHistory makes cells of some hosts and models. jitter is how much single cells
// scatter; only the first cell of a model on a host pulls.
func newHistory(random *rand.Rand, hosts, models, each, calls int, jitter float64) history {
	l := history{calls: calls}
	for h := range hosts {
		speed := 0.5 + random.Float64()
		at := 0.0
		for m := range models {
			for i := range each {
				scatter := func() float64 { return math.Exp(jitter * random.NormFloat64()) }
				c := made{
					host: fmt.Sprint("h", h), model: fmt.Sprint("m", m), began: at,
					before: 30 * scatter(), after: 5 * scatter(), pace: speed * float64(1+m) * scatter(),
				}
				if i == 0 {
					c.pull = 600
				}
				at += c.took(calls)
				l.cells = append(l.cells, c)
			}
		}
	}
	return l
}

// left is the truth: when the last host is done.
func (l history) left(now float64) float64 {
	end := 0.0
	for _, c := range l.cells {
		end = max(end, c.began+c.took(l.calls))
	}
	return end - now
}

// at is what the store shows at a moment.
func (l history) at(now float64) (groups []store.CellGroup, running []store.RunningCell) {
	by := map[string]*store.CellGroup{}
	group := func(c made, state bench.State) *store.CellGroup {
		key := c.host + c.model + string(state)
		if by[key] == nil {
			by[key] = &store.CellGroup{Host: c.host, Model: c.model, State: state}
		}
		by[key].Cells++
		by[key].CallsPlanned += l.calls
		return by[key]
	}
	for _, c := range l.cells {
		since := now - c.began
		switch {
		case since < 0:
			group(c, bench.StateQueued).TurnsLeft++
		case since >= c.took(l.calls):
			g := group(c, bench.StateDone)
			g.CallsDone += l.calls
			g.CallsTimed += l.calls
			g.Turns++
			g.Inference += seconds(c.pace * float64(l.calls))
			g.Overhead += seconds(c.before + c.after)
			g.Pull = max(g.Pull, seconds(c.pull))
			add(&g.Paces, c.pace)
			add(&g.Overheads, c.before+c.after)
		default:
			group(c, bench.StateRunning)
			running = append(running, l.live(c, since))
		}
	}
	for _, g := range by {
		groups = append(groups, *g)
	}
	return groups, running
}

func add(s *store.Spread, x float64) {
	s.N++
	s.Sum += x
	s.SumSquares += x * x
}

func (l history) live(c made, since float64) store.RunningCell {
	r := store.RunningCell{CallsPlanned: l.calls, TurnCalls: l.calls, Windows: 20 * time.Second}
	r.At.Host, r.At.Model = c.host, c.model
	if since < c.pull {
		r.Pulling = seconds(max(0.001, since))
	}
	since -= c.pull
	r.Overhead = seconds(min(max(0, since), c.before))
	done := min(float64(l.calls), math.Floor(max(0, since-c.before)/c.pace))
	r.CallsDone, r.CallsTimed, r.Inference = int(done), int(done), seconds(done*c.pace)
	r.Overhead += seconds(max(0, since-c.before-c.pace*float64(l.calls)))
	return r
}

// The first estimate, and each after it, is of the right size: a sweep is never
// said to take a multiple of what it takes. Models that were never seen may be
// slower or faster than those that were.
func TestEstimatesAreOfTheRightSize(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hosts, models, each int
		jitter              float64
		high                float64 // most that the first may be, as a multiple of the truth
		low                 float64 // most that it may be too low near the end, as a share
	}{
		"one model":        {1, 1, 20, 0, 1.05, 0.35},
		"cells scatter":    {1, 1, 20, 0.2, 1.7, 0.35},
		"hosts differ":     {4, 1, 20, 0.1, 1.6, 0.35},
		"models differ":    {1, 6, 5, 0.1, 1.6, 0.35},
		"much of all":      {3, 5, 20, 0.1, 1.6, 0.35},
		"one cell alone":   {1, 1, 1, 0, 1.05, 0.35},
		"one of each kind": {2, 8, 1, 0.1, 1.6, 0.6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(30) {
				l := newHistory(rand.New(rand.NewPCG(seed, 7)), c.hosts, c.models, c.each, 40, c.jitter)
				whole, first := l.left(0), true
				for step := range 400 {
					now := whole * float64(step) / 400
					e := timeLeft(l.at(now))
					if e == nil {
						continue
					}
					ratio := e.Left.Seconds() / l.left(now)
					if first {
						first = false
						require.Less(t, ratio, c.high, "seed %d: first estimate, at %.0f of %.0f s", seed, now, whole)
					}
					require.Less(t, e.Left.Seconds(), 1.8*l.left(now)+60, "seed %d at %.0f of %.0f s", seed, now, whole)
					if step == 200 {
						require.InDelta(t, 1, ratio, 0.65, "seed %d: half way", seed)
					}
					if step == 360 {
						require.InDelta(t, 1, ratio, c.low, "seed %d: near the end", seed)
					}
				}
				require.False(t, first, "there was an estimate")
			}
		})
	}
}

// A long pull, load or first call does not make a sweep seem endless.
func TestASlowBeginningIsNotMultiplied(t *testing.T) {
	t.Parallel()
	running := store.RunningCell{
		CallsPlanned: 40, TurnCalls: 40, CallsDone: 1, CallsTimed: 1, Inference: time.Second,
		Overhead: 40 * time.Second, Windows: 20 * time.Second,
	}
	running.At.Host, running.At.Model = "h", "m"
	groups := []store.CellGroup{
		{Host: "h", Model: "m", State: bench.StateRunning, Cells: 1, CallsPlanned: 40},
		{Host: "h", Model: "m", State: bench.StateQueued, Cells: 99, CallsPlanned: 99 * 40, TurnsLeft: 99},
	}
	e := timeLeft(groups, []store.RunningCell{running})
	require.NotNil(t, e)
	require.InDelta(t, 39+99*(40+40), e.Left.Seconds(), 1, "the half hour in which the model was pulled is not in it")
	require.Nil(t, e.Low, "one cell tells nothing of how cells differ")
}

// The range holds what truly comes, in most sweeps.
func TestRangesHoldTheTruth(t *testing.T) {
	t.Parallel()
	const sweeps = 200
	held, told := 0, 0
	for seed := range uint64(sweeps) {
		l := newHistory(rand.New(rand.NewPCG(seed, 9)), 1, 2, 20, 40, 0.15)
		now := l.left(0) * 0.7
		e := timeLeft(l.at(now))
		require.NotNil(t, e)
		if e.Low == nil {
			continue
		}
		told++
		truth := l.left(now)
		require.LessOrEqual(t, *e.Low, e.Left)
		require.GreaterOrEqual(t, *e.High, e.Left)
		if truth >= e.Low.Seconds() && truth <= e.High.Seconds() {
			held++
		}
	}
	require.Greater(t, told, sweeps*9/10)
	require.Greater(t, held, told*8/10, "held %d of %d", held, told)
}
