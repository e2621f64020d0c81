package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/wattsweep/wattsweep/internal/bench"
)

//go:embed page.html.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

// PairedDifference compares two languages of one model on the journals that
// both were asked: the mean of A − B over journals, with its 95 % interval.
type PairedDifference struct {
	At     bench.Coordinates // Language is not used
	A, B   string            // languages, such as sv and en
	Metric string            // what is compared, such as "weighted score"
	// Difference is the mean of A − B over journals; nil with Missing saying why.
	Difference *bench.Estimate
	MeanA      float64 // over the shared journals
	MeanB      float64
	Journals   int // shared by both
	Missing    string
	// FirstCode tests whether one side's first codes are right more often; nil
	// where that was not compared.
	FirstCode *RightOrWrong
	// HedgesG is the size of the difference beside its scatter; nil where it is
	// not known.
	HedgesG *bench.Estimate
}

// RightOrWrong counts the journals on which the first codes of two sides were
// right (McNemar's test).
type RightOrWrong struct {
	OnlyA, OnlyB int     // right on one side alone
	MidP         float64 // mid-p value, two-sided
}

// HTMLOptions holds what the page shows beside the results.
type HTMLOptions struct {
	// Title heads the page; empty takes the sweep's name.
	Title string
	// PairedDifferences are shown in the section on languages.
	PairedDifferences []PairedDifference
	// PairsLeft is how many more pairs there are, which were not compared.
	PairsLeft int
}

// HTML writes report.html: one page with its style and charts inside, which
// loads nothing and runs no script. Foreign text is escaped.
func HTML(w io.Writer, r bench.Results, o HTMLOptions) error {
	if err := Verify(r); err != nil {
		return err
	}
	if err := verifyPairs(r, o.PairedDifferences); err != nil {
		return err
	}
	return render(w, r, o)
}

// render draws the page of results that were verified.
func render(w io.Writer, r bench.Results, o HTMLOptions) error {
	style := func() template.CSS { return template.CSS(pageStyle) } //nolint:gosec // our own file, embedded
	page, err := template.New("page").Funcs(template.FuncMap{"style": style}).Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("parse the page's template: %w", err)
	}
	var out bytes.Buffer // a page that fails half-way is not written
	if err := page.Execute(&out, newPage(r, o)); err != nil {
		return fmt.Errorf("draw the report of sweep %s: %w", printable(string(r.Sweep.ID), 40), err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the report of sweep %s: %w", printable(string(r.Sweep.ID), 40), err)
	}
	return nil
}
