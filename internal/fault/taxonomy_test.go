package fault

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kinds are the names that an error without a code goes by.
func kinds() []Kind {
	return []Kind{Invalid, Unsupported, Unavailable, OutOfMemory, Corrupt, Internal}
}

func TestEveryRowIsWhole(t *testing.T) {
	t.Parallel()
	seen := map[[3]string]bool{}
	general := map[Code]bool{}
	for _, r := range Table() {
		key := [3]string{string(r.Code), string(r.Kind), r.Step}
		require.False(t, seen[key], "%v stands twice", key)
		seen[key] = true
		require.NotEmpty(t, r.Meaning, key)
		require.NotEmpty(t, r.Mend, key)
		require.Contains(t, []Action{Retry, NextRung, Reload, FailCell, FailHost, WaitForPerson, GoOn}, r.Action, key)
		again := r.Action == Retry || r.Action == WaitForPerson
		require.Equal(t, r.Tries > 0, r.Then != "", "%v: tries that end lead to something", key)
		require.False(t, !again && (r.Tries > 0 || r.Pace > 0), "%v: it is done at once", key)
		require.False(t, r.Then == Retry || r.Then == WaitForPerson, key)
		require.False(t, general[r.Code], "%v stands behind the general row of its code", key)
		general[r.Code] = r.Kind == "" && r.Step == ""
	}
	for code, whole := range general {
		require.True(t, whole, "%s has no general row", code)
	}
	for _, kind := range kinds() {
		require.True(t, general[Code(kind)], kind)
	}
}

func TestRuleOf(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code  Code
		kind  Kind
		step  string
		first Action
		last  Action
		tries int
	}{
		{CodeOutOfMemory, OutOfMemory, "Load", NextRung, NextRung, 0},
		{CodeServerError, Unavailable, "Inspect", Retry, FailCell, 10},
		{CodeServerError, Unavailable, "Load", Retry, FailCell, 3},
		{CodeServerError, Unavailable, "Pull", Retry, Retry, 0},
		{CodeServerError, Corrupt, "Pull", FailCell, FailCell, 0},
		{CodeServerError, Unavailable, "Unload", Retry, FailHost, 10},
		{CodeServerError, Unavailable, "Prepare", Retry, FailHost, 10},
		{CodeServerError, Unavailable, "MeasureIdle", Retry, FailHost, 10},
		{CodeTimeout, Unavailable, "Prepare", Retry, FailHost, 5},
		{CodeTimeout, Internal, "Infer", Retry, Retry, 0},
		{CodeTimeout, Unavailable, "Infer", Retry, FailHost, 10},
		{CodeTimeout, Unavailable, "WarmUp", Retry, FailCell, 10},
		{CodeNotUnloaded, Unavailable, "MeasureIdle", Retry, FailHost, 5},
		{CodeUnauthorized, Invalid, "Pull", WaitForPerson, FailCell, 12},
		{CodeDatabaseFull, Unavailable, "ClaimNext", WaitForPerson, WaitForPerson, 0},
		{"", Invalid, "Load", FailCell, FailCell, 0},
		{"NeverHeardOf", Corrupt, "Load", FailCell, FailCell, 0},
		{"NeverHeardOf", "odd", "Load", Retry, FailCell, 10},
	}
	for _, c := range cases {
		r := RuleOf(c.code, c.kind, c.step)
		require.Equal(t, []any{c.first, c.last, c.tries}, []any{r.Action, r.Last(), r.Tries}, "%s/%s/%s", c.code, c.kind, c.step)
	}
	require.True(t, RuleOf(CodeUnreachable, Unavailable, "").Passes(1<<30))
	require.True(t, RuleOf(CodeNotUnloaded, Unavailable, "").Passes(4))
	require.False(t, RuleOf(CodeNotUnloaded, Unavailable, "").Passes(5))
	require.False(t, RuleOf(CodeOutOfMemory, OutOfMemory, "").Passes(0))
}

func TestActionOf(t *testing.T) {
	t.Parallel()
	for code, want := range map[Code]Action{
		CodeOutOfMemory: NextRung, CodeRungRejected: NextRung, CodeModelNotResident: Reload, CodeNotUnloaded: FailHost,
		CodeServerStuck: FailHost, CodeHostUnfit: FailHost, CodeDiskFull: FailHost, CodeServerError: FailCell,
		CodeTimeout: FailCell, CodeUnauthorized: FailCell, CodeModelNotFound: FailCell, CodeUnreachable: Retry,
		CodeDatabaseFull: WaitForPerson, "invalid": FailCell, "NeverHeardOf": FailCell, "": FailCell,
	} {
		require.Equal(t, want, ActionOf(code), code)
	}
}

// Every code of the source is declared in this package and has its row; every
// type of an ApplicationError has one; and every row is of a code that the
// source makes or of a kind.
func TestTableHasEveryCodeAndNoOther(t *testing.T) {
	t.Parallel()
	known := map[Code]bool{}
	for _, r := range Table() {
		known[r.Code] = true
	}
	s := scanSource(t)
	require.NotEmpty(t, s.consts)
	for name, code := range s.consts {
		require.True(t, known[code], "%s = %q has no row in internal/fault/table.go", name, code)
	}
	require.Empty(t, s.strays, "a fault.Code is declared in internal/fault/code.go alone, with a row in table.go")
	for where, typ := range s.types {
		require.True(t, known[Code(typ)], "%s: an ApplicationError of type %q has no row in internal/fault/table.go", where, typ)
	}
	made := map[Code]bool{}
	for _, kind := range kinds() {
		made[Code(kind)] = true
	}
	for _, typ := range s.types {
		made[Code(typ)] = true
	}
	for name, code := range s.consts {
		made[code] = made[code] || s.used[name]
	}
	for code := range known {
		require.True(t, made[code], "nothing in the source makes %q: its row in internal/fault/table.go is dead", code)
	}
}

// source is what the program's own code says of codes.
type source struct {
	consts map[string]Code   // constants of this package
	used   map[string]bool   // constants that another file of the program names
	types  map[string]string // types of errors by place, where a literal gives them
	strays []string          // codes made elsewhere
}

func scanSource(t *testing.T) *source {
	t.Helper()
	s := &source{consts: map[string]Code{}, used: map[string]bool{}, types: map[string]string{}}
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if rel == "tools" || rel == "test" || d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && rel != ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s.file(fset, filepath.ToSlash(rel), file)
		return nil
	})
	require.NoError(t, err)
	return s
}

func (s *source) file(fset *token.FileSet, rel string, file *ast.File) {
	own := strings.HasPrefix(rel, "internal/fault/")
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			s.declared(rel, own, n)
		case *ast.SelectorExpr:
			if !own && strings.HasPrefix(n.Sel.Name, "Code") && named(n.X, "fault") {
				s.used[n.Sel.Name] = true
			}
		case *ast.CallExpr:
			s.called(fset, rel, own, n)
		case *ast.KeyValueExpr:
			s.listed(fset, n)
		}
		return true
	})
}

func (s *source) declared(rel string, own bool, n *ast.ValueSpec) {
	sel, isSel := n.Type.(*ast.SelectorExpr)
	if !own && isSel && sel.Sel.Name == "Code" && named(sel.X, "fault") && len(n.Values) > 0 {
		s.strays = append(s.strays, rel+": "+n.Names[0].Name)
	}
	if !own || !named(n.Type, "Code") {
		return
	}
	for i, value := range n.Values {
		if text, ok := literal(value); ok {
			s.consts[n.Names[i].Name] = Code(text)
		}
	}
}

func (s *source) called(fset *token.FileSet, rel string, own bool, n *ast.CallExpr) {
	sel, ok := n.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	if sel.Sel.Name == "Code" && named(sel.X, "fault") && !own && len(n.Args) == 1 {
		if text, ok := literal(n.Args[0]); ok {
			s.strays = append(s.strays, rel+": "+text)
		}
	}
	if named(sel.X, "temporal") && strings.Contains(sel.Sel.Name, "ApplicationError") && len(n.Args) > 1 {
		if text, ok := literal(n.Args[1]); ok {
			s.types[fset.Position(n.Pos()).String()] = text
		}
	}
}

// listed takes the types that a retry policy names as final.
func (s *source) listed(fset *token.FileSet, n *ast.KeyValueExpr) {
	list, ok := n.Value.(*ast.CompositeLit)
	if !ok || !named(n.Key, "NonRetryableErrorTypes") {
		return
	}
	for _, one := range list.Elts {
		if text, ok := literal(one); ok {
			s.types[fset.Position(one.Pos()).String()] = text
		}
	}
}

func named(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

func literal(x ast.Expr) (string, bool) {
	lit, ok := x.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
