package stats

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// PairedDifference is the mean of a − b over the keys that both hold, with a
// bootstrap interval over those keys; pairing removes what makes one journal
// harder than another. With no shared key it is refused.
func PairedDifference(a, b map[string]float64, seed uint64) (bench.Estimate, error) {
	var differences []float64
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if other, ok := b[key]; ok {
			differences = append(differences, a[key]-other)
		}
	}
	if len(differences) == 0 {
		return bench.Estimate{}, errNone("take a paired difference: the two sides share no journal")
	}
	d, err := Describe(differences)
	if err != nil {
		return bench.Estimate{}, fmt.Errorf("take a paired difference: %w", err)
	}
	e := bench.Estimate{Mean: d.Mean, N: d.N}
	iv, err := BootstrapMean(differences, seed)
	if err != nil {
		e.CIMissing = err.Error()
		return e, nil //nolint:nilerr // the reason of a missing interval is a figure's, not a failure
	}
	e.IntervalOver = OverDifference
	setInterval(&e, iv, Unbounded)
	return e, nil
}

// Difference compares the scores of two cells that were asked about the same
// journals, such as Swedish against English, or one model against another.
// Every figure is first minus second.
type Difference struct {
	Journals   int            `json:"journals"`    // that both sides scored
	OnlyFirst  int            `json:"only_first"`  // journals that the second side lacks
	OnlySecond int            `json:"only_second"` // journals that the first side lacks
	Weighted   bench.Estimate `json:"weighted_score"`
	ExactAt1   bench.Estimate `json:"exact_match"`
	ExactAt5   bench.Estimate `json:"exact_match_at_5"`
	// WeightedFirst and WeightedSecond are each side's mean weighted score over
	// the shared journals.
	WeightedFirst  float64 `json:"weighted_score_first"`
	WeightedSecond float64 `json:"weighted_score_second"`
	// McNemar tests whether one side's first codes are right more often; a
	// journal counts as right where more than half of its runs are.
	McNemar McNemarTest `json:"mcnemar"`
	// HedgesG and CliffsDelta say how large the difference of the weighted
	// scores is beside its scatter, paired by journal; nil with the reason.
	HedgesG            *bench.Estimate `json:"hedges_g"`
	HedgesGMissing     string          `json:"hedges_g_missing,omitempty"`
	CliffsDelta        *bench.Estimate `json:"cliffs_delta"`
	CliffsDeltaMissing string          `json:"cliffs_delta_missing,omitempty"`
}

// ScoreDifference is the paired difference of two cells' scores. Each journal
// counts with its mean over runs; calls without an answer count as 0.
func ScoreDifference(first, second Answers, seed uint64) (Difference, error) {
	a, b := first.join(), second.join()
	for _, side := range []joined{a, b} {
		if side.missing != "" {
			return Difference{}, errNone("compare scores: %s", side.missing)
		}
	}
	var d Difference
	for _, one := range []struct {
		into  *bench.Estimate
		value func(scored) float64
	}{
		{&d.Weighted, func(s scored) float64 { return s.weighted }},
		{&d.ExactAt1, func(s scored) float64 { return s.exactAt1 }},
		{&d.ExactAt5, func(s scored) float64 { return s.exactAt5 }},
	} {
		left, right := a.perJournal(one.value), b.perJournal(one.value)
		e, err := PairedDifference(left, right, seed)
		if err != nil {
			return Difference{}, fmt.Errorf("compare scores: %w", err)
		}
		*one.into = e
		if one.into == &d.Weighted {
			d.WeightedFirst, d.WeightedSecond = sharedMeans(left, right)
		}
		d.Journals, d.OnlyFirst, d.OnlySecond = e.N, len(left)-e.N, len(right)-e.N
	}
	d.compare(a, b, seed)
	return d, nil
}

// compare fills in the test and the sizes of effect; the sides share a journal.
func (d *Difference) compare(a, b joined, seed uint64) {
	right := func(s scored) float64 { return s.exactAt1 }
	d.McNemar = McNemarOf(a.perJournal(right), b.perJournal(right))
	weighted := func(s scored) float64 { return s.weighted }
	first, second := a.perJournal(weighted), b.perJournal(weighted)
	if e, err := PairedHedgesG(first, second, seed); err != nil {
		d.HedgesGMissing = err.Error()
	} else {
		d.HedgesG = &e
	}
	if e, err := PairedDelta(first, second, seed); err != nil {
		d.CliffsDeltaMissing = err.Error()
	} else {
		d.CliffsDelta = &e
	}
}

// sharedMeans gives the mean of either side over the keys that both hold; at
// least one is shared.
func sharedMeans(a, b map[string]float64) (meanA, meanB float64) {
	n := 0.0
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if other, ok := b[key]; ok {
			meanA += a[key]
			meanB += other
			n++
		}
	}
	return meanA / n, meanB / n
}

// groups averages values by name and keeps the order of first appearance.
type groups struct {
	names []string
	of    map[string]cluster
}

func newGroups() *groups { return &groups{of: map[string]cluster{}} }

func (g *groups) add(name string, value float64) {
	c, known := g.of[name]
	if !known {
		g.names = append(g.names, name)
	}
	g.of[name] = cluster{c.sum + value, c.weight + 1}
}

func (g *groups) means() []float64 {
	out := make([]float64, 0, len(g.names))
	for _, name := range g.names {
		out = append(out, g.of[name].sum/g.of[name].weight)
	}
	return out
}
