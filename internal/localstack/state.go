package localstack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

const (
	stateName    = "stack.json"
	stateFormat  = 1
	maxStateSize = 1 << 20 // bytes; a real one is about 2 kB
)

// record is what is known of one server. It stays after the server ended, with
// Pid 0, so that the next start takes the same ports and old links stay valid.
type record struct {
	Pid int `json:"pid"`
	// Start is the kernel's start time of the process, in its own unit, and
	// Boot the boot it counts from: with the pid they name a process for good.
	Start string `json:"start,omitempty"`
	Boot  string `json:"boot,omitempty"`
	// Exe is the executable with links resolved.
	Exe string `json:"exe,omitempty"`
	// Path is the program as it was found, Version what it says of itself.
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	// Ports by their use: grpc, ui, http, metrics, sql, api.
	Ports map[string]int `json:"ports,omitempty"`
	// Detached servers outlive the program that started them.
	Detached bool `json:"detached,omitempty"`
	// Data is the data folder or file, Log the log file.
	Data    string    `json:"data,omitempty"`
	Log     string    `json:"log,omitempty"`
	Started time.Time `json:"started,omitzero"`
}

// stateFile is stack.json.
type stateFile struct {
	Format int `json:"format"`
	// Folder is where the file was written. A copied folder names another one,
	// and its records are not ours.
	Folder  string          `json:"folder"`
	Servers map[Name]record `json:"servers"`
}

// parseState reads a state file and refuses whatever it could not have written.
func parseState(raw []byte) (stateFile, error) {
	var s stateFile
	if len(raw) > maxStateSize {
		return s, fmt.Errorf("%d bytes, more than %d", len(raw), maxStateSize)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return stateFile{}, fmt.Errorf("decode: %w", err)
	}
	if dec.More() {
		return stateFile{}, errors.New("more than one value")
	}
	if s.Format != stateFormat {
		return stateFile{}, fmt.Errorf("format %d, this program writes %d", s.Format, stateFormat)
	}
	if err := checkPath(s.Folder); err != nil || s.Folder == "" {
		return stateFile{}, errors.New("folder is not an absolute path")
	}
	for name, r := range s.Servers {
		if err := r.check(name); err != nil {
			return stateFile{}, err
		}
	}
	return s, nil
}

func (r record) check(name Name) error {
	switch name {
	case Temporal, Postgres, Ollama:
	default:
		return errors.New("a server of unknown name")
	}
	// Pid 1 is the system's first process and negative numbers are groups.
	if r.Pid < 0 || r.Pid == 1 || r.Pid > 1<<30 {
		return fmt.Errorf("%s: pid %d is out of range", name, r.Pid)
	}
	if r.Pid > 0 && (r.Start == "" || r.Exe == "") {
		return fmt.Errorf("%s: a pid without start time and executable", name)
	}
	for _, p := range []string{r.Exe, r.Path, r.Data, r.Log} {
		if err := checkPath(p); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for use, port := range r.Ports {
		if port < 1 || port > 65535 || len(use) > 16 {
			return fmt.Errorf("%s: port %d is out of range", name, port)
		}
	}
	return nil
}

func checkPath(p string) error {
	if p != "" && (!filepath.IsAbs(p) || strings.ContainsRune(p, 0) || len(p) > 4096) {
		return errors.New("a path that is not absolute")
	}
	return nil
}

// readState reads the folder's state file; a missing one is an empty state.
func readState(folder string) (stateFile, error) {
	empty := stateFile{Format: stateFormat, Folder: folder, Servers: map[Name]record{}}
	path := filepath.Join(folder, stateName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, fault.New(fault.Unavailable, "", "make the folder readable for this user",
			"read %s: %w", path, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxStateSize {
		return empty, corruptState(path, errors.New("not a plain small file"))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return empty, fault.New(fault.Unavailable, "", "make the folder readable for this user",
			"read %s: %w", path, err)
	}
	s, err := parseState(raw)
	if err != nil {
		return empty, corruptState(path, err)
	}
	if s.Servers == nil {
		s.Servers = map[Name]record{}
	}
	return s, nil
}

func corruptState(path string, err error) error {
	return fault.New(fault.Corrupt, "", "start again: the file is set aside and running servers are found by their mark",
		"state file %s: %w", path, err)
}

// writeState replaces the state file in one step, so that a crash leaves the
// old one or the new one.
func writeState(folder string, s stateFile) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	return writeFileAtomic(filepath.Join(folder, stateName), append(raw, '\n'), 0o600)
}

// writeFileAtomic writes beside the target, syncs, and renames.
func writeFileAtomic(path string, raw []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return diskError(filepath.Dir(path), err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is the one that matters
		}
	}()
	_, err = f.Write(raw)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return diskError(path, err)
	}
	return nil
}
