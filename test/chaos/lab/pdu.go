package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// outletOID is the object of the PDU that tells its power in watt.
const outletOID = "1.3.6.1.4.1.318.9999.1.0"

// PDU is a real snmpd that answers as a power strip would. What it tells is
// made up, and its description says so.
type PDU struct {
	Address string

	path, dir string
	mu        sync.Mutex
	cmd       *exec.Cmd
}

// StartPDU starts a PDU, or gives nil where snmpd is not installed.
func StartPDU(ctx context.Context) (*PDU, error) {
	path := findSnmpd()
	if path == "" {
		return nil, nil //nolint:nilnil // a lab without a PDU is a lab
	}
	dir, err := os.MkdirTemp("", "chaospdu")
	if err != nil {
		return nil, fmt.Errorf("start PDU: %w", err)
	}
	port, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start PDU: %w", err)
	}
	p := &PDU{Address: port.LocalAddr().String(), path: path, dir: dir}
	_ = port.Close()
	conf := fmt.Sprintf("agentaddress udp:%s\nsysDescr simulated strip\nrocommunity public 127.0.0.1\noverride .%s integer 480\n", p.Address, outletOID)
	if err := os.WriteFile(p.file("agent.conf"), []byte(conf), 0o600); err != nil {
		return nil, fmt.Errorf("start PDU: %w", err)
	}
	return p, p.Start()
}

// HasPDU tells whether a PDU can be started here.
func HasPDU() bool { return findSnmpd() != "" }

func findSnmpd() string {
	if path, err := exec.LookPath("snmpd"); err == nil {
		return path
	}
	for _, path := range []string{"/usr/sbin/snmpd", "/usr/local/sbin/snmpd"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

func (p *PDU) file(name string) string { return filepath.Join(p.dir, name) }

// settings name the PDU to a worker.
func (p *PDU) settings() string {
	return `[{name: strip, address: "` + p.Address + `", community: public, interval: 100ms, refresh: 200ms, objects: [
		{name: power, oid: ` + outletOID + `, unit: W, rel_accuracy: 0.01, resolution: 1}]}]`
}

// Start starts the PDU anew on its address and waits until it serves.
func (p *PDU) Start() error {
	_ = os.Remove(p.file("log"))
	cmd := exec.CommandContext(context.Background(), p.path, "-f", "-Lf", p.file("log"), "-C", "-c", p.file("agent.conf"), "-p", p.file("pid")) //nolint:gosec // snmpd, as found
	cmd.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+p.file("state"), "SNMPCONFPATH="+p.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start snmpd: %w", err)
	}
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
	err := wait(context.Background(), 20*time.Second, "snmpd", func() bool {
		raw, _ := os.ReadFile(p.file("log"))
		return strings.Contains(string(raw), "NET-SNMP version")
	})
	if err != nil {
		p.Silence()
	}
	return err
}

// Silence ends the PDU as a power cut would.
func (p *PDU) Silence() {
	p.mu.Lock()
	cmd := p.cmd
	p.cmd = nil
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it ended by our hand
}

// Close ends the PDU and takes its files away.
func (p *PDU) Close() {
	p.Silence()
	_ = os.RemoveAll(p.dir)
}
