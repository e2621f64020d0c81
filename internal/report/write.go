package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// The files that [Write] leaves in a folder.
const (
	HTMLFile    = "report.html"
	JSONFile    = "results.json"
	CallsFile   = "calls.csv"
	PhasesFile  = "phases.csv"
	MetricsFile = "metrics.csv"
	CurvesFile  = "curves.csv"
)

// Files lists the files that [Write] leaves, in the order in which to name
// them.
func Files() []string {
	return []string{HTMLFile, JSONFile, CallsFile, PhasesFile, MetricsFile, CurvesFile}
}

// Paths are the files that [Write] wrote.
type Paths struct {
	HTML    string `json:"html"`
	JSON    string `json:"json"`
	Calls   string `json:"calls"`
	Phases  string `json:"phases"`
	Metrics string `json:"metrics"`
	Curves  string `json:"curves"`
}

// Write leaves the files of [Files] in dir, which it makes when it does not
// exist. All are written in full beside their places
// and then put there, so that a full disk or a cut leaves what was there
// before. Results that [Verify] refuses write nothing.
func Write(dir string, r bench.Results, calls iter.Seq2[CallRow, error], o HTMLOptions) (Paths, error) {
	paths := Paths{
		HTML: filepath.Join(dir, HTMLFile), JSON: filepath.Join(dir, JSONFile), Calls: filepath.Join(dir, CallsFile),
		Phases: filepath.Join(dir, PhasesFile), Metrics: filepath.Join(dir, MetricsFile),
		Curves: filepath.Join(dir, CurvesFile),
	}
	if err := Verify(r); err != nil {
		return Paths{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a report is made to be read by others
		return Paths{}, diskFault("make the report's folder", dir, err)
	}
	b := &batch{}
	defer b.discard()
	files := []struct {
		place string
		write func(io.Writer) error
	}{
		{paths.HTML, func(w io.Writer) error { return HTML(w, r, o) }},
		{paths.JSON, func(w io.Writer) error { return JSON(w, r) }},
		{paths.Calls, func(w io.Writer) error { return CallsCSV(w, calls) }},
		{paths.Phases, func(w io.Writer) error { return PhasesCSV(w, r) }},
		{paths.Metrics, func(w io.Writer) error { return MetricsCSV(w, r) }},
		{paths.Curves, func(w io.Writer) error { return CurvesCSV(w, r) }},
	}
	for _, f := range files {
		if err := b.add(f.place, f.write); err != nil {
			return Paths{}, err
		}
	}
	if err := b.place(); err != nil {
		return Paths{}, err
	}
	return paths, nil
}

// batch is a set of files written beside their places.
type batch struct{ files []pending }

type pending struct{ part, place string }

// add writes one file in full, flushed to disk, under a name of its own.
func (b *batch) add(place string, write func(io.Writer) error) error {
	if info, err := os.Lstat(place); err == nil && !info.Mode().IsRegular() {
		return fault.New(fault.Invalid, "", "move it away or choose another folder",
			"write %s: something that is not a file stands there", place)
	}
	file, err := os.CreateTemp(filepath.Dir(place), "."+filepath.Base(place)+".*")
	if err != nil {
		return diskFault("write", place, err)
	}
	b.files = append(b.files, pending{file.Name(), place})
	buffered := bufio.NewWriterSize(file, 1<<16)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = file.Chmod(0o644)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return diskFault("write", place, err)
}

// place puts every file where it belongs.
func (b *batch) place() error {
	for len(b.files) > 0 {
		if err := os.Rename(b.files[0].part, b.files[0].place); err != nil {
			return diskFault("put in place", b.files[0].place, err)
		}
		b.files = b.files[1:]
	}
	return nil
}

// discard removes what was not put in place.
func (b *batch) discard() {
	for _, f := range b.files {
		_ = os.Remove(f.part) // nothing more can be done about it
	}
}

// diskFault types what went wrong on the disk; other errors pass unchanged.
func diskFault(doing, path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, fault.CodeDiskFull, "free some disk space and build the report again",
			"%s %s: the disk is full: %w", doing, path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS):
		return fault.New(fault.Invalid, "", "choose a folder that can be written to", "%s %s: %w", doing, path, err)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s %s: %w", doing, path, err)
	}
	return err
}
