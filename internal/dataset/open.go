package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Format names how a set is written.
type Format string

// The formats Open reads.
const (
	// FormatAuto takes the format from what lies at the path.
	FormatAuto Format = ""
	// FormatJSONL is a folder with manifest.json, or one .jsonl file of journals.
	FormatJSONL Format = "wattsweep-jsonl"
	// FormatOpenChart is dataset.csv of OpenChart-SE, or its folder; labels.tsv
	// beside it is used where it is there.
	FormatOpenChart Format = "openchart-se"
	// FormatCodiEsp is a split's folder of CodiEsp: one TSV of codes,
	// text_files (Spanish) and text_files_en (English).
	FormatCodiEsp Format = "codiesp"
	// FormatCSV is a table with the columns id, text, codes, language.
	FormatCSV Format = "csv"
)

// ErrUnknown is wrapped where neither a set of that name nor such a path exists.
var ErrUnknown = errors.New("no such dataset")

// Options say what to open and what to call it.
type Options struct {
	// Source is the name of an embedded set (see Builtins) or a path.
	Source string
	// Format is how the path is written; FormatAuto finds out.
	Format Format
	// Name, CodeSystem and Split replace what the source says or implies.
	// CodeSystem is needed where the source says nothing (CSV, a lone .jsonl).
	Name, CodeSystem, Split string
	// Languages are those that every journal must have; empty takes what the
	// source promises. Texts in other languages are left out.
	Languages []string
	// Limits bound what is taken in.
	Limits Limits
	// FS is where paths are looked up; nil is the machine's own file system.
	FS fs.FS
}

// Open reads and verifies a whole set. What is wrong comes back as one
// fault.Invalid that wraps an *InvalidError with every problem; a name or path
// that is not there wraps ErrUnknown.
func Open(ctx context.Context, opts Options) (Dataset, error) {
	opts.Limits = opts.Limits.withDefaults()
	fsys, name, err := locate(opts)
	if err != nil {
		return Dataset{}, err
	}
	format, err := opts.format(fsys, name)
	if err != nil {
		return Dataset{}, err
	}
	found := &problems{limit: opts.Limits.Problems}
	d := readers()[format](ctx, fsys, name, opts, found)
	if err := ctx.Err(); err != nil {
		return Dataset{}, fmt.Errorf("open dataset %s: %w", opts.Source, err)
	}
	if !found.none() {
		return Dataset{}, refuse(opts.Source, found.list, found.omitted)
	}
	opts.apply(&d)
	report := Verify(d, opts.Limits.Problems)
	if !report.OK() {
		return Dataset{}, refuse(opts.Source, report.Problems, report.Omitted)
	}
	return d, nil
}

// reader takes in one format; what is wrong goes to found. name lies in fsys.
type reader func(ctx context.Context, fsys fs.FS, name string, opts Options, found *problems) Dataset

func readers() map[Format]reader {
	return map[Format]reader{
		FormatJSONL:     openJSONL,
		FormatOpenChart: openOpenChart,
		FormatCodiEsp:   openCodiEsp,
		FormatCSV:       openCSV,
	}
}

// locate finds the file system and the name in it that the source means.
func locate(opts Options) (fs.FS, string, error) {
	if builtin, ok := builtinFS(opts.Source); ok {
		return builtin, ".", nil
	}
	if strings.TrimSpace(opts.Source) == "" {
		return nil, "", unknown("open dataset: no name or path given")
	}
	fsys, name := opts.FS, path.Clean(opts.Source)
	if fsys == nil {
		fsys, name = os.DirFS(filepath.Dir(opts.Source)), filepath.Base(filepath.Clean(opts.Source))
		if name == ".." || name == string(filepath.Separator) {
			fsys, name = os.DirFS(opts.Source), "."
		}
	}
	if _, err := fs.Stat(fsys, name); err != nil {
		return nil, "", unknown(fmt.Sprintf("open dataset %q: neither an embedded set nor a path that can be read (%s)", opts.Source, pathReason(err)))
	}
	return fsys, name, nil
}

func unknown(message string) error {
	return fault.New(fault.Invalid, "", "name an embedded set ("+strings.Join(Builtins(), ", ")+") or a file or folder that exists",
		"%s: %w", message, ErrUnknown)
}

// format is the one asked for, or what the path looks like.
func (o Options) format(fsys fs.FS, name string) (Format, error) {
	format := o.Format
	if format == FormatAuto {
		format = guess(fsys, name)
	}
	if _, ok := readers()[format]; ok {
		return format, nil
	}
	known := slices.Sorted(maps.Keys(readers()))
	return "", refuse(o.Source, []Problem{{
		Kind: KindFile, File: path.Base(name), Message: fmt.Sprintf("the format %q is not known or cannot be told from the file", format),
		Mend: fmt.Sprintf("name one of %v", known),
	}}, 0)
}

func guess(fsys fs.FS, name string) Format {
	has := func(child string) bool {
		_, err := fs.Stat(fsys, path.Join(name, child))
		return err == nil
	}
	switch {
	case has(manifestName), strings.HasSuffix(name, ".jsonl"):
		return FormatJSONL
	case has("text_files"), has("text_files_en"):
		return FormatCodiEsp
	case has(openChartFile):
		return FormatOpenChart
	case strings.HasSuffix(name, ".csv"):
		return guessCSV(fsys, name)
	}
	return "unknown"
}

// guessCSV tells OpenChart-SE from a plain table by its first row.
func guessCSV(fsys fs.FS, name string) Format {
	file, err := fsys.Open(name)
	if err != nil {
		return FormatCSV
	}
	defer func() { _ = file.Close() }() // opened for reading, nothing can be lost
	start := make([]byte, 512)
	n, _ := file.Read(start) // an unreadable file is reported by the reader that follows
	if strings.Contains(string(start[:n]), ";sokorsak;") {
		return FormatOpenChart
	}
	return FormatCSV
}

// apply puts what the caller named over what the source said, and drops the
// languages that were not asked for.
func (o Options) apply(d *Dataset) {
	if o.Name != "" {
		d.Name = o.Name
	}
	if o.CodeSystem != "" {
		d.CodeSystem = o.CodeSystem
	}
	if o.Split != "" {
		d.Split = o.Split
	}
	if len(o.Languages) > 0 {
		d.Languages = slices.Clone(o.Languages)
	}
	slices.Sort(d.Languages)
	d.Languages = slices.Compact(d.Languages)
	for i, j := range d.Journals {
		kept := make(map[string]string, len(d.Languages))
		for _, lang := range d.Languages {
			if text, ok := j.Text[lang]; ok {
				kept[lang] = text
			}
		}
		d.Journals[i].Text = kept
	}
}
