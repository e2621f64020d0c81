package localstack

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// ServerStatus is how one server does.
type ServerStatus struct {
	Server Name `json:"server"`
	// Running: its process lives. Answers: it also answers.
	Running bool `json:"running"`
	Answers bool `json:"answers"`
	// Problem says why it does not answer.
	Problem string `json:"problem,omitempty"`
	PID     int    `json:"pid,omitempty"`
	// Address is host:port; URL is where the Temporal UI or Ollama answers.
	Address  string         `json:"address,omitempty"`
	URL      string         `json:"url,omitempty"`
	Ports    map[string]int `json:"ports,omitempty"`
	Version  string         `json:"version,omitempty"`
	Detached bool           `json:"detached"`
	Since    time.Time      `json:"since,omitzero"`
	Data     string         `json:"data,omitempty"`
	Log      string         `json:"log,omitempty"`
}

// Status tells how the servers of a state folder do; it changes nothing and
// needs no lock. A folder that does not exist has no servers.
func Status(ctx context.Context, state string) ([]ServerStatus, error) {
	at, saved, err := look(state)
	if err != nil || at == nil {
		return nil, err
	}
	kinds, err := at.kinds()
	if err != nil {
		return nil, err
	}
	var list []ServerStatus
	for _, name := range names() {
		r, ok := saved.Servers[name]
		if ok {
			list = append(list, at.status(ctx, kinds[name], r))
		}
	}
	return list, nil
}

func (s *site) status(ctx context.Context, k kind, r record) ServerStatus {
	st := ServerStatus{
		Server: k.name(), Ports: r.Ports, Version: r.Version, Data: r.Data, Log: r.Log,
		Running: r.running(), Address: loopback(mainPort(r.Ports)),
	}
	if !st.Running {
		return st
	}
	st.PID, st.Detached, st.Since = r.Pid, r.Detached, r.Started
	switch k.name() {
	case Temporal:
		st.URL = "http://" + loopback(r.Ports["ui"])
	case Ollama:
		st.URL = "http://" + st.Address
	case Postgres: // its address holds a password
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := k.probe(ctx, r.Ports)
	st.Answers = err == nil
	if err != nil {
		st.Problem = err.Error()
	}
	return st
}

// look opens a state folder for reading; the site is nil when there is none.
func look(state string) (*site, stateFile, error) {
	o, err := Options{State: state}.withDefaults()
	if err != nil {
		return nil, stateFile{}, err
	}
	folder, err := filepath.EvalSymlinks(o.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, stateFile{}, nil
	}
	if err != nil {
		return nil, stateFile{}, diskError(o.State, err)
	}
	at := &site{Options: o, folder: folder}
	saved, err := readState(folder)
	if err == nil && saved.Folder != folder {
		at.moved, saved = saved.Folder, at.disown(saved)
	}
	return at, saved, err
}

// Down ends every server of a state folder, whoever started it, and any process
// that carries the folder's mark. While another program owns the servers it
// refuses and names that program.
func Down(ctx context.Context, state string, progress func(Event)) error {
	o, err := Options{State: state, Progress: progress}.withDefaults()
	if err != nil {
		return err
	}
	folder, err := filepath.EvalSymlinks(o.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return diskError(o.State, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "id")); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing of ours ever ran there
	}
	l, err := lockState(folder, o.Owner)
	if err != nil {
		return err
	}
	defer l.release()
	at := &site{Options: o, folder: folder}
	return at.down(ctx)
}

// down is done under the lock.
func (s *site) down(ctx context.Context) error {
	saved, err := s.load()
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range slices.Backward(names()) {
		r := saved.Servers[name]
		if err := s.reap(ctx, name, r); err != nil {
			failed = append(failed, err)
			continue
		}
		if name == Postgres && r.Data != "" {
			failed = append(failed, (&postgresKind{site: s}).clearData(ctx, r.Data))
		}
		if _, ok := saved.Servers[name]; ok {
			saved.Servers[name] = r.stopped()
		}
	}
	return errors.Join(append(failed, writeState(s.folder, saved))...)
}

// Wipe takes the servers down and deletes the state folder with all data,
// including Postgres data that lies outside it. It refuses a folder that is not
// one of ours.
func Wipe(ctx context.Context, state string) error {
	if err := Down(ctx, state, nil); err != nil {
		return err
	}
	at, saved, err := look(state)
	if err != nil || at == nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(at.folder, "id")); err != nil {
		return fault.New(fault.Invalid, "", "name a folder that wattsweep made", "%s is no state folder: %w", at.folder, err)
	}
	doomed := []string{at.folder}
	data := saved.Servers[Postgres].Data
	for _, root := range sharedRoots() {
		if strings.HasPrefix(data, root+string(filepath.Separator)) && at.moved == "" {
			doomed = append(doomed, filepath.Dir(data))
		}
	}
	for _, dir := range doomed {
		if err := os.RemoveAll(dir); err != nil {
			return diskError(dir, err)
		}
	}
	return nil
}
