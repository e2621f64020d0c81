// Package snmpagent starts a real snmpd (net-snmp) on loopback for tests and
// answers for it in the test's own process: objects are functions of absolute
// time, so that power follows a closed form or a trace however often the agent
// is killed. Its sysDescr holds the word "simulated", so that a meter that
// reads it says so on every figure.
package snmpagent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// User is an SNMP v3 user; AuthProtocol is as snmpd.conf writes it (MD5, SHA,
// SHA-256, SHA-512), PrivProtocol likewise (DES, AES). An empty passphrase
// leaves that level out.
type User struct {
	Name           string
	AuthProtocol   string
	AuthPassphrase string
	PrivProtocol   string
	PrivPassphrase string
}

// Object is one SNMP object. Type is a word of the pass_persist protocol:
// integer, gauge, counter, counter64, unsigned, timeticks, objectid, octet,
// string, opaque, ipaddress. Value gives what it reads at a moment; "" says
// that there is no such instance.
type Object struct {
	OID   string
	Type  string
	Value func(at time.Time) string
}

// Config says what the agent is.
type Config struct {
	Descr    string // sysDescr; "simulated" is put before it where the word is not in it
	ObjectID string // sysObjectID
	Objects  []Object
	// Community answers v1 and v2c; "" is "public".
	Community string
	Users     []User
	// Delay holds every answer back, as a slow management card would.
	Delay time.Duration
}

// Agent is a running snmpd.
type Agent struct {
	// Address is host:port of the agent.
	Address string

	t      testing.TB
	dir    string
	table  *table
	listen net.Listener
	mu     sync.Mutex
	cmd    *exec.Cmd
}

// Needed skips the test where there is no snmpd, with a plain reason; in CI,
// where one is installed, its lack is a failure.
func Needed(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("snmpd")
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, "snmpd"))
	}
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatal("snmpd is not installed, and CI must test against a real agent: install the package snmpd")
	default:
		t.Skip("snmpd is not installed; install the package snmpd to test against a real agent")
	}
	return ""
}

// Start runs an agent until the test ends.
func Start(t testing.TB, cfg Config) *Agent {
	t.Helper()
	snmpd := Needed(t)
	program, err := shared.take(t.Context())
	if err != nil {
		t.Fatalf("snmpagent: %v", err)
	}
	t.Cleanup(shared.release)
	// A short path: Unix sockets have at most 107 characters.
	dir, err := os.MkdirTemp("", "snmpd")
	if err != nil {
		t.Fatalf("snmpagent: make a folder: %v", err)
	}
	a := &Agent{t: t, dir: dir, table: newTable(cfg)}
	t.Cleanup(func() {
		a.Kill()
		a.table.stall(false)
		if a.listen != nil {
			_ = a.listen.Close()
		}
		_ = os.RemoveAll(dir)
	})
	socket := filepath.Join(dir, "s")
	if a.listen, err = (&net.ListenConfig{}).Listen(t.Context(), "unix", socket); err != nil {
		t.Fatalf("snmpagent: listen: %v", err)
	}
	go a.table.serve(a.listen)
	for try := range 5 {
		a.Address = freeAddress(t)
		if err = a.configure(cfg, program, socket); err == nil {
			err = a.launch(snmpd)
		}
		if err == nil {
			return a
		}
		t.Logf("snmpagent: try %d: %v", try+1, err)
	}
	t.Fatalf("snmpagent: snmpd does not come up: %v", err)
	return nil
}

func freeAddress(t testing.TB) string {
	t.Helper()
	c, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("snmpagent: find a free port: %v", err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().String()
}

// conf is the settings file. snmpd keeps its own state (boots of its v3 engine)
// in a file called snmpd.conf, in another folder.
func (a *Agent) conf() string { return filepath.Join(a.dir, "agent.conf") }

// configure writes snmpd.conf, with one pass program per subtree.
func (a *Agent) configure(cfg Config, program, socket string) error {
	descr := cfg.Descr
	if !strings.Contains(strings.ToLower(descr), "simulated") {
		descr = strings.TrimSpace("simulated " + descr)
	}
	community := cfg.Community
	if community == "" {
		community = "public"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "agentaddress udp:%s\nsysDescr %s\nrocommunity %s 127.0.0.1\n", a.Address, descr, community)
	if cfg.ObjectID != "" {
		fmt.Fprintf(&b, "sysObjectID .%s\n", strings.TrimPrefix(cfg.ObjectID, "."))
	}
	for _, u := range cfg.Users {
		level := "noauth"
		fmt.Fprintf(&b, "createUser %s", u.Name)
		if u.AuthPassphrase != "" {
			level = "auth"
			fmt.Fprintf(&b, " %s %q", u.AuthProtocol, u.AuthPassphrase)
		}
		if u.PrivPassphrase != "" {
			level = "authpriv"
			fmt.Fprintf(&b, " %s %q", u.PrivProtocol, u.PrivPassphrase)
		}
		fmt.Fprintf(&b, "\nrouser %s %s\n", u.Name, level)
	}
	for _, root := range a.table.roots() {
		fmt.Fprintf(&b, "pass_persist .%s %s %s\n", root, program, socket)
	}
	return os.WriteFile(a.conf(), []byte(b.String()), 0o600)
}

// launch starts snmpd and waits until it says that it is up.
func (a *Agent) launch(snmpd string) error {
	log := filepath.Join(a.dir, "log")
	_ = os.Remove(log)
	cmd := exec.CommandContext(context.Background(), snmpd, "-f", "-Lf", log, "-C", "-c", a.conf(), "-p", filepath.Join(a.dir, "pid"))
	cmd.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+filepath.Join(a.dir, "state"), "SNMPCONFPATH="+a.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start snmpd: %w", err)
	}
	a.mu.Lock()
	a.cmd = cmd
	a.mu.Unlock()
	text := ""
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		raw, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("read snmpd's log: %w", err)
		}
		text = string(raw)
		if strings.Contains(text, "NET-SNMP version") {
			return nil
		}
		if strings.Contains(text, "Error opening specified endpoint") || strings.Contains(text, "Server Exiting") {
			break
		}
	}
	a.Kill()
	return fmt.Errorf("snmpd did not come up; its log says %q", text)
}

// Kill ends snmpd at once, as a power cut would. Restart brings it back.
func (a *Agent) Kill() {
	a.mu.Lock()
	cmd := a.cmd
	a.cmd = nil
	a.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
}

// Restart starts a killed snmpd on the same address.
func (a *Agent) Restart() {
	a.t.Helper()
	a.Kill()
	if err := a.launch(Needed(a.t)); err != nil {
		a.t.Fatalf("snmpagent: restart: %v", err)
	}
}

// Set replaces or adds the object, below a subtree that the agent was started
// with.
func (a *Agent) Set(o Object) { a.table.set(o) }

// Remove takes the object away: it reads as no such instance.
func (a *Agent) Remove(oid string) { a.table.remove(oid) }

// Stall makes the agent answer nothing until it is called with false: all of
// snmpd waits, as a device does whose card hangs.
func (a *Agent) Stall(on bool) { a.table.stall(on) }

// Asked is how many objects the agent has been asked for.
func (a *Agent) Asked() int64 { return a.table.asked.Load() }
