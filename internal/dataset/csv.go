package dataset

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// tableRow is one row of a table by column name, with the line it starts on.
type tableRow struct {
	line  int
	cells map[string]string
}

// readTable reads a table with a header. Rows of a wrong width or with broken
// quotes are problems; each row that is whole is given to take.
func readTable(
	ctx context.Context, file string, raw []byte, comma rune, found *problems,
	header func(columns []string) bool, take func(tableRow) bool,
) {
	if !utf8.Valid(raw) {
		found.add(Problem{Kind: KindText, File: file, Message: "not valid UTF-8", Mend: "save the table as UTF-8"})
		return
	}
	rows := csv.NewReader(bytes.NewReader(raw))
	rows.Comma = comma
	columns, err := rows.Read()
	if err != nil {
		found.add(Problem{Kind: KindSyntax, File: file, Line: 1, Message: csvReason(err), Mend: "the first row must name the columns"})
		return
	}
	columns = slices.Clone(columns)
	if !header(columns) {
		return
	}
	for ctx.Err() == nil {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			found.add(Problem{
				Kind: KindSyntax, File: file, Line: csvLine(err), Message: csvReason(err),
				Mend: fmt.Sprintf("every row needs %d columns separated by %q, with quotes doubled inside quotes", len(columns), comma),
			})
			if !errors.Is(err, csv.ErrFieldCount) {
				return // after a broken quote no later row can be trusted
			}
			continue
		}
		line, _ := rows.FieldPos(0)
		row := tableRow{line: line, cells: make(map[string]string, len(columns))}
		for i, column := range columns {
			row.cells[column] = cells[i]
		}
		if !take(row) {
			return
		}
	}
}

func csvLine(err error) int {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return parse.Line
	}
	return 0
}

// csvReason is the cause without any of the row.
func csvReason(err error) string {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return parse.Err.Error()
	case errors.Is(err, io.EOF):
		return "the table is empty"
	}
	return "the table cannot be read"
}

var (
	csvNeeded  = []string{"id", "text", "codes", "language"}
	csvAllowed = []string{"id", "text", "codes", "language", "specialty", "difficulty"}
)

// openCSV reads a table with the columns id, text, codes, language, and if
// wanted specialty and difficulty; separated by comma or, as a Swedish
// spreadsheet writes it, by semicolon. A journal in two languages is two rows
// of one id. Codes are separated by space, comma, semicolon or bar.
func openCSV(ctx context.Context, fsys fs.FS, name string, opts Options, found *problems) Dataset {
	file := path.Base(name)
	if opts.CodeSystem == "" {
		found.add(Problem{
			Kind: KindField, File: file, Field: "code_system",
			Message: "not stated: a table has no manifest", Mend: "name the code system, for example ICD-10-SE",
		})
	}
	raw, problem := readLimited(fsys, name, opts.Limits.FileBytes)
	if problem != nil {
		found.add(*problem)
		return Dataset{}
	}
	set := csvSet{file: file, limits: opts.Limits, found: found, at: make(map[string]int)}
	readTable(ctx, file, raw, csvComma(raw), found, set.header, set.take)
	d := Dataset{Name: strings.TrimSuffix(file, path.Ext(file)), Split: "all", Journals: set.journals}
	d.Languages = languagesOf(d.Journals)
	return d
}

// csvComma is the semicolon where the first row has one and no comma.
func csvComma(raw []byte) rune {
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	if bytes.ContainsRune(first, ';') && !bytes.ContainsRune(first, ',') {
		return ';'
	}
	return ','
}

// csvSet gathers rows into journals by id.
type csvSet struct {
	file     string
	limits   Limits
	found    *problems
	journals []Journal
	at       map[string]int // id to index in journals
}

func (s *csvSet) header(columns []string) bool {
	ok := true
	refuse := func(field, message string) {
		ok = false
		s.found.add(Problem{
			Kind: KindField, File: s.file, Line: 1, Field: field, Message: message,
			Mend: "the columns are " + strings.Join(csvAllowed, ", "),
		})
	}
	for i, column := range columns {
		if !slices.Contains(csvAllowed, column) {
			refuse(shown(column), "is not a column of this format")
		} else if slices.Index(columns, column) < i {
			refuse(column, "is there twice")
		}
	}
	for _, column := range csvNeeded {
		if !slices.Contains(columns, column) {
			refuse(column, "missing")
		}
	}
	return ok
}

func (s *csvSet) take(cells tableRow) bool {
	row := rowReader{file: s.file, line: cells.line, limits: s.limits, found: s.found}
	before := s.found.mark()
	j := Journal{
		ID: strings.TrimSpace(cells.cells["id"]), Specialty: cells.cells["specialty"],
		Difficulty: cells.cells["difficulty"], Text: make(map[string]string),
	}
	row.id(j.ID)
	row.label("specialty", j.Specialty)
	row.label("difficulty", j.Difficulty)
	j.Codes = row.codes(splitCodes(cells.cells["codes"]))
	lang := strings.TrimSpace(cells.cells["language"])
	row.text(j.Text, lang, cells.cells["text"])
	if !s.found.clean(before) {
		return true
	}
	i, seen := s.at[j.ID]
	switch {
	case !seen && len(s.journals) >= s.limits.Journals:
		row.problem(KindLimit, "", fmt.Sprintf("more than %d journals", s.limits.Journals), "split the set")
		return false
	case !seen:
		s.at[j.ID] = len(s.journals)
		s.journals = append(s.journals, j)
	case s.journals[i].Text[lang] != "":
		row.problem(KindID, "id", "a second row of this id in "+lang, "give every journal its own id")
	case !slices.Equal(s.journals[i].Codes, j.Codes):
		row.problem(KindCode, "codes", "differ from the other language of this id", "write the same codes in the same order")
	default:
		s.journals[i].Text[lang] = j.Text[lang]
	}
	return true
}

func splitCodes(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n,;|", r) })
}
