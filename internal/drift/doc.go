// Package drift compares cells that were measured again with a pinned baseline
// of the same cells, and says which figures moved by more than is tolerated. It
// is pure: the same cells always give the same report.
//
// # How a metric is compared
//
// Calls are paired by journal, so that what makes one journal longer than
// another cancels. Let y(s,r,j) be the value of side s, run r, journal j: the
// logarithm of a time, a rate or an energy, or a score or share as it is. The
// shift is the mean over journals of the difference of the two sides' means
// over runs; for a logarithm it is shown as ratio − 1.
//
// Runs differ by more than their calls do: what a run shares (clocks, memory
// layout, temperature) moves all of its calls together, and would be taken for
// drift if only calls were counted. So the variance of the shift is
//
//	V = A + max(0, B − E)
//
// where A = s²·(1/R₁ + 1/R₂) comes from the runs: s² is the variance between run
// means, each journal's mean taken out, pooled over both sides; the noise of
// calls is in it, too, and A is never taken to be less than that noise alone. B is the variance of the mean of the journals'
// differences and E that part of it which is noise of calls and stands in A
// already: B − E is what single journals do differently on the two sides. These
// are the mean squares of runs within sides, crossed with journals (Clark 1973,
// J. Verbal Learning and Verbal Behavior 12:335). A has R₁ + R₂ − 2 degrees of
// freedom, B one less than journals, and the point of t for their sum is
// Cochran and Cox's (1957, Experimental Designs, 4.14): Student's points
// weighted by the parts, which never claims more than it may where runs are few.
// Satterthwaite's formula would: with three runs its alarms at 1 in 500 are
// twice as many as stated.
//
// With one run on one side, the spread of runs is that of the other; with one
// on each, how runs differ is not known and nothing is decided.
//
// Intervals are 95 %, shift ± t·√V. Whether the shift is beyond the tolerance is
// tested at 5 % over all metrics of all cells together, with Holm's step-down
// (1979, Scandinavian Journal of Statistics 6:65): p is the probability of a
// shift as large as the one seen, up or down, where the true one is the
// tolerance (Murphy and Myors 1999, J. Applied Psychology 84:234).
//
// # Verdicts
//
// Of a metric: steady, when its interval lies wholly within ± the tolerance;
// drifted, when it lies wholly beyond the tolerance on one side and Holm's
// adjusted p is at most 5 %; not decided otherwise. So shifts of up to the
// tolerance are called drift in at most one report of twenty.
// Of a report: drifted when any metric is,
// steady when every metric that both sides have is and no cell lacks its other
// side, not decided otherwise.
//
// What is compared are two sessions. That the host behaves alike within a
// session but otherwise on another day is drift to this method; the tolerance
// says how much of that is of no interest.
package drift
