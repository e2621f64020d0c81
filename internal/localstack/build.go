package localstack

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// build compiles the tool with the Go command into the cache.
func (t tool) build(ctx context.Context, o Options) (program, error) {
	goPath, err := findGo()
	if err != nil {
		return program{}, fault.New(fault.Unsupported, "",
			fmt.Sprintf("install Go, or put a %s program into PATH", t.command),
			"build %s %s: %w", t.command, t.pin.version, err)
	}
	return t.buildWith(ctx, o, goPath)
}

// buildWith builds the tool once for all programs that want it: a second one
// waits and finds it in the cache.
func (t tool) buildWith(ctx context.Context, o Options, goPath string) (program, error) {
	if err := os.MkdirAll(o.CacheDir, 0o755); err != nil {
		return program{}, diskError(o.CacheDir, err)
	}
	l, err := waitLock(ctx, t.cached(o.CacheDir)+".lock", o.Owner, func(h holder) {
		o.Progress(Event{Server: t.name, Step: StepBuild, Text: fmt.Sprintf("process %d builds it already; waiting", h.Pid)})
	})
	if err != nil {
		return program{}, err
	}
	defer l.release()
	if p, ok, err := t.existing(ctx, o, ""); err != nil || ok {
		return p, err
	}
	leftovers, _ := filepath.Glob(filepath.Join(o.CacheDir, ".build-"+t.command+"-*")) // of a build that was killed
	for _, old := range leftovers {
		_ = os.RemoveAll(old)
	}
	dir, err := os.MkdirTemp(o.CacheDir, ".build-"+t.command+"-*")
	if err != nil {
		return program{}, diskError(o.CacheDir, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := t.compile(ctx, o, goPath, dir); err != nil {
		return program{}, err
	}
	built := filepath.Join(dir, t.command)
	said, err := t.try(ctx, built)
	if err != nil {
		return program{}, fault.New(fault.Internal, "", "", "the %s just built does not run: %w", t.command, err)
	}
	if err := os.Rename(built, t.cached(o.CacheDir)); err != nil {
		return program{}, diskError(o.CacheDir, err)
	}
	return program{path: t.cached(o.CacheDir), version: t.builtVersion(said), source: SourceBuilt}, nil
}

// compile runs go build inside a module made of the pinned go.mod and go.sum.
func (t tool) compile(ctx context.Context, o Options, goPath, dir string) error {
	for name, text := range map[string]string{"go.mod": t.pin.mod, "go.sum": t.pin.sum} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return diskError(dir, err)
		}
	}
	cmd := exec.CommandContext(ctx, goPath, "build", "-v", "-ldflags="+t.linkerFlags(), "-o", t.command, t.pin.pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false", "GO111MODULE=on")
	if t.cgo {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	// The Go command ends with us, and its own children with it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = childAttributes(false, syscall.SIGKILL, nil)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var said buildLog
	cmd.Stdout, cmd.Stderr = &said, &said
	head := fmt.Sprintf("building %s %s with the Go tool (first time only, %s)", t.command, t.pin.version, t.first)
	o.Progress(Event{Server: t.name, Step: StepBuild, Text: head})
	stop := ticking(o.Progress, Event{Server: t.name, Step: StepBuild}, 5*time.Second, func() string {
		return fmt.Sprintf("%s: %d packages compiled", head, said.count())
	})
	err := cmd.Run()
	stop()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("build %s: %w", t.command, ctx.Err())
	}
	if strings.Contains(said.tail(), "no space left on device") {
		return fault.New(fault.Unavailable, fault.CodeDiskFull, "free about 3 GB where the Go build cache lies (go env GOCACHE)",
			"build %s %s: the disk is full", t.command, t.pin.version)
	}
	mend := fmt.Sprintf("check that the Go module proxy can be reached, or put a %s program into PATH", t.command)
	if t.cgo {
		mend = fmt.Sprintf("check that a C compiler is installed and the Go module proxy can be reached, or put a %s program into PATH", t.command)
	}
	return fault.New(fault.Unavailable, "", mend, "build %s %s: %w\n  %s", t.command, t.pin.version, err, said.tail())
}

// findGo finds the Go command, also where its installer puts it.
func findGo() (string, error) {
	path, err := exec.LookPath("go")
	if err == nil {
		return path, nil
	}
	for _, p := range []string{"/usr/local/go/bin/go", "/usr/lib/go/bin/go", "/opt/homebrew/bin/go"} {
		if info, statErr := os.Stat(p); statErr == nil && info.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", err
}

// buildLog counts the packages that "go build -v" names and keeps the last
// other lines, which say what went wrong.
type buildLog struct {
	mu       sync.Mutex
	partial  string
	packages int
	other    []string
}

func (b *buildLog) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	scan := bufio.NewReader(strings.NewReader(b.partial + string(p)))
	for {
		line, err := scan.ReadString('\n')
		if err == io.EOF { //nolint:errorlint // a plain reader gives it bare
			b.partial = line[max(0, len(line)-4096):]
			return len(p), nil
		}
		b.line(strings.TrimSpace(line))
	}
}

func (b *buildLog) line(line string) {
	if line != "" && !strings.ContainsAny(line, " \t:") {
		b.packages++
		return
	}
	b.other = append(b.other, line[:min(len(line), 300)])
	b.other = b.other[max(0, len(b.other)-8):]
}

func (b *buildLog) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.packages
}

func (b *buildLog) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(append(b.other, b.partial), "\n  ")
}
