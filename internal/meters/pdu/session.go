package pdu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"
)

// answer is what the device said to one object, and when: the midpoint of
// request and answer.
type answer struct {
	v  gosnmp.SnmpPDU
	at time.Duration
}

// session is one SNMP handle, used by one goroutine.
type session struct {
	g     *gosnmp.GoSNMP
	chunk int // objects per request; halved when the device says that it is too many

	opts Options
	anew bool // a v3 device answered as another than it was: discover it again
}

const (
	maxChunk   = 40 // many agents cannot answer the 60 that gosnmp allows
	maxRows    = 4096
	bulkRows   = 10 // the usual default of 50 upsets weak agents
	openTries  = 2  // questions asked again while opening; a read asks once
	maxRefused = 64 // objects that one v1 request may lack
)

// authProtocol finds the protocol by its name.
func authProtocol(name string) (gosnmp.SnmpV3AuthProtocol, bool) {
	p, ok := map[string]gosnmp.SnmpV3AuthProtocol{
		"": gosnmp.SHA256, "MD5": gosnmp.MD5, "SHA": gosnmp.SHA, "SHA1": gosnmp.SHA, "SHA224": gosnmp.SHA224,
		"SHA256": gosnmp.SHA256, "SHA384": gosnmp.SHA384, "SHA512": gosnmp.SHA512,
	}[squeeze(name)]
	return p, ok
}

// privProtocol finds the protocol by its name. AES-192-C and AES-256-C are the
// variants of Reeder, as Cisco's devices use them.
func privProtocol(name string) (gosnmp.SnmpV3PrivProtocol, bool) {
	p, ok := map[string]gosnmp.SnmpV3PrivProtocol{
		"": gosnmp.AES, "DES": gosnmp.DES, "AES": gosnmp.AES, "AES128": gosnmp.AES, "AES192": gosnmp.AES192,
		"AES256": gosnmp.AES256, "AES192C": gosnmp.AES192C, "AES256C": gosnmp.AES256C,
	}[squeeze(name)]
	return p, ok
}

func squeeze(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "")) }

// dial opens a session. No packet is sent yet.
func dial(ctx context.Context, o Options) (*session, error) {
	g, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	return &session{g: g, chunk: maxChunk, opts: o}, nil
}

// connect opens a handle.
func connect(ctx context.Context, o Options) (*gosnmp.GoSNMP, error) {
	host, port, err := o.hostPort()
	if err != nil {
		return nil, err
	}
	g := &gosnmp.GoSNMP{
		Target: host, Port: port, Context: ctx, Timeout: o.Timeout, Retries: openTries,
		MaxOids: gosnmp.MaxOids, Community: o.Community, Version: gosnmp.Version2c,
	}
	switch o.Version {
	case "1":
		g.Version = gosnmp.Version1
	case "3":
		secure(g, o)
	}
	if err := g.Connect(); err != nil {
		return nil, fmt.Errorf("open a socket to the device: %s", reasonOf(err, o.Timeout))
	}
	return g, nil
}

// renew replaces the handle of a v3 device whose engine is another than it was,
// as after a reboot that lost its state: keys and times are found again.
func (s *session) renew(ctx context.Context) error {
	if !s.anew {
		return nil
	}
	g, err := connect(ctx, s.opts)
	if err != nil {
		return err
	}
	g.Retries = s.g.Retries
	_ = s.g.Close()
	s.g, s.anew = g, false
	return nil
}

// changed reports whether an error may come from a v3 engine that is another
// than it was, and not from silence.
func changed(err error) bool {
	var netErr net.Error
	silent := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, gosnmp.ErrMaxRetriesExceeded) || (errors.As(err, &netErr) && netErr.Timeout())
	return !silent
}

// secure sets the v3 user and the level that its passphrases allow.
func secure(g *gosnmp.GoSNMP, o Options) {
	g.Version, g.SecurityModel, g.MsgFlags = gosnmp.Version3, gosnmp.UserSecurityModel, gosnmp.NoAuthNoPriv
	user := &gosnmp.UsmSecurityParameters{UserName: o.User}
	if o.AuthPassphrase != "" {
		g.MsgFlags = gosnmp.AuthNoPriv
		user.AuthenticationProtocol, _ = authProtocol(o.AuthProtocol)
		user.AuthenticationPassphrase = o.AuthPassphrase
	}
	if o.PrivPassphrase != "" {
		g.MsgFlags = gosnmp.AuthPriv
		user.PrivacyProtocol, _ = privProtocol(o.PrivProtocol)
		user.PrivacyPassphrase = o.PrivPassphrase
	}
	g.SecurityParameters = user
}

func (s *session) retries(n int) { s.g.Retries = n }
func (s *session) close() error  { return s.g.Close() }

// errGarbage says that what came back is no SNMP answer to the question.
var errGarbage = errors.New("the answer is not one to the question")

// ask sends one request and ends with ctx. Whatever arrives, a program that
// measures must not die of it: a panic in the decoder is a broken answer.
func (s *session) ask(ctx context.Context, send func() (*gosnmp.SnmpPacket, error)) (p *gosnmp.SnmpPacket, err error) {
	defer func() {
		if recover() != nil {
			p, err = nil, errGarbage
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn := s.g.Conn
	if conn == nil {
		return nil, net.ErrClosed
	}
	s.g.Context = ctx
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	p, err = send()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		s.anew = s.anew || s.g.Version == gosnmp.Version3 && changed(err)
		return nil, err
	case p == nil:
		return nil, errGarbage
	}
	return p, nil
}

// get asks for all objects, in one request where the device takes that many.
// An object that is not there is an answer of type NoSuchInstance, in v1 too.
func (s *session) get(ctx context.Context, now func() time.Duration, oids []string) ([]answer, error) {
	if err := s.renew(ctx); err != nil {
		return nil, err
	}
	out := make([]answer, len(oids))
	for from := 0; from < len(oids); {
		to := min(from+s.chunk, len(oids))
		tooBig, err := s.part(ctx, now, oids[from:to], out[from:to])
		switch {
		case err != nil:
			return nil, err
		case tooBig && s.chunk > 1:
			s.chunk = max(1, (to-from)/2)
		case tooBig:
			return nil, errGarbage
		default:
			from = to
		}
	}
	return out, nil
}

// part asks for one chunk; objects that a v1 agent refuses are left out and the
// rest is asked again.
func (s *session) part(ctx context.Context, now func() time.Duration, oids []string, out []answer) (tooBig bool, err error) {
	left := make([]int, len(oids))
	for i := range left {
		left[i] = i
	}
	for range maxRefused {
		if len(left) == 0 {
			return false, nil
		}
		names := make([]string, len(left))
		for i, at := range left {
			names[i] = oids[at]
		}
		before := now()
		p, err := s.ask(ctx, func() (*gosnmp.SnmpPacket, error) { return s.g.Get(names) })
		if err != nil {
			return false, err
		}
		after := now()
		middle := before + (after-before)/2
		switch p.Error {
		case gosnmp.NoError:
			take(p.Variables, oids, left, middle, out)
			return false, nil
		case gosnmp.TooBig:
			return true, nil
		case gosnmp.NoSuchName, gosnmp.GenErr:
			bad := int(p.ErrorIndex) - 1
			if bad < 0 || bad >= len(left) {
				return false, fmt.Errorf("%w: error %d at object %d", errGarbage, p.Error, p.ErrorIndex)
			}
			kind := gosnmp.NoSuchInstance
			if p.Error == gosnmp.GenErr {
				kind = gosnmp.UnknownType
			}
			out[left[bad]] = answer{at: middle, v: gosnmp.SnmpPDU{Name: oids[left[bad]], Type: kind}}
			left = append(left[:bad], left[bad+1:]...)
		default:
			return false, fmt.Errorf("%w: error %d", errDevice, p.Error)
		}
	}
	return false, errGarbage
}

// errDevice says that the device answered with an error of its own.
var errDevice = errors.New("the device refuses the question")

// take puts each variable where it was asked for; what was not asked is not
// taken.
func take(vars []gosnmp.SnmpPDU, oids []string, left []int, at time.Duration, out []answer) {
	for i, slot := range left {
		out[slot] = answer{at: at, v: gosnmp.SnmpPDU{Name: oids[slot], Type: gosnmp.UnknownType}}
		if i < len(vars) && strings.TrimPrefix(vars[i].Name, ".") == strings.TrimPrefix(oids[slot], ".") {
			out[slot].v = vars[i]
		}
	}
}

// walk lists the instances of a column, at most maxRows of them.
func (s *session) walk(ctx context.Context, column string) ([]gosnmp.SnmpPDU, error) {
	column = strings.TrimPrefix(column, ".")
	var rows []gosnmp.SnmpPDU
	for at := column; len(rows) < maxRows; {
		p, err := s.ask(ctx, func() (*gosnmp.SnmpPacket, error) {
			if s.g.Version == gosnmp.Version1 {
				return s.g.GetNext([]string{at})
			}
			return s.g.GetBulk([]string{at}, 0, bulkRows)
		})
		if err != nil {
			return nil, err
		}
		if p.Error != gosnmp.NoError || len(p.Variables) == 0 {
			return rows, nil // v1 says NoSuchName at the end
		}
		for _, v := range p.Variables {
			name := strings.TrimPrefix(v.Name, ".")
			switch {
			case v.Type == gosnmp.EndOfMibView, !strings.HasPrefix(name, column+"."):
				return rows, nil
			case !later(name, at):
				return nil, fmt.Errorf("%w: it repeats objects of a table", errGarbage)
			}
			v.Name, at = name, name
			rows = append(rows, v)
		}
	}
	return rows, nil
}
