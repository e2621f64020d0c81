package localstack

import (
	"context"
	"errors"
)

// Stop takes down what Start brought up, in order, and lets go of the folder.
// What ran before stays up; calling it twice does no harm.
func (s *Stack) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.finish()
	done, err := s.hold()
	if err != nil {
		return err
	}
	defer done()
	var failed []error
	for _, name := range s.owned() {
		failed = append(failed, s.stopOne(ctx, name))
	}
	s.tasks.Wait()
	return errors.Join(failed...)
}

// hold has the folder's lock for a change: the one held since Start, which done
// then lets go for good when the stack closes, or, for servers that were left
// up, one taken now, with the state read afresh. Without servers of our own
// there is nothing to change.
func (s *Stack) hold() (done func(), err error) {
	s.mu.Lock()
	held, closing := s.lock.held(), s.closing
	s.mu.Unlock()
	if held {
		return func() {
			if closing {
				s.lock.release()
			}
		}, nil
	}
	if len(s.owned()) == 0 {
		return func() {}, nil
	}
	l, err := lockState(s.State, s.site.Owner)
	if err != nil {
		return nil, err
	}
	fresh, err := readState(s.State)
	if err != nil {
		l.release()
		return nil, err
	}
	s.mu.Lock()
	s.state = fresh
	s.mu.Unlock()
	return l.release, nil
}

func (s *Stack) stopOne(ctx context.Context, name Name) error {
	s.mu.Lock()
	srv := s.servers[name]
	s.mu.Unlock()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.child == nil {
		return nil
	}
	if err := end(ctx, name, srv.child.record, s.site.mark, s.site.StopLimit); err != nil {
		return err
	}
	<-srv.child.done
	pid := srv.child.record.Pid
	s.mu.Lock()
	defer s.mu.Unlock()
	srv.child = nil
	delete(s.servers, name)
	if s.state.Servers[name].Pid == pid { // else another program has started it since
		s.state.Servers[name] = s.state.Servers[name].stopped()
	}
	s.site.Progress(Event{Server: name, Step: StepStop, Text: "stopped"})
	return writeState(s.site.folder, s.state)
}

// stopped is the record without its process.
func (r record) stopped() record {
	r.Pid, r.Start, r.Boot, r.Exe, r.Detached = 0, "", "", "", false
	return r
}
