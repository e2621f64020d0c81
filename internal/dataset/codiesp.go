package dataset

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// codiEspFolder is a folder of texts and the language they are in.
type codiEspFolder struct{ name, lang string }

func codiEspFolders() []codiEspFolder {
	return []codiEspFolder{{"text_files", "es"}, {"text_files_en", "en"}}
}

// openCodiEsp reads one split of CodiEsp: clinical cases in Spanish and
// machine-translated English with ICD-10-CM codes in lower case. The codes
// keep the order of the file; CodiEsp does not say which is the main one.
func openCodiEsp(ctx context.Context, fsys fs.FS, name string, opts Options, found *problems) Dataset {
	set := codiEspSet{
		fsys: fsys, root: name, limits: opts.Limits, found: found,
		codes: make(map[string][]string), noticed: make(map[string]int),
	}
	set.readCodes()
	texts := make(map[string]map[string]string) // id to language to text
	var languages []string
	for _, folder := range codiEspFolders() {
		if len(opts.Languages) > 0 && !slices.Contains(opts.Languages, folder.lang) {
			continue
		}
		if set.readTexts(ctx, folder, texts) {
			languages = append(languages, folder.lang)
		}
	}
	split := path.Base(name)
	if split == "." {
		split = "all"
	}
	d := Dataset{
		Name: "codiesp-" + split, CodeSystem: "ICD-10-CM", Licence: "CC-BY-4.0",
		Author: "Miranda-Escalada, Gonzalez-Agirre and Krallinger: CodiEsp", Split: split, Languages: languages, Noticed: set.noticed,
	}
	for _, id := range slices.Sorted(maps.Keys(texts)) {
		d.Journals = append(d.Journals, Journal{ID: id, Codes: set.codes[id], Text: texts[id]})
	}
	for _, id := range slices.Sorted(maps.Keys(set.codes)) {
		if texts[id] == nil && len(languages) > 0 {
			found.add(Problem{
				Kind: KindLanguage, File: set.file, Journal: shownID(id), Message: "has codes but no text file",
				Mend: "put the text beside the others or remove its codes",
			})
		}
	}
	return d
}

type codiEspSet struct {
	fsys    fs.FS
	root    string
	file    string // base name of the code table
	limits  Limits
	found   *problems
	codes   map[string][]string
	noticed map[string]int
}

// codeFile finds the one table of diagnosis codes (devD.tsv, trainD.tsv …).
func (s *codiEspSet) codeFile() (string, bool) {
	tables, err := fs.Glob(s.fsys, path.Join(s.root, "*D.tsv"))
	if err == nil && len(tables) == 0 {
		tables, err = fs.Glob(s.fsys, path.Join(s.root, "*.tsv"))
	}
	if err != nil || len(tables) != 1 {
		s.found.add(Problem{
			Kind: KindFile, File: path.Base(s.root), Message: fmt.Sprintf("%d code tables (*D.tsv), expected one", len(tables)),
			Mend: "name the folder of one split, with its code table and text_files",
		})
		return "", false
	}
	return tables[0], true
}

func (s *codiEspSet) readCodes() {
	name, ok := s.codeFile()
	if !ok {
		return
	}
	s.file = path.Base(name)
	raw, problem := readLimited(s.fsys, name, s.limits.FileBytes)
	if problem != nil {
		s.found.add(*problem)
		return
	}
	number := 0
	for line := range bytes.Lines(raw) {
		number++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			s.codeRow(number, line)
		}
	}
}

func (s *codiEspSet) codeRow(number int, line []byte) {
	row := rowReader{file: s.file, line: number, limits: s.limits, found: s.found}
	fields := strings.Split(string(line), "\t")
	if !utf8.Valid(line) || len(fields) < 2 {
		row.problem(KindSyntax, "", fmt.Sprintf("%d columns, expected id and code", len(fields)), "write id, a tab and the code")
		return
	}
	before := s.found.mark()
	row.id(fields[0])
	code, ok := NormaliseCode(fields[1])
	if !ok {
		row.problem(KindCode, "code", shownCode(fields[1])+" is not an ICD-10 code", "correct the code")
	}
	if !s.found.clean(before) {
		return
	}
	known := s.codes[fields[0]]
	switch {
	case slices.Contains(known, code):
		s.noticed["code named twice for one case, kept once"]++
	case len(known) >= s.limits.Codes:
		row.problem(KindLimit, "code", fmt.Sprintf("more than %d codes for one case", s.limits.Codes), "keep the codes that describe the case")
	case known == nil && len(s.codes) >= s.limits.Journals:
		row.problem(KindLimit, "id", fmt.Sprintf("more than %d cases", s.limits.Journals), "split the set")
	default:
		s.codes[fields[0]] = append(known, code)
	}
}

// readTexts adds one folder's texts; false where the folder is not there.
func (s *codiEspSet) readTexts(ctx context.Context, folder codiEspFolder, texts map[string]map[string]string) bool {
	dir := path.Join(s.root, folder.name)
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		if _, statErr := fs.Stat(s.fsys, dir); statErr == nil {
			s.found.add(Problem{
				Kind: KindFile, File: folder.name, Message: "cannot be listed: " + pathReason(err), Mend: "check that it may be read",
			})
		}
		return false
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return false
		}
		name := entry.Name()
		if entry.IsDir() || strings.HasPrefix(name, ".") || path.Ext(name) != ".txt" {
			continue
		}
		id := strings.TrimSuffix(name, ".txt")
		row := rowReader{file: folder.name + "/" + shownFile(name), limits: s.limits, found: s.found}
		if texts[id] == nil && len(texts) >= s.limits.Journals {
			row.problem(KindLimit, "", fmt.Sprintf("more than %d cases", s.limits.Journals), "split the set")
			return true
		}
		row.id(id)
		raw, problem := readLimited(s.fsys, path.Join(dir, name), min(s.limits.FileBytes, int64(s.limits.TextBytes)))
		if problem != nil {
			problem.File = row.file
			s.found.add(*problem)
			continue
		}
		if texts[id] == nil {
			texts[id] = make(map[string]string)
		}
		row.text(texts[id], folder.lang, string(raw))
	}
	return true
}

// shownFile is a file name where it has a plain shape.
func shownFile(name string) string {
	if idShape.MatchString(name) {
		return name
	}
	return "a file of another name"
}
