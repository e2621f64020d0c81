// Package stats turns calls, scores and readings into figures with their
// uncertainty. It knows no clock and no random source but a seed, so the same
// input always gives the same figures.
//
// # Intervals
//
// All are 95 %. Calls inside one run are not independent, so an interval is
// taken over runs where there are two or more: Student's t on the run means,
// around the mean of all calls. With two runs it has one degree of freedom and
// is very wide; that is what two runs can tell. Where runs have different
// numbers of calls, the mean of all calls, not of the run means, is the centre.
//
// With one run the interval is taken over its calls and labelled so: a seeded
// percentile bootstrap of 2,000 resamples, Wilson's interval for proportions.
// Where every run of a score repeats the same mean, as a model at temperature
// zero does, runs say nothing about the spread, and the interval is taken over
// journals and labelled so. Where all values are equal, a bootstrap has no
// width and would feign certainty: the interval is left out with the reason.
//
// Bounds are cut to what the quantity can be (0 to 1 for shares and scores, at
// 0 for times and energies), and the label says so where that changed a bound.
//
// # Denominators
//
// Times and tokens are over answered calls. Scores are over all calls with an
// outcome on journals with gold codes; a call without an answer scores 0, and
// the count of failed calls stands beside the figure. Energy is that of the
// inference windows over the committed calls that ended in them, failed ones
// included; windows without an energy are left out with their calls, and the
// figure's basis says so.
//
// # Energy by part and phase
//
// Every part of the host that a meter told (wall, GPU, CPU, or an estimate) has
// its own figure per call, and every phase its own line; the account of a cell
// is made of phase readings alone. Package gum combines their uncertainties.
package stats
