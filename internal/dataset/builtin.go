package dataset

import (
	"embed"
	"io/fs"
)

// DemoJournals is the name of the embedded set of journals.
const DemoJournals = "demo-journals"

//go:embed demo
var demoFiles embed.FS

// Builtins are the names of the embedded sets; a name takes precedence over a
// path, so write ./demo-journals for a file of that name.
func Builtins() []string { return []string{DemoJournals} }

// builtinFS is the folder of an embedded set.
func builtinFS(name string) (fs.FS, bool) {
	if name != DemoJournals {
		return nil, false
	}
	sub, err := fs.Sub(demoFiles, "demo")
	return sub, err == nil
}
