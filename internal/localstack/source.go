package localstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// Source says where a server comes from.
type Source string

// The sources, in the order in which they are tried.
const (
	SourceExternal  Source = "external"  // it runs elsewhere; an address was given
	SourceGiven     Source = "given"     // its path was given
	SourcePath      Source = "path"      // found in PATH
	SourceFolder    Source = "folder"    // found where packages put it
	SourceCache     Source = "cache"     // built or fetched earlier
	SourceBuilt     Source = "build"     // compiled with the Go tool
	SourceInstalled Source = "install"   // installed from the system's packages
	SourceFetched   Source = "fetch"     // binaries fetched into the cache
	SourceNone      Source = "not found" // cannot be had as things are
)

// program is a server's executable.
type program struct {
	path, version string
	source        Source
}

// tool is a server that is one Go program.
type tool struct {
	name    Name
	command string // its name in PATH
	pin     pin
	cgo     bool
	// stamp is the variable that holds the program's own version; empty for a
	// program that reads its module's. Without it what is built says 0.0.0, and
	// so would every report.
	stamp string
	// revision tells cached programs of one version apart that were built in
	// different ways, so that an old one is not used; empty for the first way.
	revision string
	// first is how long the first build takes, for the progress text.
	first string
}

// cached is where a built program lies.
func (t tool) cached(cache string) string {
	name := t.command + "-" + t.pin.version
	if t.revision != "" {
		name += "-" + t.revision
	}
	return filepath.Join(cache, name)
}

// linkerFlags strip the program and stamp its version.
func (t tool) linkerFlags() string {
	flags := "-s -w"
	if t.stamp != "" {
		flags += " -X " + t.stamp + "=" + strings.TrimPrefix(t.pin.version, "v")
	}
	return flags
}

// existing finds the tool without building it; ok is false when there is none.
// A program that does not run is passed over and told about.
func (t tool) existing(ctx context.Context, o Options, given string) (p program, ok bool, err error) {
	if given != "" {
		version, err := t.try(ctx, given)
		if err != nil {
			return program{}, false, fault.New(fault.Invalid, "", "name a working program, or none to have it found",
				"%s program %s: %w", t.name, given, err)
		}
		abs, err := filepath.Abs(given)
		return program{path: abs, version: version, source: SourceGiven}, true, err
	}
	if path, err := exec.LookPath(t.command); err == nil {
		version, err := t.try(ctx, path)
		if err == nil {
			return program{path: path, version: version, source: SourcePath}, true, nil
		}
		o.Progress(Event{Server: t.name, Step: StepNotice, Text: path + " does not run, looking further: " + err.Error()})
	}
	path := t.cached(o.CacheDir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return program{}, false, nil
	}
	version, err := t.try(ctx, path)
	if err != nil {
		o.Progress(Event{Server: t.name, Step: StepNotice, Text: path + " does not run, building it again: " + err.Error()})
		return program{}, false, nil
	}
	return program{path: path, version: t.builtVersion(version), source: SourceCache}, true, nil
}

// builtVersion names the pin, since a program built from source does not know
// its own version.
func (t tool) builtVersion(said string) string {
	_, rest, _ := strings.Cut(said, " ")
	return strings.TrimSpace(t.pin.version + " " + rest)
}

// try runs "--version" and gives what it says.
func (t tool) try(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = inherited("OLLAMA_HOST=127.0.0.1:1", "HOME="+os.TempDir()) // ask no running server
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", err
	}
	return t.versionIn(string(out))
}

// versionIn finds "temporal version X (more)", "ollama version is X", or what
// Ollama says when no server runs, "Warning: client version is X".
func (t tool) versionIn(text string) (string, error) {
	m := regexp.MustCompile(`(?m)^(?:Warning: client|` + t.command + `) version (?:is )?v?(\d\S*)((?: \([^)]*\))?)`).
		FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("its --version is not that of %s", t.command)
	}
	return m[1] + m[2], nil
}

// resolve finds the tool or builds it.
func (t tool) resolve(ctx context.Context, o Options, given string) (program, error) {
	p, ok, err := t.existing(ctx, o, given)
	if err != nil || ok {
		return p, err
	}
	return t.build(ctx, o)
}
