package stats

import "fmt"

// Method says in sentences how the figures are made, for the provenance of a
// report.
func Method() []string {
	return []string{
		"Quantiles: " + QuantileEstimator + ".",
		fmt.Sprintf("Intervals are %.0f %%. Over two or more runs: Student's t on the run means, around the mean of all calls; each label states the number of runs.", 100*Level),
		fmt.Sprintf("With one run, or where all runs of a score agree exactly: percentile bootstrap of %d seeded resamples over calls or journals, Wilson's interval for proportions; below %d values there is none.", Resamples, MinBootstrap),
		"Intervals are cut to what the quantity can be (scores 0 to 1, times and energies at 0); the label says so where that changed a bound.",
		"Times and tokens are over answered calls. Scores are over all calls on journals with gold codes: a call without an answer scores 0.",
		"Energy per call is the energy of the inference windows over the committed calls that ended in them, failed calls included. Net energy is that less the mean power with nothing loaded times the windows' length; it is not cut at 0.",
		"A window without calls is not counted. A window without an energy of its own is left out with its calls, and so are calls without a reading; the basis of each figure says how many and why. A call that a crash cut short is no committed call; its energy stays with its window.",
		"Parts of the host (wall, GPU, CPU) have a figure each. A part adds its devices up; of the channels of one device one counts: the one that tells the energy of most calls, then a counter before power. Outlets go before supplies, phases and inlets. RAPL's psys and the summands of another channel are never added.",
		"The headline is real before simulated, measured before estimated, and of the whole host before its parts, among those that tell the energy of 90 % of the calls.",
		"Energy above idle is that less the mean power of the loaded but idle host over the same time.",
		"The uncertainty of an energy combines those of its windows as in the GUM: errors that all windows of a channel share add linearly and cancel in the net as far as they are the same, others and those of different channels add as squares; over two or more runs the spread of the run means is added. ± is at 95 %.",
		"Windows in which a process that is not the runtime's was on the GPU are flagged, or void where the spec says so. Views of one device that differ by more than 5 % are flagged.",
		"Energy of a call is its share of its window by duration (attributed). Percentiles of tokens per Wh run from the best call down: p95 is what 95 % of the calls reach.",
		"Trends: Mann and Kendall's test with the correction of Hamed and Rao for neighbours that resemble each other, Theil and Sen's slope with 95 % bounds. Drifting: a trend is told and comes to more than 2 % (temperature: 2 °C) over the run; steady: the bounds lie within that; else undecided.",
		"Targets are met or failed only where the whole 95 % interval lies on one side of the limit. Of means it is over journals and runs crossed (Cameron, Gelbach and Miller; Cochran and Cox's point of t), Wilson's of the calls' worth for shares, and not the one over runs that tables show; what the meters may be off is added in quadrature. Of percentiles it lies between two of the values seen (order statistics), calls on the same journal or in the same run counting as the number of independent ones that they are worth (design effect of two crossed clusterings, Korn and Graubard). One run decides nothing. Failures are held to Holm's step-down over all that is judged together; that all targets are met needs no correction.",
		"Right and wrong of two cells on the same journals: McNemar's exact test, with its mid-p. Sizes of effect: Hedges' g and Cliff's delta, within pairs.",
		"Energy per correct answer is the energy of the same windows over the number of their calls whose first code is one of the true codes.",
	}
}
