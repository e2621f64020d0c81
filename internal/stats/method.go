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
		"Energy per correct answer is the energy of the same windows over the number of their calls whose first code is one of the true codes.",
	}
}
