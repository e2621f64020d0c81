package snmpagent

import (
	"errors"
	"net"
	"testing"
)

// Lossy stands between a client and an agent and drops what drop says: it is
// asked with the number of the packet, from 0, and whether it is an answer. It
// gives the address to ask in the agent's stead.
func Lossy(t testing.TB, agent string, drop func(n int, answer bool) bool) string {
	t.Helper()
	front, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("snmpagent: proxy: %v", err)
	}
	back, err := (&net.Dialer{}).DialContext(t.Context(), "udp4", agent)
	if err != nil {
		t.Fatalf("snmpagent: proxy: %v", err)
	}
	t.Cleanup(func() { _, _ = front.Close(), back.Close() })
	client := make(chan net.Addr, 1)
	go answers(front, back, client, drop)
	go questions(front, back, client, drop)
	return front.LocalAddr().String()
}

// answers carries what the agent says to the newest client.
func answers(front net.PacketConn, back net.Conn, client <-chan net.Addr, drop func(n int, answer bool) bool) {
	var to net.Addr
	buf := make([]byte, 1<<16)
	for n := 0; ; {
		size, err := back.Read(buf)
		if isClosed(err) {
			return
		}
		select {
		case to = <-client:
		default:
		}
		if err == nil && to != nil {
			if !drop(n, true) {
				_, _ = front.WriteTo(buf[:size], to)
			}
			n++
		}
	}
}

// questions carries what a client asks to the agent.
func questions(front net.PacketConn, back net.Conn, client chan net.Addr, drop func(n int, answer bool) bool) {
	buf := make([]byte, 1<<16)
	for n := 0; ; n++ {
		size, from, err := front.ReadFrom(buf)
		if err != nil {
			return
		}
		select {
		case <-client: // the newest client is the one
		default:
		}
		client <- from
		if !drop(n, false) {
			_, _ = back.Write(buf[:size])
		}
	}
}

// isClosed tells the end of the test from a refusal by an agent that is down.
func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
