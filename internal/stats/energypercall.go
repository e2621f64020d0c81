package stats

import (
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/units"
)

// tokensPerJoule is the output tokens that the runtime counted for the calls
// inside the windows, over the windows' energy.
func (u *energyUse) tokensPerJoule() (*float64, string) {
	tokens, known := 0, 0
	for _, w := range u.windows {
		for _, c := range w.calls {
			if c.OutputTokens != nil {
				tokens += *c.OutputTokens
				known++
			}
		}
	}
	switch {
	case known == 0:
		return nil, "the runtime counted no output tokens"
	case u.totalJ <= 0:
		return nil, "the energy is 0 J"
	}
	rate := float64(tokens) / u.totalJ
	return &rate, ""
}

// perCorrect is the windows' energy over the number of calls inside them whose
// first code is right.
func (u *energyUse) perCorrect(answers joined) (*float64, string) {
	if answers.missing != "" {
		return nil, answers.missing
	}
	right := 0
	for _, row := range answers.rows {
		if u.inside[row.key] && row.exactAt1 == 1 {
			right++
		}
	}
	if right == 0 {
		return nil, "no correct answer"
	}
	joules := u.totalJ / float64(right)
	return &joules, ""
}

// perWord is the windows' energy over the words of the answers to the calls
// inside them.
func (u *energyUse) perWord() (*float64, string) {
	words := 0
	for _, w := range u.windows {
		for _, c := range w.calls {
			words += c.OutputWords
		}
	}
	if words <= 0 {
		return nil, "no answer held a word"
	}
	joules := u.totalJ / float64(words)
	return &joules, ""
}

// shared gives each call of a window its share of the window's energy, in J:
// the window's mean power times the call's own latency. What was used between
// calls stays with the window. Calls that overlapped, so that they last longer
// together than the window, share all of it.
func shared(energyJ float64, window time.Duration, calls []bench.Call) []float64 {
	var sum time.Duration
	for _, c := range calls {
		sum += max(0, c.Latency)
	}
	whole := max(window, sum)
	if whole <= 0 {
		return nil
	}
	out := make([]float64, len(calls))
	for i, c := range calls {
		out[i] = energyJ * float64(max(0, c.Latency)) / float64(whole)
	}
	return out
}

// perRun collects a value of every call inside the windows, by run; ok false
// leaves a call out.
func (u *energyUse) perRun(value func(c bench.Call, energyJ float64) (v float64, ok bool)) (byRun [][]float64, n int) {
	last := 0
	for _, w := range u.windows {
		if len(byRun) == 0 || w.run != last {
			byRun, last = append(byRun, nil), w.run
		}
		shares := shared(energyOf(u.chosen, w.key()), lengthOf(u.chosen, w.key()), w.calls)
		for i, joules := range shares {
			if v, ok := value(w.calls[i], joules); ok {
				byRun[len(byRun)-1] = append(byRun[len(byRun)-1], v)
				n++
			}
		}
	}
	return byRun, n
}

// ofCalls is the distribution of the calls' attributed energy, failed calls
// included.
func (u *energyUse) ofCalls(seed uint64) (*bench.Summary, string) {
	byRun, n := u.perRun(func(_ bench.Call, joules float64) (float64, bool) { return joules, true })
	if n == 0 {
		return nil, "the windows have no length to share energy out by"
	}
	return summarised(byRun, seed)
}

// tokensPerWh is the distribution of output tokens per watt-hour over the
// answered calls, by their attributed energy. More is better, so its
// percentiles run from the best call down: P95 is what 95 % of the calls reach.
func (u *energyUse) tokensPerWh(seed uint64) (*bench.Summary, string) {
	byRun, n := u.perRun(func(c bench.Call, joules float64) (float64, bool) {
		if c.OutputTokens == nil || !c.Outcome.Answered() || joules <= 0 {
			return 0, false
		}
		return float64(*c.OutputTokens) / (joules / joulesPerWh), true
	})
	if n == 0 {
		return nil, "no answered call has both a token count and an energy above 0 J"
	}
	s, missing := summarised(byRun, seed)
	if s != nil {
		downwards(s, byRun)
	}
	return s, missing
}

const joulesPerWh = units.JoulesPerKWh / 1000

func summarised(byRun [][]float64, seed uint64) (*bench.Summary, string) {
	s, err := Summarise(byRun, Options{Seed: seed, Bounds: NonNegative})
	if err != nil {
		return nil, err.Error()
	}
	return &s, ""
}

// downwards makes the percentiles of a quantity of which more is better: the
// value that 95 % or 99 % of all reach or exceed.
func downwards(s *bench.Summary, byRun [][]float64) {
	var all []float64
	for _, run := range byRun {
		all = append(all, run...)
	}
	s.P95, s.P99 = lowQuantile(all, 0.95), lowQuantile(all, 0.99)
}
