package localstack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Stack is the three servers, up and answering. Its fields do not change, not
// even when a server is restarted.
type Stack struct {
	// State is the state folder, absolute and with links resolved.
	State string
	// TemporalAddress is host:port of the gRPC service.
	TemporalAddress, TemporalNamespace string
	// TemporalUIURL is the address of its web pages; empty for an external
	// server whose pages were not named.
	TemporalUIURL string
	// PostgresDSN holds the password: it is not for printing.
	PostgresDSN string
	// PostgresData is the data folder; empty for an external database.
	PostgresData string
	OllamaURL    string
	// OllamaLog is the log file, OllamaEnv our settings of the server; both
	// empty for one that is not ours.
	OllamaLog string
	OllamaEnv map[string]string

	site  *site
	kinds map[Name]kind
	lock  *lock

	mu      sync.Mutex // guards what follows
	state   stateFile
	servers map[Name]*server
	closing bool
	tasks   sync.WaitGroup // supervisors
	// life ends with Stop, and with it a restart that is under way.
	life   context.Context //nolint:containedctx // it is the stack's own, not a caller's
	finish context.CancelFunc
}

// server is one running server of a stack.
type server struct {
	mu     sync.Mutex // held while it is being ended or started
	launch launch
	child  *child // nil when it was adopted
	// restarts counts what the supervisor did.
	restarts int
}

// Start brings up what is not yet up and gives the stack. When anything fails,
// what it started is taken down again.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s, err := open(o)
	if err != nil {
		return nil, err
	}
	if s.lock, err = lockState(s.State, s.site.Owner); err != nil {
		return nil, err
	}
	if s.state, err = s.site.load(); err == nil {
		err = s.startAll(ctx)
	}
	if err != nil {
		// The caller's context may be why we fail; what was started must end.
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	if o.Detach || len(s.owned()) == 0 {
		s.lock.release()
	}
	return s, nil
}

// open prepares a stack without touching any process.
func open(o Options) (*Stack, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	at, err := openSite(o)
	if err != nil {
		return nil, err
	}
	return newStack(at)
}

func newStack(at *site) (*Stack, error) {
	kinds, err := at.kinds()
	if err != nil {
		return nil, err
	}
	life, finish := context.WithCancel(context.Background())
	return &Stack{
		State: at.folder, TemporalNamespace: at.Options.Temporal.Namespace,
		site: at, kinds: kinds, servers: map[Name]*server{}, life: life, finish: finish,
	}, nil
}

// startAll starts the servers side by side.
func (s *Stack) startAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, k := range s.kinds {
		group.Go(func() error { return s.startOne(ctx, k) })
	}
	return group.Wait()
}

// startOne brings one server up: it is external, or runs already, or is started.
func (s *Stack) startOne(ctx context.Context, k kind) error {
	if address, ok := k.external(ctx); ok {
		s.describeExternal(k.name(), address)
		return nil
	}
	last := s.recordOf(k.name())
	adopt, err := s.site.adoptable(ctx, k, last)
	if err != nil {
		return err
	}
	if adopt {
		if err := k.settle(ctx, last.Ports); err != nil {
			return err
		}
		s.site.Progress(Event{Server: k.name(), Step: StepAdopt, Text: fmt.Sprintf("runs already (process %d)", last.Pid)})
		return s.describe(k, last)
	}
	if err := s.site.reap(ctx, k.name(), last); err != nil {
		return err
	}
	return s.startAnew(ctx, k, last)
}

// againOnSamePorts is how often a server that ended at once is started again
// where it was before.
const againOnSamePorts = 3

// startAnew finds the program, chooses ports and starts the process.
func (s *Stack) startAnew(ctx context.Context, k kind, last record) error {
	begin := time.Now()
	l, err := k.prepare(ctx, last)
	if err != nil {
		return err
	}
	ports, err := choosePorts(k.ports(last))
	if err != nil {
		return err
	}
	srv := &server{launch: k.listenOn(l, ports)}
	err = s.bringUp(ctx, k, srv)
	// What a killed server left behind, such as a child that still holds shared
	// memory, goes within moments. Its ports are worth waiting for: whoever is
	// connected would not find it on others.
	for range againOnSamePorts {
		if err == nil || !maps.Equal(ports, last.Ports) || srv.child == nil || !srv.child.ended() || ctx.Err() != nil {
			break
		}
		s.site.Progress(Event{Server: k.name(), Step: StepNotice, Text: "ended at once; trying again"})
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		err = s.bringUp(ctx, k, srv)
	}
	if err != nil && srv.child != nil && srv.child.ended() && ctx.Err() == nil {
		// Another program can take a port between our choice and the server's
		// start; a second death has another reason.
		s.site.Progress(Event{Server: k.name(), Step: StepNotice, Text: "ended at once; trying again on other ports"})
		if ports, err = choosePorts(k.ports(record{})); err != nil {
			return err
		}
		srv.launch = k.listenOn(srv.launch, ports)
		err = s.bringUp(ctx, k, srv)
	}
	if err != nil {
		return err
	}
	s.site.Progress(Event{
		Server: k.name(), Step: StepReady, Elapsed: time.Since(begin),
		Text: fmt.Sprintf("%s answers on port %d (process %d)", l.version, mainPort(ports), srv.child.record.Pid),
	})
	return s.describe(k, srv.child.record)
}

// mainPort is the port that clients use.
func mainPort(ports map[string]int) int {
	for _, use := range []string{"grpc", "sql", "api"} {
		if p, ok := ports[use]; ok {
			return p
		}
	}
	return 0
}

// bringUp starts the process, puts it on record at once, and waits until it
// answers. The caller holds srv.mu or is alone with it.
func (s *Stack) bringUp(ctx context.Context, k kind, srv *server) error {
	c, err := spawn(srv.launch, s.site.folder, s.site.mark.String(), s.site.Detach)
	if err != nil {
		return err
	}
	s.mu.Lock()
	srv.child = c
	s.servers[k.name()] = srv
	s.state.Servers[k.name()] = c.record
	err = writeState(s.site.folder, s.state)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = c.waitReady(ctx, k.name(), s.site.ReadyLimit, func(ctx context.Context) error {
		return k.probe(ctx, c.record.Ports)
	})
	if err != nil {
		return err
	}
	if err := k.settle(ctx, c.record.Ports); err != nil {
		return err
	}
	s.supervise(k, srv, c)
	return nil
}

func (s *Stack) recordOf(name Name) record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Servers[name]
}

// owned lists the servers that this stack started, in the order of stopping.
func (s *Stack) owned() []Name {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Name
	for _, name := range slices.Backward(names()) {
		if srv := s.servers[name]; srv != nil && srv.child != nil {
			list = append(list, name)
		}
	}
	return list
}

func (s *Stack) describeExternal(name Name, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch name {
	case Temporal:
		s.TemporalAddress, s.TemporalUIURL = address, s.site.Options.Temporal.UIURL
	case Postgres:
		s.PostgresDSN = address
	case Ollama:
		s.OllamaURL = address
	}
}

// describe fills in the addresses of a server that answers.
func (s *Stack) describe(k kind, r record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch k := k.(type) {
	case *temporalKind:
		s.TemporalAddress, s.TemporalUIURL = loopback(r.Ports["grpc"]), "http://"+loopback(r.Ports["ui"])
	case *postgresKind:
		dsn, err := k.dsn(r.Ports)
		if err != nil {
			return err
		}
		s.PostgresDSN, s.PostgresData = dsn, r.Data
	case *ollamaKind:
		s.OllamaURL, s.OllamaLog = "http://"+loopback(r.Ports["api"]), r.Log
		s.OllamaEnv = k.environment(r.Ports["api"])
	}
	return nil
}
