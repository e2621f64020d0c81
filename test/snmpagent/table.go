package snmpagent

import (
	"bufio"
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// table holds the objects and answers the pass_persist protocol for them.
type table struct {
	mu      sync.Mutex
	objects []entry // sorted by OID
	prefix  []string
	delay   time.Duration
	stalled chan struct{} // closed when a stall ends; nil when there is none
	asked   atomic.Int64
}

type entry struct {
	arcs []uint64
	o    Object
}

func newTable(cfg Config) *table {
	t := &table{delay: cfg.Delay}
	for _, o := range cfg.Objects {
		t.set(o)
		root := strings.Join(strings.Split(plain(o.OID), ".")[:min(7, strings.Count(plain(o.OID), ".")+1)], ".")
		if !slices.Contains(t.prefix, root) {
			t.prefix = append(t.prefix, root)
		}
	}
	return t
}

// roots are the subtrees that the objects lie in, seven arcs long: one vendor
// or one standard MIB each.
func (t *table) roots() []string { return t.prefix }

func plain(oid string) string { return strings.TrimPrefix(strings.TrimSpace(oid), ".") }

func arcs(oid string) []uint64 {
	var all []uint64
	for part := range strings.SplitSeq(plain(oid), ".") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil
		}
		all = append(all, n)
	}
	return all
}

func (t *table) find(key []uint64) (int, bool) {
	return slices.BinarySearchFunc(t.objects, key, func(e entry, key []uint64) int {
		return slices.CompareFunc(e.arcs, key, cmp.Compare[uint64])
	})
}

func (t *table) set(o Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := arcs(o.OID)
	at, found := t.find(key)
	if found {
		t.objects[at].o = o
		return
	}
	t.objects = slices.Insert(t.objects, at, entry{arcs: key, o: o})
}

func (t *table) remove(oid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, found := t.find(arcs(oid)); found {
		t.objects = slices.Delete(t.objects, at, at+1)
	}
}

func (t *table) stall(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case on && t.stalled == nil:
		t.stalled = make(chan struct{})
	case !on && t.stalled != nil:
		close(t.stalled)
		t.stalled = nil
	}
}

func (t *table) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // the test is over
		}
		go t.talk(conn)
	}
}

// talk answers one pass program until snmpd goes.
func (t *table) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		var answer string
		switch strings.TrimSpace(lines.Text()) {
		case "PING":
			answer = "PONG\n"
		case "get":
			if !lines.Scan() {
				return
			}
			answer = t.get(lines.Text(), false)
		case "getnext":
			if !lines.Scan() {
				return
			}
			answer = t.get(lines.Text(), true)
		case "set":
			for range 2 { // object, type and value
				if !lines.Scan() {
					return
				}
			}
			answer = "not-writable\n"
		default:
			return
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

// get answers with the object, or with the one after it.
func (t *table) get(oid string, next bool) string {
	t.asked.Add(1)
	t.mu.Lock()
	wait, delay := t.stalled, t.delay
	t.mu.Unlock()
	if wait != nil {
		<-wait
	}
	if delay > 0 {
		time.Sleep(delay)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at, found := t.find(arcs(oid))
	if next && found {
		at++
	}
	for ; at < len(t.objects) && (next || found); at++ {
		e := t.objects[at]
		if value := e.o.Value(time.Now()); value != "" {
			return "." + plain(e.o.OID) + "\n" + e.o.Type + "\n" + value + "\n"
		}
		if !next {
			break
		}
	}
	return "NONE\n"
}
