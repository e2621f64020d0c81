// Package cut stands between a program and a server on the loopback and can
// take the network away between them: hold back every byte, as a lost route
// does, or reset every connection, as a firewall or a restarted router does.
package cut

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Mode says what a link does with traffic.
type Mode int

// The modes of a link.
const (
	// Forward carries everything.
	Forward Mode = iota
	// Hold takes connections and bytes and passes nothing on until the link
	// forwards again; then what was held goes on its way, as TCP would resend it.
	Hold
	// Reset ends all connections with a reset, and new ones as soon as they are made.
	Reset
)

// Link is one way from a program to a server.
type Link struct {
	// Address is host:port to connect to in the server's stead.
	Address string
	// Tap, where it is set before the first connection, gets what each client
	// sends, as it is passed on: a writer for each connection, closed at its end.
	// It must not fail and not dawdle.
	Tap func() io.WriteCloser

	to     string
	listen net.Listener
	mu     sync.Mutex
	mode   Mode
	gate   chan struct{} // closed when bytes may pass
	open   map[net.Conn]struct{}
	done   bool
}

// New opens a link to a server.
func New(ctx context.Context, to string) (*Link, error) {
	listen, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open link to %s: %w", to, err)
	}
	l := &Link{Address: listen.Addr().String(), to: to, listen: listen, gate: make(chan struct{}), open: map[net.Conn]struct{}{}}
	close(l.gate)
	go l.serve()
	return l, nil
}

// Set changes what the link does, at once and for connections that stand, too.
func (l *Link) Set(mode Mode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mode == Hold && mode != Hold {
		close(l.gate)
	}
	if l.mode != Hold && mode == Hold {
		l.gate = make(chan struct{})
	}
	l.mode = mode
	if mode == Reset {
		l.drop()
	}
}

// Close ends the link and all that goes through it.
func (l *Link) Close() error {
	l.Set(Reset)
	l.mu.Lock()
	l.done = true
	l.mu.Unlock()
	if err := l.listen.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close link to %s: %w", l.to, err)
	}
	return nil
}

// drop resets every connection. The caller holds mu.
func (l *Link) drop() {
	for c := range l.open {
		reset(c)
	}
	clear(l.open)
}

// reset closes so that the other side gets an error and no end of stream.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close() // nothing is left to lose
}

func (l *Link) serve() {
	for {
		c, err := l.listen.Accept()
		if err != nil {
			return
		}
		go l.join(c)
	}
}

// enter takes a connection on, unless the link resets.
func (l *Link) enter(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mode == Reset || l.done {
		reset(c)
		return false
	}
	l.open[c] = struct{}{}
	return true
}

func (l *Link) leave(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	_ = c.Close()
}

// pass waits until bytes may pass.
func (l *Link) pass() {
	for {
		l.mu.Lock()
		gate, mode := l.gate, l.mode
		l.mu.Unlock()
		if mode != Hold {
			return
		}
		<-gate
	}
}

func (l *Link) join(client net.Conn) {
	if !l.enter(client) {
		return
	}
	defer l.leave(client)
	l.pass()
	server, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(context.Background(), "tcp4", l.to)
	if err != nil {
		reset(client)
		return
	}
	if !l.enter(server) {
		reset(client)
		return
	}
	defer l.leave(server)
	ended := make(chan struct{}, 2)
	var tap io.WriteCloser
	if l.Tap != nil {
		tap = l.Tap()
	}
	go func() { l.carry(server, client, tap); ended <- struct{}{} }()
	go func() { l.carry(client, server, nil); ended <- struct{}{} }()
	<-ended
	<-ended
}

// carry passes bytes one way until either side ends, and tells the other side.
func (l *Link) carry(to, from net.Conn, tap io.WriteCloser) {
	if tap != nil {
		defer func() { _ = tap.Close() }()
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		l.pass()
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				reset(from)
				return
			}
			if tap != nil {
				_, _ = tap.Write(buf[:n]) // it never fails
			}
		}
		if err != nil {
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.CloseWrite() // it may be gone already
			}
			return
		}
	}
}
