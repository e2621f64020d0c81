package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// CodeListFormat names how a code list is written.
type CodeListFormat string

// The formats OpenCodeList reads; each may be gzip.
const (
	// CodesAuto takes the format from the first row.
	CodesAuto CodeListFormat = ""
	// CodesTable has a header and the columns code, billable (0 or 1), title.
	CodesTable CodeListFormat = "codes-tsv"
	// CodesOwn has a header and the columns code, en, sv: our own titles.
	CodesOwn CodeListFormat = "codes-own"
	// CodesSE is the text form of ICD-10-SE: code without dot, mark, title; no
	// header, one file for each level.
	CodesSE CodeListFormat = "icd10-se"
)

// CodeListOptions say which code list to open.
type CodeListOptions struct {
	// Sources is the name of an embedded list, or the paths of the files that
	// make up one list.
	Sources []string
	// Format is how the files are written.
	Format CodeListFormat
	// Name and System are needed for files, which do not say them; a list in
	// the format icd10-se is ICD-10-SE unless said otherwise.
	Name, System string
	// Incomplete marks a list that holds only some of the system's codes.
	Incomplete bool
	// Limits bound what is taken in.
	Limits Limits
	// FS is where paths are looked up; nil is the machine's own file system.
	FS fs.FS
}

// OpenCodeList reads a code list whole, or refuses it whole as Open does.
func OpenCodeList(ctx context.Context, opts CodeListOptions) (CodeList, error) {
	opts.Limits = opts.Limits.withDefaults()
	label := strings.Join(opts.Sources, ", ")
	list := CodeList{
		Name: opts.Name, System: opts.System, Complete: !opts.Incomplete,
		Noticed: make(map[string]int), codes: make(map[string]codeEntry), categories: make(map[string]bool),
	}
	found := &problems{limit: opts.Limits.Problems}
	if len(opts.Sources) == 0 {
		return CodeList{}, fault.New(fault.Invalid, "", "name "+DemoCodes+" or the files of a list",
			"open code list: no name or path given: %w", ErrUnknown)
	}
	for _, source := range opts.Sources {
		fsys, name := opts.FS, path.Clean(source)
		if embedded, file, ok := builtinCodes(source); ok {
			if len(opts.Sources) > 1 {
				found.add(Problem{Kind: KindFile, File: source, Message: "an embedded list cannot be mixed with files", Mend: "name it alone"})
			}
			fsys, name = embedded, file
			list.Name, list.System, list.Complete = DemoCodes, "ICD-10-SE", false
		} else if fsys == nil {
			fsys, name = os.DirFS(filepath.Dir(source)), filepath.Base(filepath.Clean(source))
		}
		raw, problem := readMaybeGzip(fsys, name, opts.Limits.FileBytes)
		if problem != nil {
			found.add(*problem)
			continue
		}
		r := codeReader{file: path.Base(name), limits: opts.Limits, found: found, list: &list}
		r.read(ctx, raw, opts.Format)
	}
	if err := ctx.Err(); err != nil {
		return CodeList{}, fmt.Errorf("open code list %s: %w", label, err)
	}
	list.check(found)
	if !found.none() {
		return CodeList{}, refuse(label, found.list, found.omitted)
	}
	return list, nil
}

// check asks for what a list must have.
func (l CodeList) check(found *problems) {
	if !found.none() {
		return
	}
	if !systemShape.MatchString(l.System) {
		found.add(Problem{Kind: KindField, Field: "system", Message: "missing or malformed", Mend: "name the code system, for example ICD-10-CM"})
	}
	if !systemShape.MatchString(l.Name) {
		found.add(Problem{Kind: KindField, Field: "name", Message: "missing or malformed", Mend: "name the list, for example icd10cm-2021"})
	}
	if len(l.codes) == 0 {
		found.add(Problem{Kind: KindFile, Message: "the list holds no codes", Mend: "name the right file and format"})
	}
}

// readMaybeGzip is the file's content, unpacked where it is gzip. The limit
// holds for what comes out, so a small file cannot unpack into a huge one.
func readMaybeGzip(fsys fs.FS, name string, limit int64) ([]byte, *Problem) {
	raw, problem := readLimited(fsys, name, limit)
	if problem != nil || !bytes.HasPrefix(raw, gzipMark) {
		return raw, problem
	}
	unpack, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, &Problem{Kind: KindSyntax, File: name, Message: "is not whole gzip", Mend: "fetch the file again"}
	}
	plain, err := io.ReadAll(io.LimitReader(unpack, limit+1))
	if err != nil {
		return nil, &Problem{Kind: KindSyntax, File: name, Message: "is gzip that is cut short or damaged", Mend: "fetch the file again"}
	}
	if int64(len(plain)) > limit {
		message := fmt.Sprintf("unpacks to more than %d bytes", limit)
		return nil, &Problem{Kind: KindLimit, File: name, Message: message, Mend: "name a smaller list"}
	}
	return bytes.TrimPrefix(plain, bom), nil
}
