package config

import (
	"cmp"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
	"github.com/wattsweep/wattsweep/internal/targets"
)

// maxTargets caps how many rules a sweep is judged by.
const maxTargets = 200

// turns checks how cells take turns.
func (c checker) turns(s *Spec) {
	const path = "runs_per_turn"
	switch {
	case c.found.broken(path) || c.found.broken("order"):
	case s.Order != orderAlternated && c.found.given(path):
		c.found.add(path, "take it out, or write order: "+orderAlternated, "is given with the order %s, in which cells take no turns", s.Order)
	case s.Order != orderAlternated:
	case s.RunsPerTurn < 1:
		c.found.add(path, inRange, "is %d, expected 1 or more", s.RunsPerTurn)
	case s.RunsPerTurn > s.Runs && !c.found.broken("runs"):
		c.found.add(path, "lower it, or raise runs", "is %d, expected at most the %d of runs", s.RunsPerTurn, s.Runs)
	}
}

// targets checks each rule by reading it.
func (c checker) targets(rules []string) {
	const path = "targets"
	if len(rules) > maxTargets {
		c.found.add(path, "take some out", "has %d entries, expected at most %d", len(rules), maxTargets)
		return
	}
	for i, rule := range rules {
		here := index(path, i)
		if c.found.broken(here) {
			continue
		}
		if _, err := targets.Parse(rule); err != nil {
			mend := cmp.Or(fault.HintOf(err), "write it like tokens_per_wh p95 >= 250")
			c.found.add(here, printable(mend), "is %s", printable(strings.TrimPrefix(err.Error(), "target ")))
		}
	}
	unique(c, path, "", rules, func(rule string) string { return strings.Join(strings.Fields(rule), " ") })
}
