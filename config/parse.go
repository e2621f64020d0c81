package config

import (
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// SpecOptions say where a spec stands and what is built in.
type SpecOptions struct {
	// BaseDir is what relative paths in the spec are relative to; empty is the
	// working directory. LoadSpec sets it to the folder of the file.
	BaseDir string
	// BuiltinGGUF gives the SHA-256 (64 hex digits) of a built-in model file by
	// its name without "builtin:"; nil knows none.
	BuiltinGGUF func(name string) (sha256 string, ok bool)
	// BuiltinDataset gives the SHA-256 of a built-in dataset by its name; nil
	// takes demo-journals without a hash.
	BuiltinDataset func(name string) (sha256 string, ok bool)
}

// LoadSpec reads and checks the spec in a file.
func LoadSpec(path string, opts SpecOptions) (*Spec, error) {
	data, err := readCapped(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "name a spec file that exists and can be read", "read spec: %w", err)
	}
	opts.BaseDir = filepath.Dir(path)
	return ParseSpec(path, data, opts)
}

// ParseSpec reads and checks a spec. name stands for it in messages. What is
// wrong comes back as one fault.Error of kind Invalid that wraps a
// *fault.Problems with everything that was found.
func ParseSpec(name string, data []byte, opts SpecOptions) (*Spec, error) {
	found := newFindings(name)
	spec := &Spec{source: string(data), name: name, opts: opts}
	root := parseYAML(data, found)
	if len(found.list) > 0 {
		return nil, found.err()
	}
	decode(root, spec, found)
	if root != nil && root.Kind != yaml.MappingNode {
		return nil, found.err() // no spec at all: what it lacks is beside the point
	}
	validate(spec, found)
	resolve(spec, opts, found)
	if err := found.err(); err != nil {
		return nil, err
	}
	return spec, nil
}

// readCapped reads a file but no more than one byte above the cap, which is
// enough to refuse it.
func readCapped(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // opened for reading, nothing can be lost
	return io.ReadAll(io.LimitReader(file, maxFileBytes+1))
}
