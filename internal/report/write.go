package report

import (
	"iter"

	"github.com/wattsweep/wattsweep/internal/bench"
)

// The files that [Write] leaves in a folder.
const (
	HTMLFile    = "report.html"
	JSONFile    = "results.json"
	CellsFile   = "cells.csv"
	TargetsFile = "targets.csv"
	CallsFile   = "calls.csv"
	PhasesFile  = "phases.csv"
	MetricsFile = "metrics.csv"
	CurvesFile  = "curves.csv"
)

// Files lists the files that [Write] leaves, in the order in which to name
// them.
func Files() []string {
	return []string{HTMLFile, JSONFile, CellsFile, TargetsFile, CallsFile, PhasesFile, MetricsFile, CurvesFile}
}

// Paths are the files that [Write] wrote.
type Paths struct {
	HTML    string `json:"html"`
	JSON    string `json:"json"`
	Cells   string `json:"cells"`
	Targets string `json:"targets"`
	Calls   string `json:"calls"`
	Phases  string `json:"phases"`
	Metrics string `json:"metrics"`
	Curves  string `json:"curves"`
}

// Write leaves the files of [Files] in dir, as a [Writer] does, of results
// that are in memory.
func Write(dir string, r bench.Results, calls iter.Seq2[CallRow, error], o HTMLOptions) (Paths, error) {
	if err := Verify(r); err != nil {
		return Paths{}, err
	}
	w, err := NewWriter(dir, r)
	if err != nil {
		return Paths{}, err
	}
	defer w.Discard()
	for _, c := range r.Cells {
		if err := w.Cell(c); err != nil {
			return Paths{}, err
		}
	}
	if err := w.Calls(calls); err != nil {
		return Paths{}, err
	}
	_, paths, err := w.End(r, o)
	return paths, err
}
