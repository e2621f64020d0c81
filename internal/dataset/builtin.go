package dataset

import (
	"embed"
	"io/fs"
)

// Names of what is embedded.
const (
	// DemoJournals is the set of journals of our own.
	DemoJournals = "demo-journals"
	// DemoCodes is the list of codes of our own: real ICD-10-SE codes, but a
	// part of them only, so a code it lacks may well exist.
	DemoCodes = "demo-codes"
)

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

// builtinCodes is the embedded code list's file.
func builtinCodes(name string) (fs.FS, string, bool) {
	return demoFiles, "demo/codes.tsv", name == DemoCodes
}
