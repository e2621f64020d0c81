// Package version names the running build, for provenance.
package version

import (
	"runtime/debug"
	"strings"
)

// Release is the version of this source tree.
const Release = "0.1.0"

// commit is set by the Makefile with -ldflags, since a build of a copied tree
// has no version control to ask.
var commit string //nolint:gochecknoglobals // written by the linker only

// String gives release and commit, e.g. "0.1.0+1a2b3c4d5e6f".
func String() string {
	c := commit
	if c == "" {
		c = fromBuildInfo()
	}
	if c == "" {
		return Release + "+unknown"
	}
	return Release + "+" + c
}

func fromBuildInfo() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, dirty := "", false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	revision = revision[:min(12, len(revision))]
	if dirty && revision != "" {
		revision += "-dirty"
	}
	return strings.TrimSpace(revision)
}
