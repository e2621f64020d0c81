package nvml

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Process is a process that holds memory of a GPU. Of its command only the
// short name that the kernel keeps is told, as arguments can be personal.
type Process struct {
	PID   int32  `json:"pid"`
	Name  string `json:"name"`  // "" when it is not visible here
	Bytes uint64 `json:"bytes"` // meaningless unless Known
	Known bool   `json:"known"` // the driver tells how much memory
}

// Occupants say who is on a GPU.
type Occupants struct {
	Index   int       `json:"index"`
	UUID    string    `json:"uuid"`
	Own     []Process `json:"own"` // the runtime's processes and their children
	Foreign []Process `json:"foreign"`
	// Doubt says why the lists cannot be trusted, "" when they can.
	Doubt string `json:"doubt,omitempty"`
}

// ForeignBytes is the memory of all foreign processes, false when the driver
// does not tell that of one.
func (o Occupants) ForeignBytes() (uint64, bool) {
	var sum uint64
	for _, p := range o.Foreign {
		if !p.Known {
			return 0, false
		}
		sum += p.Bytes
	}
	return sum, true
}

// Foreign looks who is on each GPU now, as a check before a run. Without
// Options.Own every process is foreign.
func (s *Session) Foreign(ctx context.Context) ([]Occupants, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, errClosed
	}
	var roots []int32
	if s.opts.Own != nil {
		var err error
		if roots, err = s.opts.Own(ctx); err != nil {
			return nil, fmt.Errorf("look up the runtime's processes: %w", err)
		}
	}
	out := make([]Occupants, 0, len(s.gpus))
	for _, g := range s.gpus {
		if !g.can.processes {
			out = append(out, Occupants{Index: g.index, UUID: g.facts.UUID, Doubt: "the driver does not list processes"})
			continue
		}
		list, r := g.board.processes()
		if r.gone() {
			return nil, g.lost(r)
		}
		if r != retOK {
			return nil, fault.New(fault.Unavailable, "", "try again", "list the processes on GPU %d (%s): %s", g.index, g.facts.UUID, r)
		}
		out = append(out, s.sorter.sort(g, list, roots))
	}
	return out, nil
}

// sorter tells own processes from foreign ones by their parents.
type sorter struct {
	proc string
	// seen holds the GPUs on which an own process was ever found: from then on
	// the driver's process ids are known to be those of this namespace.
	seen func() bool
	note func()
}

// sort splits the processes on a GPU into own and foreign ones. Where no id
// that the driver gives is that of a visible process, the ids are those of
// another PID namespace, and nothing can be said.
func (s sorter) sort(g *gpu, list []process, roots []int32) Occupants {
	out := Occupants{Index: g.index, UUID: g.facts.UUID}
	visible := 0
	for _, p := range list {
		one := Process{PID: p.pid, Bytes: p.bytes, Known: p.known, Name: s.name(p.pid)}
		if one.Name != "" {
			visible++
		}
		if s.own(p.pid, roots) {
			out.Own = append(out.Own, one)
		} else {
			out.Foreign = append(out.Foreign, one)
		}
	}
	if len(out.Own) > 0 {
		s.note()
	}
	if len(list) > 0 && visible == 0 && !s.seen() {
		out.Doubt = reasons()[reasonNamespace]
	}
	return out
}

// maxAncestors bounds the way up from a process; no real tree is as deep.
const maxAncestors = 64

// own reports whether pid is one of roots or a descendant of one.
func (s sorter) own(pid int32, roots []int32) bool {
	for range maxAncestors {
		if pid <= 0 {
			return false
		}
		if slices.Contains(roots, pid) {
			return true
		}
		text, err := readSmall(filepath.Join(s.proc, strconv.Itoa(int(pid)), "stat"))
		if err != nil {
			return false // it has ended, or is of another namespace
		}
		parent, ok := parseParent(text)
		if !ok || parent == pid {
			return false
		}
		pid = parent
	}
	return false
}

// name is the kernel's short name of a process, "" when it is not visible.
func (s sorter) name(pid int32) string {
	if pid <= 0 {
		return ""
	}
	text, err := readSmall(filepath.Join(s.proc, strconv.Itoa(int(pid)), "comm"))
	if err != nil {
		return ""
	}
	return cleanName(text)
}

// maxName is the length of the kernel's own names, and some.
const maxName = 32

// cleanName makes a name fit for a table: programs choose their own.
func cleanName(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, string(line[:min(len(line), maxName)]))
	if clean == "" {
		return "?"
	}
	return clean
}

// parseParent reads the parent's id from /proc/<pid>/stat. The name in
// brackets may itself hold brackets and spaces.
func parseParent(stat []byte) (int32, bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false
	}
	words := bytes.Fields(stat[end+1:])
	if len(words) < 2 || len(words[0]) != 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(words[1]), 10, 32)
	if err != nil || n < 0 {
		return 0, false
	}
	return int32(n), true
}

// readSmall reads the start of a file of /proc.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // only whether it could be read matters
	}
	defer f.Close()
	text := make([]byte, 1024)
	n, err := f.Read(text)
	if n == 0 && err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return text[:n], nil
}
