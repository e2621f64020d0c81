// Package models carries the tiny demo models, so that a binary can run the
// demo with no files beside it. They are written by train.py in this folder
// and exist to exercise the measurement, never for clinical use.
package models

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// Prefix marks a model file that is built in, in a spec's gguf key.
const Prefix = "builtin:"

//go:embed *.gguf
var files embed.FS

// Names lists the built-in model files.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // cannot happen: the folder is part of the binary
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Open opens a built-in model file and gives its size in bytes.
func Open(name string) (io.ReadCloser, int64, error) {
	f, err := files.Open(path.Base(name))
	if err != nil {
		return nil, 0, fmt.Errorf("open built-in model %s: it is none of %v: %w", name, Names(), fs.ErrNotExist)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("open built-in model %s: %w", name, err)
	}
	return f, info.Size(), nil
}

// Hash gives the SHA-256 of a built-in model file as hex digits.
func Hash(name string) (string, bool) {
	r, _, err := Open(name)
	if err != nil {
		return "", false
	}
	defer func() { _ = r.Close() }() // read only
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", false
	}
	return hex.EncodeToString(h.Sum(nil)), true
}
