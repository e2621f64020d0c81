package localstack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Ports are drawn below the range from which the kernel takes the local ends of
// outgoing connections (32768 on Linux, 49152 elsewhere). A server that is
// restarted must find its port free, and a client that keeps dialling a closed
// port inside that range can connect to itself and so occupy it.
const (
	firstPort = 21000
	lastPort  = 31999
)

// portWant is one port to find: its use, and the number if it is fixed by the
// user or, failing that, the one it had last time.
type portWant struct {
	use   string
	fixed int
	last  int
}

// choosePorts finds a free loopback port for each use, all different.
func choosePorts(wants []portWant) (map[string]int, error) {
	chosen := make(map[string]int, len(wants))
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, w := range wants {
		l, err := holdPort(w)
		if err != nil {
			return nil, err
		}
		held = append(held, l)
		chosen[w.use] = l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a tcp listener
	}
	return chosen, nil
}

func holdPort(w portWant) (net.Listener, error) {
	if w.fixed != 0 {
		l, err := listen(w.fixed)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "",
				fmt.Sprintf("stop what listens there (ss -ltnp 'sport = :%d' names it), or choose another port", w.fixed),
				"port %d on 127.0.0.1, for %s, is taken: %w", w.fixed, w.use, err)
		}
		return l, nil
	}
	if w.last != 0 {
		if l, err := listen(w.last); err == nil {
			return l, nil
		}
	}
	for range 200 {
		if l, err := listen(firstPort + rand.IntN(lastPort-firstPort+1)); err == nil { //nolint:gosec // no secret
			return l, nil
		}
	}
	l, err := listen(0)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "", "look at what listens on the loopback (ss -ltn)",
			"find a free port for %s on 127.0.0.1: %w", w.use, err)
	}
	return l, nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp4", loopback(port))
}

// loopback is the address of a port on this machine only.
func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
