package localstack

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wattsweep/wattsweep/internal/fault"
)

func TestPinsEqualTheToolModules(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"temporal", "ollama"} {
		for source, pinned := range map[string]string{"go.mod": ".mod.txt", "go.sum": ".sum.txt"} {
			want, err := os.ReadFile(filepath.Join("..", "..", "tools", name, source))
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join("pins", name+pinned))
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "copy tools/%s/%s to internal/localstack/pins/%s%s", name, source, name, pinned)
		}
	}
	p, err := temporalPin()
	require.NoError(t, err)
	require.Equal(t, "github.com/temporalio/cli/cmd/temporal", p.pkg)
	require.Equal(t, "v1.5.1", p.version)
	p, err = ollamaPin()
	require.NoError(t, err)
	require.Equal(t, "github.com/ollama/ollama", p.pkg)
	require.Equal(t, "v0.6.5", p.version)
	_, err = parsePin("module x\n", "")
	require.Error(t, err)
	_, err = parsePin("module x\ntool example.com/a/b\nrequire example.com/ab v1.0.0\n", "")
	require.Error(t, err)
}

func TestVersionsAreReadFromWhatProgramsSay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)\n":                                       "1.5.1 (Server 1.29.1, UI 2.42.1)",
		"Warning: could not connect to a running Ollama instance\nWarning: client version is 0.6.5": "0.6.5",
		"ollama version is 0.12.0": "0.12.0",
		"true (GNU coreutils) 9.1\nLicense GPLv3+: GNU GPL version 3 or later": "",
		"": "",
	} {
		command, _, _ := strings.Cut(text, " ")
		if command != "temporal" {
			command = "ollama"
		}
		got, err := tool{command: command}.versionIn(text)
		require.Equal(t, want, got)
		require.Equal(t, want == "", err != nil)
	}
}

// script writes a program for the shell into a folder that holds nothing else.
func script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	// Another process writes it: a test that forks at this moment would carry our
	// open file along, and a file open for writing cannot be run.
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `cat > "$0" && chmod 755 "$0"`, path)
	cmd.Stdin = strings.NewReader("#!/bin/sh\n" + text)
	require.NoError(t, cmd.Run())
	return path
}

func testTool(name string) tool {
	return tool{name: Temporal, command: name, pin: pin{mod: "module m\n", sum: "s\n", pkg: "example.com/p", version: "v1.2.3"}, first: "soon"}
}

func testOptions(t *testing.T) (Options, func() []Event) {
	t.Helper()
	var mu sync.Mutex
	var events []Event
	o, err := Options{State: t.TempDir(), CacheDir: filepath.Join(t.TempDir(), "cache"), Progress: func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}}.withDefaults()
	require.NoError(t, err)
	return o, func() []Event {
		mu.Lock()
		defer mu.Unlock()
		return append([]Event(nil), events...)
	}
}

// Ollama does not know its own version unless the linker is told; a program
// that was built without it has another name in the cache.
func TestOllamaIsBuiltWithItsVersion(t *testing.T) {
	t.Parallel()
	p, err := ollamaPin()
	require.NoError(t, err)
	tl := ollamaTool(p)
	require.Equal(t, "-s -w -X github.com/ollama/ollama/version.Version=0.6.5", tl.linkerFlags())
	require.Equal(t, filepath.Join("cache", "ollama-v0.6.5-1"), tl.cached("cache"))
	require.Equal(t, "-s -w", testTool("x").linkerFlags())
}

// The stand-in for the Go command checks that it is asked from inside a module
// with our pins, and writes a program that runs.
const fakeGo = `
test "$(cat go.mod)" = "module m" || exit 3
test "$GOWORK" = off || exit 4
echo example.com/a >&2; echo example.com/b >&2
echo x >> ../builds
out=
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
printf '#!/bin/sh\necho "wattsweep-fake version 0.0.0-DEV (more)"\n' > "$out"
chmod +x "$out"
`

func TestBuildIsDoneOnceAndCached(t *testing.T) {
	t.Parallel()
	o, events := testOptions(t)
	tl := testTool("wattsweep-fake")
	compiler := script(t, "go", fakeGo)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			p, err := tl.buildWith(t.Context(), o, compiler)
			if err != nil || p.path != tl.cached(o.CacheDir) {
				t.Errorf("build: %+v, %v", p, err)
			}
		})
	}
	wg.Wait()
	builds, err := os.ReadFile(filepath.Join(o.CacheDir, "builds"))
	require.NoError(t, err)
	require.Equal(t, "x\n", string(builds), "built once")
	p, ok, err := tl.existing(t.Context(), o, "")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, program{path: tl.cached(o.CacheDir), version: "v1.2.3 (more)", source: SourceCache}, p)
	left, err := filepath.Glob(filepath.Join(o.CacheDir, ".build-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.True(t, slices.ContainsFunc(events(), func(e Event) bool {
		return strings.Contains(e.Text, "first time only, soon")
	}), "%v", events())
}

func TestBuildThatFailsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	o, _ := testOptions(t)
	tl := testTool("wattsweep-fake")
	_, err := tl.buildWith(t.Context(), o, script(t, "go", "echo 'dial tcp: no such host' >&2; exit 1\n"))
	require.ErrorContains(t, err, "no such host")
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Contains(t, fault.HintOf(err), "module proxy")
	_, err = tl.buildWith(t.Context(), o, script(t, "go", "echo 'write: no space left on device' >&2; exit 1\n"))
	require.Equal(t, fault.CodeDiskFull, fault.CodeOf(err))
	require.NoFileExists(t, tl.cached(o.CacheDir))

	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	var once sync.Once
	o.Progress = func(Event) { once.Do(func() { close(begun) }) }
	go func() { <-begun; cancel() }()
	_, err = tl.buildWith(ctx, o, script(t, "go", "sleep 600\n"))
	require.ErrorIs(t, err, context.Canceled)
}

func TestBuildLogCountsPackagesAndKeepsErrors(t *testing.T) {
	t.Parallel()
	var b buildLog
	for _, part := range []string{"a.com/x\nb.co", "m/y\n# a.com/z\n", "z.go:3:1: undefined: q\nlast words"} {
		n, err := b.Write([]byte(part))
		require.NoError(t, err)
		require.Len(t, part, n)
	}
	require.Equal(t, 2, b.count())
	require.Equal(t, "# a.com/z\n  z.go:3:1: undefined: q\n  last words", b.tail())
}

func TestABrokenCachedProgramIsPassedOver(t *testing.T) {
	t.Parallel()
	o, events := testOptions(t)
	tl := testTool("wattsweep-fake")
	require.NoError(t, os.MkdirAll(o.CacheDir, 0o755))
	require.NoError(t, os.WriteFile(tl.cached(o.CacheDir), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	_, ok, err := tl.existing(t.Context(), o, "")
	require.NoError(t, err)
	require.False(t, ok)
	require.Contains(t, events()[0].Text, "does not run")
}

func TestDetectFindsWithoutStarting(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "none")
	list, err := Detect(t.Context(), Options{State: state, Ollama: OllamaOptions{URL: "http://gpu1:11434"}})
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.NoDirExists(t, state)
	for i, f := range list {
		require.Equal(t, names()[i], f.Server)
		require.True(t, f.OK || f.Mend != "", "%+v", f)
	}
	require.Equal(t, Finding{Server: Ollama, OK: true, Source: SourceExternal, Path: "http://gpu1:11434"}, list[2])
}

func TestTickingReportsUntilStopped(t *testing.T) {
	t.Parallel()
	told := make(chan Event, 100)
	stop := ticking(func(e Event) { told <- e }, Event{Server: Ollama, Step: StepBuild}, time.Millisecond, func() string { return "at work" })
	e := <-told
	<-told
	stop()
	require.Equal(t, "at work", e.Text)
	require.Positive(t, e.Elapsed)
	require.Equal(t, "ollama    at work", Event{Server: Ollama, Text: "at work"}.String())
	require.Equal(t, "ollama    at work (90 s)", Event{Server: Ollama, Text: "at work", Elapsed: 90 * time.Second}.String())
	var b strings.Builder
	PrintTo(&b)(e)
	require.True(t, strings.HasSuffix(b.String(), "at work\n"), fmt.Sprint(b.String()))
}
