package stats

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// timing holds what answered calls took, by run and call, in seconds.
type timing struct {
	latency, first, between [][][]float64
	rate                    [][]cluster // output tokens over latency
	prompt, output          float64     // tokens
	counted, rated          int         // calls with token counts; with output tokens and a latency
	answered                int
	lastRun                 int
}

// timingOf collects the answered calls; calls are in order of run.
func timingOf(calls []bench.Call) timing {
	var t timing
	for _, c := range calls {
		if !c.Outcome.Answered() {
			continue
		}
		if t.answered == 0 || c.Run != t.lastRun {
			t.latency, t.first = append(t.latency, nil), append(t.first, nil)
			t.between, t.rate = append(t.between, nil), append(t.rate, nil)
			t.lastRun = c.Run
		}
		t.answered++
		t.add(len(t.latency)-1, c)
	}
	return t
}

func (t *timing) add(run int, c bench.Call) {
	t.latency[run] = append(t.latency[run], []float64{c.Latency.Seconds()})
	if c.TimeToFirstToken != nil {
		t.first[run] = append(t.first[run], []float64{c.TimeToFirstToken.Seconds()})
	}
	if len(c.InterTokenTimes) > 0 {
		gaps := make([]float64, len(c.InterTokenTimes))
		for i, gap := range c.InterTokenTimes {
			gaps[i] = gap.Seconds()
		}
		t.between[run] = append(t.between[run], gaps)
	}
	if c.PromptTokens != nil && c.OutputTokens != nil {
		t.counted++
		t.prompt += float64(*c.PromptTokens)
		t.output += float64(*c.OutputTokens)
	}
	if c.OutputTokens != nil && c.Latency > 0 {
		t.rated++
		t.rate[run] = append(t.rate[run], cluster{float64(*c.OutputTokens), c.Latency.Seconds()})
	}
}

// fillTimes makes the figures of time and tokens, over answered calls. The
// rate is all output tokens over the sum of latencies: the whole call counts,
// prompt reading included.
func fillTimes(r *bench.CellResult, in CellInput) {
	t := timingOf(in.Calls)
	if t.answered == 0 {
		why := noCalls(in)
		if len(in.Calls) > 0 {
			why = fmt.Sprintf("none of %d calls was answered", len(in.Calls))
		}
		r.LatencyMissing, r.TTFTMissing, r.InterTokenMissing = why, why, why
		r.TokensMissing, r.TokensPerSecondMissing = why, why
		return
	}
	o := Options{Seed: seedOf(in), Bounds: NonNegative}
	r.Latency, r.LatencyMissing = summaryOf(t.latency, o, "latency")
	r.TTFT, r.TTFTMissing = summaryOf(t.first, o, "time to first token")
	r.InterToken, r.InterTokenMissing = summaryOf(t.between, o, "second piece of content")
	if t.counted == 0 {
		r.TokensMissing = "the runtime counted no tokens"
	} else {
		r.Tokens = &bench.TokenCounts{Prompt: t.prompt / float64(t.counted), Output: t.output / float64(t.counted)}
	}
	if t.rated == 0 {
		r.TokensPerSecondMissing = "the runtime counted no output tokens"
		return
	}
	e := estimate(t.rate, o)
	r.TokensPerSecond = &e
}

func summaryOf(byRun [][][]float64, o Options, what string) (*bench.Summary, string) {
	n := 0
	for _, run := range byRun {
		n += len(run)
	}
	if n == 0 {
		return nil, "no answered call has a " + what
	}
	s, err := summariseGroups(byRun, o)
	if err != nil {
		return nil, err.Error()
	}
	return &s, ""
}

func seedOf(in CellInput) uint64 { return uint64(in.Cell.Config.Seed) } //nolint:gosec // any bits are a seed
