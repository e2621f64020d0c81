package localstack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// openSite prepares the state folder and reads who it is. The caller holds the
// folder's lock or only reads.
func openSite(o Options) (*site, error) {
	folder, err := openFolder(o)
	if err != nil {
		return nil, err
	}
	return &site{Options: o, folder: folder}, nil
}

// load reads the state under the lock. A state file that cannot be read is set
// aside: the processes it named are found again by their mark.
func (s *site) load() (stateFile, error) {
	id, err := folderID(s.folder)
	if err != nil {
		return stateFile{}, err
	}
	s.mark = folderMark{id: id, folder: s.folder}
	state, err := readState(s.folder)
	if fault.KindOf(err) == fault.Corrupt && err != nil {
		aside := filepath.Join(s.folder, stateName+".corrupt")
		if renameErr := renameOver(filepath.Join(s.folder, stateName), aside); renameErr != nil {
			return state, renameErr
		}
		s.Progress(Event{Step: StepNotice, Text: fmt.Sprintf("%v; it was set aside as %s", err, aside)})
		return state, nil
	}
	if err != nil {
		return state, err
	}
	if state.Folder != s.folder {
		s.moved, state = state.Folder, s.disown(state)
	}
	return state, nil
}

// disown forgets the processes of a state file that was written elsewhere: the
// folder was copied or moved, and what runs belongs to the other one.
func (s *site) disown(state stateFile) stateFile {
	for name, r := range state.Servers {
		kept := record{Data: r.Data}
		if strings.HasPrefix(r.Data, state.Folder+string(filepath.Separator)) {
			kept.Data = filepath.Join(s.folder, strings.TrimPrefix(r.Data, state.Folder))
		}
		state.Servers[name] = kept
	}
	state.Folder = s.folder
	return state
}

// reap ends what an earlier program left behind for one server: the process on
// record, and any that carries this folder's mark without being on record.
func (s *site) reap(ctx context.Context, name Name, last record) error {
	left := []record{}
	if last.running() {
		left = append(left, last)
	}
	for _, k := range kinOf(s.mark.id, s.folder) {
		if k.server == name && k.record.Pid != last.Pid {
			left = append(left, k.record)
		}
	}
	for _, r := range left {
		s.Progress(Event{Server: name, Step: StepReap, Text: fmt.Sprintf("ending left-over process %d", r.Pid)})
		if err := end(ctx, name, r, s.mark, s.StopLimit); err != nil {
			return err
		}
	}
	return nil
}

// adoptable tells whether the server on record can be used as it is: it was
// meant to stay, it is that process, it answers, and it has the ports asked for.
func (s *site) adoptable(ctx context.Context, k kind, last record) (bool, error) {
	if !last.Detached || !last.running() {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := k.probe(ctx, last.Ports); err != nil {
		return false, nil //nolint:nilerr // it does not answer, so it is started anew
	}
	for _, w := range k.ports(last) {
		if w.fixed != 0 && w.fixed != last.Ports[w.use] {
			return false, fault.New(fault.Invalid, "", "take the servers down first (wattsweep down), or do not fix the port",
				"%s runs already on port %d, not on %d", k.name(), last.Ports[w.use], w.fixed)
		}
	}
	return true, nil
}

// renameOver moves a file over another.
func renameOver(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return diskError(filepath.Dir(from), err)
	}
	return nil
}
