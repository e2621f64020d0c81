package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	openChartFile   = "dataset.csv"
	openChartLabels = "labels.tsv"
	openChartLabel  = "huvuddiagnos_001"   // the answer: never part of the text
	openChartStatus = "_validation_status" // the review's outcome: never part of the text
	openChartPassed = "validation_status_approved"
	labelWithout    = "label without a code"
)

// heading is a column of the journal text and what it is called there.
type heading struct{ column, title string }

// openChartHeadings are the columns of the text in the order of the file. Only
// what is named here is ever printed, so no column with the answer can leak.
func openChartHeadings() []heading {
	return []heading{
		{"sokorsak", "Sökorsak"},
		{"kon", "Kön"},
		{"alder", "Ålder"},
		{"socialt", "Socialt"},
		{"tidigare_sjukdomar", "Tidigare sjukdomar"},
		{"aktuellt", "Aktuellt"},
		{"hereditet", "Hereditet"},
		{"rokning", "Rökning"},
		{"larm", "Larm"},
		{"allmantillstand", "Allmäntillstånd"},
		{"hjarta", "Hjärta"},
		{"lungor", "Lungor"},
		{"buk", "Buk"},
		{"sbp", "Systoliskt blodtryck"},
		{"dbp", "Diastoliskt blodtryck"},
		{"sat", "Saturation"},
		{"puls", "Puls"},
		{"temp", "Temperatur"},
		{"af", "Andningsfrekvens"},
		{"lokalstatus", "Lokalstatus"},
		{"oron", "Öron"},
		{"mos", "Mun och svalg"},
		{"neurologi", "Neurologi"},
		{"A", "A"},
		{"B", "B"},
		{"C", "C"},
		{"D", "D"},
		{"E", "E"},
		{"lab", "Lab"},
		{"ekg", "EKG"},
		{"bedomning", "Bedömning"},
		{"planering", "Planering"},
	}
}

// openOpenChart reads OpenChart-SE: artificial Swedish emergency records, one
// main diagnosis each. The code comes from labels.tsv beside the table where
// that is there and has the row, else from the label as it was typed; a label
// without a code leaves the journal without gold and is counted.
func openOpenChart(ctx context.Context, fsys fs.FS, name string, opts Options, found *problems) Dataset {
	if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
		name = path.Join(name, openChartFile)
	}
	raw, problem := readLimited(fsys, name, opts.Limits.FileBytes)
	if problem != nil {
		found.add(*problem)
		return Dataset{}
	}
	set := openChartSet{
		file: path.Base(name), limits: opts.Limits, found: found, noticed: make(map[string]int),
		labels: readLabels(fsys, path.Join(path.Dir(name), openChartLabels), opts.Limits, found),
	}
	readTable(ctx, set.file, raw, ';', found, set.header, set.take)
	return Dataset{
		Name: "openchart-se", CodeSystem: "ICD-10-SE", Licence: "CC-BY-4.0",
		Author: "Berg, Aasa, Appelgren Thorell and Aits: OpenChart-SE", Split: "all",
		Languages: []string{"sv"}, Journals: set.journals, Noticed: set.noticed,
	}
}

type openChartSet struct {
	file     string
	limits   Limits
	found    *problems
	labels   map[string]string // id to cleaned code
	journals []Journal
	noticed  map[string]int
}

func (s *openChartSet) header(columns []string) bool {
	there := make(map[string]bool, len(columns))
	for _, column := range columns {
		there[column] = true
	}
	ok := true
	for _, column := range []string{"id", "sokorsak", "bedomning", "planering", openChartLabel} {
		if !there[column] {
			ok = false
			s.found.add(Problem{
				Kind: KindField, File: s.file, Line: 1, Field: column, Message: "the column is missing",
				Mend: "use the table as OpenChart-SE publishes it, separated by semicolons",
			})
		}
	}
	return ok
}

func (s *openChartSet) take(cells tableRow) bool {
	row := rowReader{file: s.file, line: cells.line, limits: s.limits, found: s.found}
	if status, there := cells.cells[openChartStatus]; there && status != openChartPassed {
		s.noticed["not approved by the makers, left out"]++
		return true
	}
	if len(s.journals) >= s.limits.Journals {
		row.problem(KindLimit, "", fmt.Sprintf("more than %d journals", s.limits.Journals), "split the set")
		return false
	}
	before := s.found.mark()
	j := Journal{ID: strings.TrimSpace(cells.cells["id"]), Text: make(map[string]string)}
	row.id(j.ID)
	row.text(j.Text, "sv", openChartText(cells.cells))
	if code := s.code(j.ID, cells.cells[openChartLabel]); code != "" {
		j.Codes = []string{code}
	} else {
		s.noticed[labelWithout]++
	}
	if s.found.clean(before) {
		s.journals = append(s.journals, j)
	}
	return true
}

func (s *openChartSet) code(id, label string) string {
	if code, ok := s.labels[id]; ok {
		return code
	}
	code, _ := ParseLabel(label)
	return code
}

// openChartText is the journal: each column that is not empty under its
// heading. Line ends inside a column are kept.
func openChartText(cells map[string]string) string {
	var b strings.Builder
	for _, h := range openChartHeadings() {
		if text := strings.TrimSpace(cells[h.column]); text != "" {
			fmt.Fprintf(&b, "%s: %s\n", h.title, text)
		}
	}
	return b.String()
}

// readLabels reads id, raw label, code and status; nil where there is no file.
func readLabels(fsys fs.FS, name string, limits Limits, found *problems) map[string]string {
	if _, err := fs.Stat(fsys, name); err != nil {
		return nil
	}
	raw, problem := readLimited(fsys, name, limits.FileBytes)
	if problem != nil {
		found.add(*problem)
		return nil
	}
	file := path.Base(name)
	if !utf8.Valid(raw) {
		found.add(Problem{Kind: KindText, File: file, Message: "not valid UTF-8", Mend: "save it as UTF-8"})
		return nil
	}
	labels := make(map[string]string)
	for i, line := range strings.Split(string(raw), "\n") {
		fields := strings.Split(strings.TrimRight(line, "\r"), "\t")
		if i == 0 || len(fields) == 1 && fields[0] == "" {
			continue
		}
		row := rowReader{file: file, line: i + 1, limits: limits, found: found}
		if len(fields) < 3 {
			row.problem(KindSyntax, "", fmt.Sprintf("%d columns, expected at least 3", len(fields)), "write id, raw label, code, status separated by tabs")
			continue
		}
		row.id(fields[0])
		if _, twice := labels[fields[0]]; twice {
			row.problem(KindID, "id", "is there twice", "keep one label per journal")
			continue
		}
		if codes := row.codes(fields[2:3]); len(codes) == 1 {
			labels[fields[0]] = codes[0]
		}
	}
	return labels
}
