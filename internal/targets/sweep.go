package targets

import "github.com/wattsweep/wattsweep/internal/bench"

// Panel gathers judgements cell by cell, so that nobody needs all cells at
// once.
type Panel struct {
	rules []Rule
	rule  []int // of each judgement
	out   bench.TargetResults
}

// NewPanel begins a sweep's judgement by some rules.
func NewPanel(rules []Rule) *Panel {
	p := &Panel{rules: rules}
	p.out.Judgements = []bench.Judgement{}
	for _, r := range rules {
		p.out.Targets = append(p.out.Targets, bench.TargetSummary{Target: r.Text})
	}
	return p
}

// Add judges a cell by every rule that is about it.
func (p *Panel) Add(c bench.CellResult) {
	for i, r := range p.rules {
		if !r.Covers(c.Coordinates) {
			continue
		}
		p.out.Judgements = append(p.out.Judgements, JudgeCell(r, c))
		p.rule = append(p.rule, i)
	}
}

// Results gives what was judged so far; nil where there are no rules. A cell
// fails a rule only where that is certain over all that was judged together.
func (p *Panel) Results() *bench.TargetResults {
	if len(p.rules) == 0 {
		return nil
	}
	out := p.out
	out.Judgements = together(p.out.Judgements)
	out.Targets = append([]bench.TargetSummary{}, p.out.Targets...)
	for i, j := range out.Judgements {
		t := &out.Targets[p.rule[i]]
		switch j.Verdict {
		case bench.VerdictPass:
			t.Passed++
		case bench.VerdictFail:
			t.Failed++
		case bench.VerdictUndecided:
			t.Undecided++
		}
	}
	verdicts := make([]bench.Verdict, 0, len(out.Targets))
	for i := range out.Targets {
		t := &out.Targets[i]
		t.Verdict = over(t.Passed, t.Failed, t.Undecided)
		if t.Passed+t.Failed+t.Undecided == 0 {
			t.Reason = "no cell of the sweep fits where it applies"
		}
		verdicts = append(verdicts, t.Verdict)
	}
	out.Verdict = Worst(verdicts)
	return &out
}

// over is the verdict of one rule over its cells.
func over(passed, failed, undecided int) bench.Verdict {
	switch {
	case failed > 0:
		return bench.VerdictFail
	case undecided > 0 || passed == 0:
		return bench.VerdictUndecided
	default:
		return bench.VerdictPass
	}
}

// Worst is the verdict of several together: fail if one fails, else not decided
// if one is not, else pass. None at all is a pass: nothing was asked.
func Worst(list []bench.Verdict) bench.Verdict {
	worst := bench.VerdictPass
	for _, v := range list {
		if v == bench.VerdictFail {
			return v
		}
		if v != bench.VerdictPass {
			worst = bench.VerdictUndecided
		}
	}
	return worst
}
