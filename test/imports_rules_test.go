package test

import (
	"slices"
	"strings"
)

// module is the path that all our packages begin with.
const module = "github.com/wattsweep/wattsweep/"

// goPackage is what `go list -json` says of a package of ours.
type goPackage struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	// TestImports are of tests inside the package, XTestImports of those
	// beside it.
	TestImports, XTestImports []string
}

// name is the package's path inside the module.
func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// violation is one import that the rules refuse, with the reason.
type violation struct{ from, to, reason string }

func (v violation) String() string { return v.from + " imports " + v.to + ": " + v.reason }

// pure holds the packages that everyone may speak through, each with the pure
// ones that it may import itself.
func pure() map[string][]string {
	return map[string][]string{
		"internal/units":    nil,
		"internal/fault":    nil,
		"internal/bench":    {"internal/units", "internal/fault"},
		"internal/contract": {"internal/bench", "internal/units", "internal/fault"},
	}
}

const pureReason = "units, fault, bench and contract are what all others speak through; " +
	"they import only the standard library and each other in that order, so that workflows can rest on them"

// impure are parts of the standard library that give another result in a
// replay, or reach outside.
func impure() []string {
	return []string{
		"crypto/rand", "database/sql", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec",
		"os/signal", "os/user", "path/filepath", "plugin", "runtime", "sync", "sync/atomic", "syscall", "unsafe",
	}
}

// exceptions are imports between siblings that we want, with the reason.
func exceptions() map[string]string {
	return map[string]string{
		"internal/meters/host → internal/meters/procfs":     "the meters that read /proc share its parser",
		"internal/meters/estimate → internal/meters/procfs": "the meters that read /proc share its parser",
		"internal/meters/nvml → internal/meters/procfs":     "the meters that read /proc share its parser",
		"internal/meters → internal/gum":                    "what a meter tells and what is made of it carry one algebra of uncertainty",
		"internal/stats → internal/gum":                     "what a meter tells and what is made of it carry one algebra of uncertainty",
		"internal/papers → internal/gum":                    "a sum of phases has an uncertainty, by the algebra of those that told them",
		"internal/drift → internal/student":                 "whether figures moved is judged by Student's points",
		"internal/targets → internal/student":               "whether failures are chance is judged by Student's points",
		"config → internal/targets":                         "a spec's targets are refused where they are written, by the parser that judges by them",
		"internal/store → schema":                           "the store applies the migrations that its SQL rests on",
	}
}

// checkOwn refuses an import of one of our packages by another. With test set
// it judges what a package's tests import.
func checkOwn(from, to string, test bool) string {
	switch {
	case under(from, "test"):
		return "" // end-to-end tests see everything
	case under(to, "test") && !test:
		return "what lies under test/ serves tests alone"
	case test && (under(to, "test") || under(to, from) || strings.HasSuffix(to, "test")):
		return "" // tests use test kits and try what lies below
	}
	if allowed, isPure := pure()[from]; isPure {
		return unless(slices.Contains(allowed, to), pureReason)
	}
	if reason, decided := checkLayers(from, to); decided {
		return reason
	}
	switch {
	case from == parent(to):
		return "a parent that imports its child forces it on all other children"
	case under(from, to):
		return "" // a child implements its parent's interface
	}
	_, excepted := exceptions()[from+" → "+to]
	return unless(excepted, "siblings never import each other: pass data, or put the shared noun into internal/bench")
}

// checkLayers judges by the direction of imports alone; between two parts of
// the domain it decides nothing.
func checkLayers(from, to string) (reason string, decided bool) {
	_, toPure := pure()[to]
	switch {
	case from == "starter" || from == "worker":
		return unless(to == "internal/cli", "a main is a doorway: it calls cli and holds no logic"), true
	case to == "internal/cli":
		return "commands are called by the two mains alone", true
	case from == "internal/cli":
		outside := to == "workflows" || to == "activities" || to == "schema"
		return unless(!outside, "commands reach workflows and activities through app"), true
	case to == "internal/app":
		return "app wires the parts; a part that knows it closes a circle", true
	case from == "internal/app" || toPure:
		return "", true
	case from == "workflows":
		return "workflows are replayed: they link no driver and no domain package, and call activities by the names in contract", true
	case to == "workflows" || to == "activities":
		return "only app wires Temporal's side to the domain", true
	case from == "activities":
		return unless(under(to, "internal"), "activities are thin: they call the domain; settings and migrations are app's business"), true
	}
	return "", false
}

// fence keeps a library inside the packages that are there for it.
type fence struct {
	library string
	inside  []string // packages and what lies below them
	reason  string
}

func fences() []fence {
	return []fence{
		{
			"go.temporal.io/",
			[]string{"workflows", "activities", "internal/app", "internal/cli", "internal/telemetry", "internal/localstack"},
			"the domain must run, and be tested, without Temporal",
		},
		{"github.com/jackc/pgx", []string{"internal/store", "schema"}, "SQL lives in store and schema alone"},
		{"github.com/pressly/goose", []string{"schema"}, "schema alone migrates"},
		{"github.com/spf13/viper", []string{"config"}, "viper loses the case of keys and splits them at dots; config guards against it in one file"},
		{"github.com/spf13/cobra", []string{"internal/cli"}, "only commands know how they are called"},
		{"github.com/spf13/pflag", []string{"config", "internal/cli"}, "only settings and commands know flags"},
		{"github.com/NVIDIA/go-nvml", []string{"internal/meters/nvml"}, "it needs cgo and a driver; one package carries that"},
		{"github.com/gosnmp/gosnmp", []string{"internal/meters/pdu"}, "one package speaks SNMP"},
		{"github.com/parquet-go/parquet-go", []string{"internal/meters/trace"}, "traces alone are written as Parquet"},
		{"gonum.org/v1/", []string{"internal/stats", "internal/gum", "internal/report"}, "numbers are made in stats and gum and drawn in report"},
		{"github.com/fergusstrange/embedded-postgres", []string{"internal/localstack"}, "only localstack fetches servers"},
		{"go.yaml.in/yaml", []string{"config", "internal/meters/pdu"}, "config reads YAML, with line numbers and limits; pdu reads its profiles, which are data"},
		{"github.com/jedib0t/go-pretty", []string{"internal/cli", "internal/report"}, "the domain prints nothing"},
	}
}

// testKits are libraries that a program must not carry.
func testKits() []string {
	return []string{
		"github.com/stretchr/testify", "github.com/google/go-cmp", "pgregory.net/rapid", "go.uber.org/goleak",
		"github.com/rogpeppe/go-internal", "github.com/santhosh-tekuri/jsonschema", "github.com/invopop/jsonschema",
	}
}

// checkForeign refuses an import of a library or of a part of the standard
// library.
func checkForeign(from, to string, test bool) string {
	if under(from, "test") {
		return ""
	}
	_, isPure := pure()[from]
	isStandard := !strings.Contains(strings.Split(to, "/")[0], ".")
	if (isPure || from == "workflows") && !test {
		if slices.Contains(impure(), to) {
			return "it must do the same in every replay, and this reaches outside or is not deterministic"
		}
		if isPure && !isStandard {
			return pureReason
		}
	}
	for _, f := range fences() {
		if inside := func(name string) bool { return under(from, name) }; strings.HasPrefix(to, f.library) && !slices.ContainsFunc(f.inside, inside) {
			// A test may read what a program wrote, to hold it against the truth.
			return unless(test && (f.library == "go.yaml.in/yaml" || f.library == "github.com/parquet-go/parquet-go"), f.reason)
		}
	}
	for _, kit := range testKits() {
		if strings.HasPrefix(to, kit) && !test && !strings.HasSuffix(from, "test") {
			return "a program does not carry a test kit"
		}
	}
	return ""
}

// check judges every import of a package and of its tests.
func check(p goPackage) []violation {
	var found []violation
	judge := func(imports []string, test bool) {
		for _, path := range imports {
			to, own := strings.CutPrefix(path, module)
			reason := ""
			switch {
			case path == p.ImportPath: // the package that an outside test tests
			case own:
				reason = checkOwn(p.name(), to, test)
			default:
				reason = checkForeign(p.name(), path, test)
			}
			if reason != "" {
				found = append(found, violation{p.name(), to, reason})
			}
		}
	}
	judge(p.Imports, false)
	judge(p.TestImports, true)
	judge(p.XTestImports, true)
	return found
}

// under reports whether a package is one or lies below it.
func under(name, top string) bool { return name == top || strings.HasPrefix(name, top+"/") }

func parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

func unless(fine bool, reason string) string {
	if fine {
		return ""
	}
	return reason
}
