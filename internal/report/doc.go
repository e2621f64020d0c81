// Package report turns the results of a sweep into what people and programs
// read: a terminal table, results.json, calls.csv and report.html, one page
// that opens without a network. It draws its own charts as inline SVG, so that
// they follow the reader's light or dark theme and any width.
//
// No exporter prints a figure whose provenance is incomplete: each calls
// [Verify] first. Prompts, journals and model output never reach an export.
package report
