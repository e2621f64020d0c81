package activities

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/store/storetest"
)

// proxy stands between a store and Postgres. It keeps what the store sends,
// and can be cut.
type proxy struct {
	ln   net.Listener
	to   string
	mu   sync.Mutex
	down bool
	refs int // refused while it was cut
	all  []net.Conn
	sent bytes.Buffer
	late atomic.Int64 // nanoseconds that each message to the server takes
}

// throughProxy has the test's database reached through a proxy.
func throughProxy(t *testing.T) *proxy {
	t.Helper()
	dsn, err := url.Parse(storetest.DSN(t))
	require.NoError(t, err)
	require.NotEmpty(t, dsn.Host, "the test database is given as postgres://host:port/name")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{ln: ln, to: dsn.Host}
	dsn.Host = ln.Addr().String()
	query := dsn.Query()
	query.Set("sslmode", "disable")
	dsn.RawQuery = query.Encode()
	t.Setenv(storetest.EnvDSN, dsn.String())
	go p.serve()
	t.Cleanup(func() { ln.Close() })
	return p
}

func (p *proxy) serve() {
	for {
		from, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		down := p.down
		if down {
			p.refs++
		}
		p.mu.Unlock()
		if down {
			from.Close()
			continue
		}
		to, err := net.Dial("tcp", p.to)
		if err != nil {
			from.Close()
			continue
		}
		p.mu.Lock()
		p.all = append(p.all, from, to)
		p.mu.Unlock()
		go func() { defer to.Close(); _, _ = io.Copy(to, io.TeeReader(from, p)) }()
		go func() { defer from.Close(); _, _ = io.Copy(from, to) }()
	}
}

// Write keeps what is sent to the server.
func (p *proxy) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(p.late.Load()))
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.Write(b)
}

// cut ends the store's connections and lets none begin. The first connection
// is the test's own, which drops the tables in the end.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for _, c := range p.all[2:] {
		c.Close()
	}
	p.all = p.all[:2]
}

// mend lets connections begin again.
func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// refused counts connections that were tried while it was cut.
func (p *proxy) refused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refs
}

// count tells how often a text was sent to the server.
func (p *proxy) count(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Count(p.sent.Bytes(), []byte(text))
}
