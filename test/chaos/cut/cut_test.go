package cut

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo is a server that gives every line back.
func echo(t *testing.T) string {
	t.Helper()
	listen, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listen.Close() })
	go func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					_, _ = fmt.Fprintln(c, lines.Text())
				}
			}()
		}
	}()
	return listen.Addr().String()
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, bufio.NewReader(c)
}

func TestALinkForwardsHoldsAndResets(t *testing.T) {
	t.Parallel()
	link, err := New(t.Context(), echo(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, link.Close()) })
	conn, in := dial(t, link.Address)
	say := func(text string) { _, err := fmt.Fprintln(conn, text); require.NoError(t, err) }
	say("one")
	got, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "one\n", got)

	link.Set(Hold)
	say("two")
	late, lateIn := dial(t, link.Address) // accepted, never answered
	_, err = fmt.Fprintln(late, "late")
	require.NoError(t, err)
	for _, held := range []struct {
		c  net.Conn
		in *bufio.Reader
	}{{conn, in}, {late, lateIn}} {
		require.NoError(t, held.c.SetReadDeadline(time.Now().Add(150*time.Millisecond)))
		_, err = held.in.ReadByte()
		require.ErrorContains(t, err, "i/o timeout", "nothing passes a link that holds")
		require.NoError(t, held.c.SetReadDeadline(time.Time{}))
	}

	link.Set(Forward)
	got, err = in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "two\n", got, "what was held arrives, once")
	got, err = lateIn.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "late\n", got)

	link.Set(Reset)
	_, err = in.ReadByte()
	require.Error(t, err)
	if again, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", link.Address); err == nil {
		_, err = bufio.NewReader(again).ReadByte()
		require.Error(t, err, "a link that resets serves nobody")
		require.NoError(t, again.Close())
	}
	link.Set(Forward)
	conn, in = dial(t, link.Address)
	say("three")
	got, err = in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "three\n", got)
}

func TestALinkToNobody(t *testing.T) {
	t.Parallel()
	link, err := New(t.Context(), "127.0.0.1:1")
	require.NoError(t, err)
	if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp4", link.Address); err == nil {
		_, err = c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NoError(t, c.Close())
	}
	require.NoError(t, link.Close())
}
