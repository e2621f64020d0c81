package rapl

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wattsweep/wattsweep/internal/bench"
)

const joulesPerMicrojoule = 1e-6

// source is an open energy counter.
type source interface {
	io.ReaderAt
	io.Closer
}

func openFile(path string) (source, error) { return os.Open(path) } //nolint:wrapcheck // becomes a reason

// domain is one counter with its open file.
type domain struct {
	zone
	rangeUJ uint64 // where the counter wraps, µJ; 0 when the kernel does not say
	file    source // nil when the counter cannot be opened
	why     uint8  // reason of a nil file
	buf     [32]byte
	last    uint64
	primed  bool
}

// What the reasons of readings are; the order is that of reasons.
const (
	reasonDenied = iota
	reasonAbsent
	reasonFailed
	reasonGarbage
	reasonBeyond
	reasonSentinel
	reasonStill
)

func reasons() []string {
	return []string{
		reasonDenied:   "no permission to read this energy counter",
		reasonAbsent:   "this domain has no energy counter that can be opened",
		reasonFailed:   "the energy counter could not be read",
		reasonGarbage:  "the energy counter gave no number",
		reasonBeyond:   "the energy counter is beyond its own range",
		reasonSentinel: "the energy counter gave a value that drivers use for \"not known\"",
		reasonStill:    "the energy counter has not moved since the sample before",
	}
}

// openDomains opens each counter once: of zones with one key the first that
// can be read, else the first.
func openDomains(class string, found []zone, open opener) []domain {
	var all []domain
	place := map[string]int{}
	for _, z := range found {
		at, seen := place[z.key()]
		if seen && all[at].file != nil {
			continue
		}
		d := domain{zone: z, rangeUJ: counterRange(line(filepath.Join(class, z.folder, "max_energy_range_uj")))}
		file, err := open(filepath.Join(class, z.folder, "energy_uj"))
		switch {
		case err == nil:
			d.file = file
		case errors.Is(err, fs.ErrPermission):
			d.why = reasonDenied
		default:
			d.why = reasonAbsent
		}
		switch {
		case !seen:
			place[z.key()] = len(all)
			all = append(all, d)
		case d.file != nil:
			all[at] = d
		}
	}
	return all
}

// leastRangeUJ is the smallest range that a counter of a processor can have;
// the real ones begin at 65 kJ.
const leastRangeUJ = 1e9

// counterRange reads max_energy_range_uj; 0 when it says nothing usable.
func counterRange(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < leastRangeUJ || n > 1<<62 || sentinel(n) {
		return 0
	}
	return n
}

// sentinel knows the values that drivers give when they know nothing: -1 in 32
// bits of milli- and microunits, and in 63 and 64 bits.
func sentinel(uj uint64) bool {
	return uj == 4294967295000 || uj == 1<<63-1 || uj == 1<<64-1
}

// read takes one sample. It allocates nothing.
func (d *domain) read(now func() time.Duration) bench.Reading {
	asked := now()
	if d.file == nil {
		return bench.Reading{At: asked, State: bench.ReadingMissing, Reason: d.why}
	}
	n, err := d.file.ReadAt(d.buf[:], 0)
	at := asked + (now()-asked)/2
	if err != nil && !errors.Is(err, io.EOF) {
		return bench.Reading{At: at, State: bench.ReadingMissing, Reason: reasonFailed}
	}
	uj, ok := microjoules(d.buf[:n])
	reason := uint8(reasonGarbage)
	switch {
	case !ok:
		return bench.Reading{At: at, State: bench.ReadingOutOfRange, Reason: reason}
	case sentinel(uj):
		reason = reasonSentinel
	case d.rangeUJ > 0 && uj > d.rangeUJ, uj > 1<<62:
		reason = reasonBeyond
	case d.primed && uj == d.last:
		// No processor stands still for the shortest interval that is used:
		// nothing was renewed. A counter that never moves is none.
		return bench.Reading{At: at, State: bench.ReadingStale, Reason: reasonStill}
	default:
		d.last, d.primed = uj, true
		return bench.Reading{At: at, Value: float64(uj) * joulesPerMicrojoule}
	}
	return bench.Reading{At: at, State: bench.ReadingOutOfRange, Reason: reason}
}

// microjoules reads a counter: digits and a line's end, nothing else.
func microjoules(text []byte) (uint64, bool) {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	var v uint64
	for _, c := range text {
		d := uint64(c - '0')
		if c < '0' || c > '9' || v > (1<<64-1-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}
