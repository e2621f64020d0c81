package ollama

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	psnet "github.com/shirou/gopsutil/v4/net"
	ps "github.com/shirou/gopsutil/v4/process"
)

// errUnseen says that the server's processes cannot be seen from here: it runs
// on another host, in another container, or as another user.
var errUnseen = errors.New("the server's processes cannot be seen")

// process names a process for good: a pid alone is used again.
type process struct {
	pid  int32
	born string // start time in the system's own unit
}

// alive tells whether it is still this process that has the pid.
func (p process) alive() bool { return p.pid > 0 && p.born != "" && born(p.pid) == p.born }

// environ gives the environment of the process, nil when it cannot be read.
func (p process) environ(ctx context.Context) []string {
	one, err := ps.NewProcessWithContext(ctx, p.pid)
	if err != nil {
		return nil
	}
	env, err := one.EnvironWithContext(ctx)
	if err != nil {
		return nil
	}
	return env
}

// server finds the process that listens where the server answers.
func (c *Client) server(ctx context.Context) (process, error) {
	c.mu.Lock()
	known, blind := c.listener, time.Since(c.blind) < blindFor
	c.mu.Unlock()
	if known.alive() {
		return known, nil
	}
	if blind {
		return process{}, errUnseen
	}
	found, err := c.look(ctx)
	if errors.Is(err, errUnseen) {
		c.mu.Lock()
		c.blind = time.Now()
		c.mu.Unlock()
	}
	return found, err
}

// look goes through the sockets of this host for the one the server listens on.
func (c *Client) look(ctx context.Context) (process, error) {
	if !isLocal(c.base.Hostname()) {
		return process{}, errUnseen
	}
	port, err := strconv.ParseUint(orDefault(c.base.Port(), "80"), 10, 32)
	if err != nil {
		return process{}, errUnseen
	}
	sockets, err := psnet.ConnectionsWithContext(ctx, "tcp")
	if err != nil {
		return process{}, errUnseen
	}
	for _, s := range sockets {
		// A server inside this very process, or one that the init process
		// listens for, has no family of its own to look at.
		if s.Status != "LISTEN" || uint64(s.Laddr.Port) != port || s.Pid <= 1 || int(s.Pid) == os.Getpid() {
			continue
		}
		found := process{pid: s.Pid, born: born(s.Pid)}
		if found.born == "" {
			continue
		}
		c.mu.Lock()
		c.listener = found
		c.mu.Unlock()
		return found, nil
	}
	return process{}, errUnseen
}

// isLocal tells whether a host is this machine, without asking a name server.
func isLocal(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	if ip.IsLoopback() {
		return true
	}
	addresses, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addresses, func(a net.Addr) bool {
		own, ok := a.(*net.IPNet)
		return ok && own.IP.Equal(ip)
	})
}

// generations is how deep below the server its runners are looked for.
const generations = 3

// blindFor is how long it is taken for granted that the server cannot be
// seen: to look through every socket of the host costs time that is measured.
const blindFor = 10 * time.Second

// Processes gives the ids of the server and of all its descendants, nil when
// they cannot be seen.
func (c *Client) Processes(ctx context.Context) ([]int32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	server, err := c.server(ctx)
	if err != nil {
		return nil, nil //nolint:nilerr // not to be told is an answer, by the interface
	}
	return append([]int32{server.pid}, descendants(ctx, server.pid, generations)...), nil
}

// descendants lists children, and theirs, to a depth.
func descendants(ctx context.Context, pid int32, depth int) []int32 {
	if depth == 0 {
		return nil
	}
	children := childrenOf(ctx, pid)
	list := slices.Clone(children)
	for _, child := range children {
		list = append(list, descendants(ctx, child, depth-1)...)
	}
	return list
}

// childrenBySystem lists children by the system's own list of all processes.
func childrenBySystem(ctx context.Context, pid int32) []int32 {
	parent, err := ps.NewProcessWithContext(ctx, pid)
	if err != nil {
		return nil
	}
	children, err := parent.ChildrenWithContext(ctx)
	if err != nil {
		return nil
	}
	list := make([]int32, 0, len(children))
	for _, child := range children {
		list = append(list, child.Pid)
	}
	return list
}

// holdsModel tells whether a process was started with a model.
func holdsModel(ctx context.Context, pid int32) bool {
	p, err := ps.NewProcessWithContext(ctx, pid)
	if err != nil {
		return false
	}
	args, err := p.CmdlineSliceWithContext(ctx)
	return err == nil && (slices.Contains(args, "--model") || slices.Contains(args, "-m"))
}

// runners lists the processes that hold models: descendants of the server that
// were started with a model. It fails when the server cannot be seen.
func (c *Client) runners(ctx context.Context) ([]process, error) {
	server, err := c.server(ctx)
	if err != nil {
		return nil, err
	}
	var list []process
	for _, pid := range descendants(ctx, server.pid, generations) {
		if one := (process{pid: pid, born: born(pid)}); one.born != "" && holdsModel(ctx, pid) {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b process) int { return int(a.pid) - int(b.pid) })
	return list, nil
}
