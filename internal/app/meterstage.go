package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wattsweep/wattsweep/internal/runtimes"
)

// errNoStage says that no stage has the meters, so that there is no runtime
// whose processes could be asked for.
var errNoStage = errors.New("no stage measures at present")

// present is the stage that has the meters, for what a kept meter asks of its
// runtime in a goroutine of its own.
type present struct {
	mu  sync.Mutex
	now *stage
}

type stage struct {
	rt     runtimes.Runtime // nil where the borrower has none
	over   context.Context
	end    context.CancelFunc
	asking sync.WaitGroup
}

func (p *present) begin(rt runtimes.Runtime) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &stage{rt: rt}
	s.over, s.end = context.WithCancel(context.Background())
	p.now = s
}

// end makes sure that the stage's runtime, which may be closed next, is not
// asked any more. A runtime that does not answer is not waited for long.
func (p *present) end() {
	p.mu.Lock()
	s := p.now
	p.now = nil
	p.mu.Unlock()
	if s == nil {
		return
	}
	s.end()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.asking.Wait()
	}()
	timer := time.NewTimer(hangGrace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

// ownProcesses asks the present borrower's runtime for its processes, so that
// a kept meter can tell them from foreign ones.
func (p *MeterPool) ownProcesses(ctx context.Context) ([]int32, error) {
	p.stage.mu.Lock()
	s := p.stage.now
	if s == nil {
		p.stage.mu.Unlock()
		return nil, errNoStage
	}
	s.asking.Add(1)
	p.stage.mu.Unlock()
	defer s.asking.Done()
	if s.rt == nil {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.over, cancel)()
	return s.rt.Processes(ctx)
}
