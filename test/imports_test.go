package test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The import rules of the design, each ban with its reason: imports point one
// way, siblings do not know each other, and each driver lives in one place.
func TestImportsKeepTheRules(t *testing.T) {
	t.Parallel()
	packages := goList(t, "./...")
	require.Greater(t, len(packages), 20, "go list found the module's packages")
	for _, p := range packages {
		for _, v := range check(p) {
			t.Errorf("%s", v)
		}
	}
}

// What workflows link is what a replay runs through: our own pure packages and
// Temporal's SDK with what that needs, no driver.
func TestImportsOfWorkflowsHoldNoDriver(t *testing.T) {
	t.Parallel()
	allowed := []string{"workflows", "internal/contract", "internal/bench", "internal/units", "internal/fault"}
	drivers := []string{
		"github.com/jackc/pgx", "github.com/shirou/gopsutil", "github.com/spf13/", "github.com/NVIDIA/", "github.com/gosnmp/",
		"gonum.org/", "github.com/pressly/goose", "github.com/fergusstrange/", "os/exec",
	}
	linked := goList(t, "-deps", "./workflows")
	require.NotEmpty(t, linked)
	for _, p := range linked {
		if name, own := strings.CutPrefix(p.ImportPath, module); own {
			require.Contains(t, allowed, name, "workflows link it, through one or more steps; they may link only %v", allowed)
		}
		for _, d := range drivers {
			require.False(t, strings.HasPrefix(p.ImportPath, d), "workflows link %s; a replay must not depend on a driver", p.ImportPath)
		}
	}
}

// A reader who opens a package learns first what it is for.
func TestPackageDoc(t *testing.T) {
	t.Parallel()
	for _, p := range goList(t, "./...") {
		if len(p.GoFiles)+len(p.CgoFiles) > 0 && strings.TrimSpace(p.Doc) == "" {
			t.Errorf("%s has no package comment: say in a sentence what it is for", p.name())
		}
	}
}

// An exception that nobody uses is a hole.
func TestImportExceptionsAreUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, p := range goList(t, "./...") {
		for _, to := range p.Imports {
			used[p.name()+" → "+strings.TrimPrefix(to, module)] = true
		}
	}
	for edge, reason := range exceptions() {
		require.True(t, used[edge], "%s is excepted (%s) but nothing imports it; take the exception away", edge, reason)
	}
}

// The checker itself must be able to refuse: made-up imports, one for each rule.
func TestImportCheckerRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"internal/bench", module + "internal/contract", "each other in that order"},
		{"internal/units", "golang.org/x/text/currency", "only the standard library"},
		{"internal/contract", "net/http", "every replay"},
		{"workflows", "os", "every replay"},
		{"workflows", "math/rand/v2", "every replay"},
		{"workflows", module + "activities", "by the names in contract"},
		{"workflows", module + "internal/store", "by the names in contract"},
		{"activities", module + "config", "activities are thin"},
		{"activities", module + "workflows", "only app wires"},
		{"activities", module + "internal/app", "closes a circle"},
		{"activities", "github.com/jackc/pgx/v5", "SQL lives"},
		{"internal/stats", module + "internal/store", "siblings"},
		{"internal/runtimes/ollama", module + "internal/runtimes/openai", "siblings"},
		{"internal/meters", module + "internal/meters/host", "a parent"},
		{"internal/meters/rapl", module + "internal/meters/host", "siblings"},
		{"internal/store", module + "config", "siblings"},
		{"config", module + "internal/dataset", "siblings"},
		{"internal/app", module + "internal/cli", "two mains"},
		{"internal/app", module + "test/harness", "tests alone"},
		{"internal/cli", module + "workflows", "through app"},
		{"starter", module + "internal/app", "doorway"},
		{"internal/runtimes/ollama", "go.temporal.io/sdk/activity", "without Temporal"},
		{"internal/stats", "github.com/spf13/viper", "viper"},
		{"config", "github.com/spf13/cobra", "how they are called"},
		{"internal/store", "github.com/spf13/pflag", "flags"},
		{"internal/meters/host", "github.com/NVIDIA/go-nvml/pkg/nvml", "cgo"},
		{"internal/meters/host", "github.com/gosnmp/gosnmp", "SNMP"},
		{"internal/cost", "gonum.org/v1/gonum/stat", "stats"},
		{"internal/store", "github.com/stretchr/testify/require", "test kit"},
	} {
		found := check(goPackage{ImportPath: module + c.from, Imports: []string{c.to}})
		require.Len(t, found, 1, "%s imports %s", c.from, c.to)
		require.Contains(t, found[0].String(), c.want)
	}
}

func TestImportCheckerAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		test     bool
	}{
		{from: "internal/contract", to: module + "internal/bench"},
		{from: "workflows", to: module + "internal/contract"},
		{from: "workflows", to: "go.temporal.io/sdk/workflow"},
		{from: "activities", to: module + "internal/store"},
		{from: "internal/runtimes/ollama", to: module + "internal/runtimes"},
		{from: "internal/runtimes/ollama", to: "net/http"},
		{from: "internal/meters/metertest", to: "github.com/stretchr/testify/require"},
		{from: "internal/app", to: module + "workflows"},
		{from: "starter", to: module + "internal/cli"},
		{from: "schema", to: module + "internal/store/storetest", test: true},
		{from: "internal/meters", to: module + "internal/meters/host", test: true},
		{from: "internal/stats", to: "pgregory.net/rapid", test: true},
		{from: "test/harness", to: module + "internal/store"},
	} {
		p := goPackage{ImportPath: module + c.from}
		if c.test {
			p.XTestImports = []string{c.to}
		} else {
			p.Imports = []string{c.to}
		}
		require.Empty(t, check(p), "%s imports %s", c.from, c.to)
	}
}

// goList asks the go command for packages, from the root of the module.
func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	fields := "-json=ImportPath,Doc,GoFiles,CgoFiles,Imports,TestImports,XTestImports"
	cmd := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"list", fields}, args)...)
	cmd.Dir = ".."
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoError(t, err, problems.String())
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}
