package report

import (
	"fmt"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// targets asks that every verdict rests on an interval, and that one that is
// not decided says why.
func (v *verifier) targets(t *bench.TargetResults) {
	if t == nil {
		return
	}
	for i, j := range t.Judgements {
		where := fmt.Sprintf("targets.judgements[%d]", i)
		decided := j.Verdict == bench.VerdictPass || j.Verdict == bench.VerdictFail
		v.need(where+".verdict", decided || j.Verdict == bench.VerdictUndecided, "a verdict that is none", "judge the sweep again")
		v.need(where+".figure", !decided || (j.Figure.Value != nil && (j.Figure.Low != nil || j.Figure.High != nil) && j.Figure.Over != ""),
			"a target was decided without an interval, or without how that was made", "judge the sweep again")
		v.need(where+".reason", decided || j.Reason != "", "a target is not decided without a reason", "say why nothing was decided")
		v.need(where+".target", j.Target != "", "a verdict without its target", "judge the sweep again")
		simulated, estimated := j.Figure.Simulated, j.Figure.Estimated
		v.need("provenance.simulated", !simulated || v.results.Provenance.Simulated,
			"the provenance does not say that "+where+" is simulated", "mark the provenance as simulated")
		v.need("provenance.estimated", !estimated || v.results.Provenance.Estimated,
			"the provenance does not say that "+where+" is estimated", "mark the provenance as estimated")
	}
}
