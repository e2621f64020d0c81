package report

import (
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/wattsweep/wattsweep/internal/bench"
	"github.com/wattsweep/wattsweep/internal/fault"
)

// Writer writes a report cell by cell, so that no more than Shown cells are in
// memory with all that is known of them. Nothing is seen in its folder before
// End has put every file in place: a full disk or a cut leaves what was there.
type Writer struct {
	dir   string
	head  bench.Results // without cells
	files batch
	html  *pending
	json  *pending
	cells *os.File // the cells of results.json, until what stands before them is known
	list  *jsonCells
	csv   map[string]*csvFile

	kept     []bench.CellResult
	n        int
	estimate bool // some figure is estimated
	made     bool // some figure is simulated
	problems []fault.Problem
}

// maxProblems is how many problems of results are listed.
const maxProblems = 200

// NewWriter begins a report in dir, which it makes when it does not exist. head
// is the results without their cells; what is known last (targets, marks of
// the provenance) may still change until End.
func NewWriter(dir string, head bench.Results) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a report is made to be read by others
		return nil, diskFault("make the report's folder", dir, err)
	}
	head.Cells = nil
	w := &Writer{dir: dir, head: head, csv: map[string]*csvFile{}}
	if err := w.open(); err != nil {
		w.Discard()
		return nil, err
	}
	return w, nil
}

// open begins every file.
func (w *Writer) open() (err error) {
	columns := map[string][]string{
		CellsFile: cellHeads(), TargetsFile: targetColumns(), CallsFile: CallColumns(), PhasesFile: phaseColumns(),
		MetricsFile: metricHeads(), CurvesFile: curveColumns(),
	}
	for _, name := range Files() {
		f, err := w.files.open(filepath.Join(w.dir, name))
		if err != nil {
			return err
		}
		switch name {
		case HTMLFile:
			w.html = f
		case JSONFile:
			w.json = f
		default:
			w.csv[name] = newCSVFile(f, name, columns[name])
		}
	}
	if w.cells, err = os.CreateTemp(w.dir, "."+JSONFile+".cells.*"); err != nil {
		return diskFault("write", filepath.Join(w.dir, JSONFile), err)
	}
	w.list = &jsonCells{w: w.cells}
	return nil
}

// Cell adds the next cell.
func (w *Writer) Cell(c bench.CellResult) error {
	w.check(c)
	w.n++
	w.list.add(c)
	w.csv[CellsFile].cell(c)
	w.csv[PhasesFile].phases(c)
	w.csv[MetricsFile].metrics(c)
	w.csv[CurvesFile].curves(c)
	if len(w.kept) >= Shown {
		c = slim(c)
	}
	w.kept = append(w.kept, c)
	return diskFault("write", filepath.Join(w.dir, JSONFile), w.list.err)
}

// check notes what makes a cell's figures untrustworthy, for End.
func (w *Writer) check(c bench.CellResult) {
	e, s := marks(c)
	w.estimate, w.made = w.estimate || e, w.made || s
	head := w.head
	head.Provenance.Estimated, head.Provenance.Simulated = true, true // held against all cells in End
	if len(w.problems) < maxProblems {
		w.problems = append(w.problems, problemsOf(head, c, w.n)...)
	}
}

// Calls adds calls, of any cells.
func (w *Writer) Calls(calls iter.Seq2[CallRow, error]) error {
	return diskFault("write", filepath.Join(w.dir, CallsFile), w.csv[CallsFile].calls(calls))
}

// End writes what rests on all cells and puts the files in place. It gives the
// results back with the cells that are shown in full and what tables need of
// the others. Figures that nobody could trust or repeat write nothing.
func (w *Writer) End(head bench.Results, o HTMLOptions) (bench.Results, Paths, error) {
	head.Cells = w.kept
	if err := w.trusted(head); err != nil {
		return head, Paths{}, err
	}
	if err := verifyPairs(head, o.PairedDifferences); err != nil {
		return head, Paths{}, err
	}
	if err := render(w.html, head, o); err != nil {
		return head, Paths{}, err
	}
	if err := w.joinJSON(head); err != nil {
		return head, Paths{}, diskFault("write", filepath.Join(w.dir, JSONFile), err)
	}
	w.csv[TargetsFile].judgements(head.Targets)
	for _, name := range Files() {
		if f := w.csv[name]; f != nil {
			if err := f.close(); err != nil {
				return head, Paths{}, diskFault("write", filepath.Join(w.dir, name), err)
			}
		}
	}
	if err := w.files.put(); err != nil {
		return head, Paths{}, err
	}
	w.Discard()
	return head, w.paths(), nil
}

// trusted refuses results as [Verify] does.
func (w *Writer) trusted(head bench.Results) error {
	list := w.problems
	p := head.Provenance
	if w.estimate && !p.Estimated {
		list = append(list, fault.Problem{
			Where: "provenance.estimated", Msg: "the provenance does not say that a cell is estimated",
			Mend: "mark the provenance as estimated",
		})
	}
	if w.made && !p.Simulated {
		list = append(list, fault.Problem{
			Where: "provenance.simulated", Msg: "the provenance does not say that a cell is simulated",
			Mend: "mark the provenance as simulated",
		})
	}
	head.Cells = nil
	return refused(head, append(list, problemsOf(head, bench.CellResult{}, -1)...))
}

// joinJSON puts results.json together from the cells and what is around them.
func (w *Writer) joinJSON(head bench.Results) error {
	head.Cells = nil
	before, after, err := jsonAround(head)
	if err != nil {
		return err
	}
	w.list.end()
	if w.list.err != nil {
		return w.list.err
	}
	if _, err := w.json.WriteString(before); err != nil {
		return fmt.Errorf("write the head: %w", err)
	}
	if _, err := w.cells.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the cells back: %w", err)
	}
	if _, err := io.Copy(w.json, w.cells); err != nil {
		return fmt.Errorf("copy the cells: %w", err)
	}
	if _, err = w.json.WriteString(after); err != nil {
		return fmt.Errorf("write the end: %w", err)
	}
	return nil
}

func (w *Writer) paths() Paths {
	at := func(name string) string { return filepath.Join(w.dir, name) }
	return Paths{
		HTML: at(HTMLFile), JSON: at(JSONFile), Cells: at(CellsFile), Targets: at(TargetsFile), Calls: at(CallsFile),
		Phases: at(PhasesFile), Metrics: at(MetricsFile), Curves: at(CurvesFile),
	}
}

// Discard removes what was not put in place; after End it does nothing.
func (w *Writer) Discard() {
	w.files.discard()
	if w.cells != nil {
		_ = w.cells.Close()           // it is removed
		_ = os.Remove(w.cells.Name()) // nothing more can be done about it
		w.cells = nil
	}
}
