package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFiles caps how many files a dataset folder may hold.
const maxFiles = 100_000

// resolve finds the files that a spec names and takes their hashes.
func resolve(s *Spec, opts SpecOptions, found *findings) {
	for i := range s.Models {
		path := join(index("models", i), "gguf")
		if m := &s.Models[i]; m.GGUF != "" && !found.broken(path) {
			m.ggufHash = hashGGUF(path, m.GGUF, opts, found)
		}
	}
	for i := range s.Datasets {
		d := &s.Datasets[i]
		path := index("datasets", i)
		switch {
		case found.broken(path), found.broken(join(path, "name")), found.broken(join(path, "format")), found.broken(join(path, "path")):
		case d.Path != "":
			d.contentHash = hashPath(join(path, "path"), inFolder(opts.BaseDir, d.Path), found)
		case opts.BuiltinDataset != nil:
			hash, ok := opts.BuiltinDataset(d.Name)
			if !ok {
				found.add(join(path, "name"), "use one of its built-in datasets", "is %s, which this build does not hold", shown(d.Name))
			}
			d.contentHash = hash
		}
	}
}

func hashGGUF(path, ref string, opts SpecOptions, found *findings) string {
	name, builtin := strings.CutPrefix(ref, builtinPrefix)
	if !builtin {
		full := inFolder(opts.BaseDir, ref)
		if magic, err := firstBytes(full, 4); err == nil && magic != "GGUF" {
			found.add(path, "name a model file in the GGUF format", "is %s, which is not a GGUF file", shown(ref))
			return ""
		}
		return hashPath(path, full, found)
	}
	if opts.BuiltinGGUF != nil {
		if hash, ok := opts.BuiltinGGUF(name); ok {
			return hash
		}
	}
	found.add(path, "name a file of the models folder, or a path of your own", "is %s, which this build does not hold", shown(ref))
	return ""
}

func firstBytes(path string, count int) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errNotRegular
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // opened for reading, nothing can be lost
	start := make([]byte, count)
	n, _ := io.ReadFull(file, start) // a short file simply lacks the mark
	return string(start[:n]), nil
}

// hashPath hashes a file, or a folder as its sorted names and their hashes.
func hashPath(path, full string, found *findings) string {
	hash, err := hashTree(full)
	if err == nil {
		return hash
	}
	reason := err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		reason = pathErr.Err // the path stands in the message already
	}
	found.add(path, "check the path; it is relative to the spec", "names %s, which cannot be read: %v", shown(full), reason)
	return ""
}

var (
	errNotRegular   = errors.New("neither a file nor a folder")
	errTooManyFiles = fmt.Errorf("more than %d files", maxFiles)
)

func hashTree(root string) (string, error) {
	info, err := os.Stat(root)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return hashFile(root, info)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil { // a walk does not enter a link
		return "", err
	}
	sum, count := sha256.New(), 0
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if count++; count > maxFiles {
			return errTooManyFiles
		}
		info, err := os.Stat(path) // follows links, as a reader will
		if err != nil {
			return err
		}
		hash, err := hashFile(path, info)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%q %s\n", filepath.ToSlash(name), hash)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

func hashFile(path string, info fs.FileInfo) (string, error) {
	if !info.Mode().IsRegular() {
		return "", errNotRegular // a pipe or device may never end
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // opened for reading, nothing can be lost
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
