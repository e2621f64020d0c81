package snmpagent

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// program is the built pass_persist program, kept while an agent runs.
type program struct {
	mu    sync.Mutex
	dir   string
	users int
}

// shared spares a build for every agent of a test process.
var shared program //nolint:gochecknoglobals // what it holds is made anew when it is gone

// take gives the path of the program, built when nobody has it.
func (p *program) take(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "snmpagent")
		if err != nil {
			return "", fmt.Errorf("make a folder for the pass program: %w", err)
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "pass"), "github.com/wattsweep/wattsweep/test/snmpagent/pass")
		if text, err := cmd.CombinedOutput(); err != nil {
			_ = os.RemoveAll(dir)
			return "", fmt.Errorf("build the pass program: %w: %s", err, text)
		}
		p.dir = dir
	}
	p.users++
	return filepath.Join(p.dir, "pass"), nil
}

// release removes the program when nobody uses it any more.
func (p *program) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users == 0 {
		_ = os.RemoveAll(p.dir)
		p.dir = ""
	}
}
