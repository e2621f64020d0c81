package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build builds the programs under test from the tree that this one is run in,
// into a folder that the caller removes.
func Build(ctx context.Context) (dir, program string, err error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", "", fmt.Errorf("find the module's root: %w", err)
	}
	if dir, err = os.MkdirTemp("", "wattsweep-bin-"); err != nil {
		return "", "", fmt.Errorf("make a folder for programs: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./starter", "./worker") //nolint:gosec // our own folder
	cmd.Dir = strings.TrimSpace(string(root))
	if out, err := cmd.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return "", "", fmt.Errorf("build programs: %w\n%s", err, out)
	}
	return dir, filepath.Join(dir, "starter"), nil
}
