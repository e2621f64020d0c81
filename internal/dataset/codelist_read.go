package dataset

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// codeReader adds the rows of one file to a list.
type codeReader struct {
	file   string
	limits Limits
	found  *problems
	list   *CodeList
}

func (r *codeReader) problem(kind Kind, line int, field, message, mend string) {
	r.found.add(Problem{Kind: kind, File: r.file, Line: line, Field: field, Message: message, Mend: mend})
}

func (r *codeReader) read(ctx context.Context, raw []byte, format CodeListFormat) {
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	header := strings.Split(strings.TrimRight(string(first), "\r"), "\t")
	if format == CodesAuto {
		format = guessCodes(header)
	}
	columns, headed := codeColumns(format)
	switch {
	case columns == nil:
		r.problem(KindFile, 1, "", fmt.Sprintf("the format %s is not known", shown(string(format))), "name codes-tsv, codes-own or icd10-se")
		return
	case headed && !slices.Equal(header, columns):
		r.problem(KindField, 1, "", "the header is not as expected", "the first row must be "+strings.Join(columns, "<TAB>"))
		return
	}
	if format == CodesSE && r.list.System == "" {
		r.list.System = "ICD-10-SE"
	}
	number := 0
	for line := range bytes.Lines(raw) {
		number++
		if ctx.Err() != nil {
			return
		}
		text := strings.TrimRight(string(line), "\r\n")
		if headed && number == 1 || text == "" {
			continue
		}
		if len(r.list.codes) >= r.limits.CodeRows {
			r.problem(KindLimit, number, "", fmt.Sprintf("more than %d codes", r.limits.CodeRows), "name the right file")
			return
		}
		r.row(number, text, format)
	}
}

// codeColumns are the columns of a format and whether a header names them.
func codeColumns(format CodeListFormat) (columns []string, headed bool) {
	switch format {
	case CodesTable:
		return []string{"code", "billable", "title"}, true
	case CodesOwn:
		return []string{"code", "en", "sv"}, true
	case CodesSE:
		return []string{"code", "mark", "title"}, false
	default: // CodesAuto is resolved before
		return nil, false
	}
}

func guessCodes(header []string) CodeListFormat {
	for _, format := range []CodeListFormat{CodesTable, CodesOwn} {
		if columns, _ := codeColumns(format); slices.Equal(header, columns) {
			return format
		}
	}
	return CodesSE
}

func (r *codeReader) row(number int, text string, format CodeListFormat) {
	if !utf8.ValidString(text) {
		r.problem(KindText, number, "", "not valid UTF-8", "save the list as UTF-8")
		return
	}
	if i := strings.IndexFunc(text, refusedRune); i >= 0 {
		r.problem(KindText, number, "", fmt.Sprintf("control character at byte %d", i), "remove it")
		return
	}
	fields := strings.Split(text, "\t")
	if len(fields) != 3 {
		r.problem(KindSyntax, number, "", fmt.Sprintf("%d columns, expected 3", len(fields)), "separate the columns by tabs")
		return
	}
	code, ok := NormaliseCode(fields[0])
	if !ok {
		if format == CodesSE && isGroup(fields[0]) {
			r.list.Noticed["chapter or block row, passed over"]++
			return
		}
		r.problem(KindCode, number, "code", shownCode(fields[0])+" is not an ICD-10 code", "correct or remove the row")
		return
	}
	if _, twice := r.list.codes[code]; twice {
		r.problem(KindCode, number, "code", code+" stands twice", "name each code once")
		return
	}
	entry, reason := codeEntryOf(fields, format)
	if reason != "" {
		r.problem(KindField, number, codeColumn(format), reason, "correct the row")
		return
	}
	r.list.codes[code] = entry
	r.list.categories[Category(code)] = true
}

func codeColumn(format CodeListFormat) string {
	columns, _ := codeColumns(format)
	return columns[1]
}

// codeEntryOf reads the two columns after the code.
func codeEntryOf(fields []string, format CodeListFormat) (entry codeEntry, reason string) {
	entry.titles = make(map[string]string, 2)
	title := func(lang, text string) {
		if text = strings.TrimSpace(text); text != "" {
			entry.titles[lang] = text
		}
	}
	switch format {
	case CodesTable:
		if fields[1] != "0" && fields[1] != "1" {
			return entry, shown(fields[1]) + " is neither 0 nor 1"
		}
		entry.billable = fields[1] == "1"
		title("en", fields[2])
	case CodesOwn:
		entry.billable = true
		title("en", fields[1])
		title("sv", fields[2])
	default: // CodesSE
		switch strings.TrimSpace(fields[1]) {
		case "", "*", "†", "+":
		default:
			return entry, shown(fields[1]) + " is no mark (empty, * or dagger)"
		}
		// ICD-10-SE pads so that every code that may be set has at least four
		// characters; three are a heading.
		entry.billable = len(strings.TrimSpace(fields[0])) > 3
		title("sv", fields[2])
	}
	return entry, ""
}

// isGroup holds for a chapter ("I", "09") or a block ("I20-I25"), which stand
// in some files of ICD-10-SE beside the codes.
func isGroup(text string) bool {
	text = strings.TrimSpace(text)
	if from, to, block := strings.Cut(text, "-"); block {
		return len(from) == 3 && len(to) == 3
	}
	roman := len(text) <= 5 && strings.Trim(text, "IVXL") == ""
	number := len(text) <= 2 && strings.Trim(text, "0123456789") == ""
	return text != "" && (roman || number)
}
