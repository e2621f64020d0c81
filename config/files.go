package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxFiles and maxDatasetBytes cap a dataset, so that a path mistyped as a
	// home folder is refused and not read for hours.
	maxFiles        = 100_000
	maxDatasetBytes = 4 << 30
)

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
			d.contentHash = hashPath(join(path, "path"), inFolder(opts.BaseDir, d.Path), maxDatasetBytes, found)
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
		magic, err := firstBytes(full, 4)
		switch {
		case err != nil:
			unreadable(path, full, err, found)
			return ""
		case magic != "GGUF":
			found.add(path, "name a model file in the GGUF format", "is %s, which is not a GGUF file", shown(ref))
			return ""
		}
		return hashPath(path, full, math.MaxInt64, found)
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
func hashPath(path, full string, maxBytes int64, found *findings) string {
	hash, err := hashTree(full, maxBytes)
	if err != nil {
		unreadable(path, full, err, found)
		return ""
	}
	return hash
}

func unreadable(path, full string, err error, found *findings) {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the path stands in the message already
	}
	found.add(path, "check the path; it is relative to the spec", "names %s, which cannot be read: %v", shown(full), err)
}

var (
	errNotRegular   = errors.New("not a regular file")
	errTooManyFiles = fmt.Errorf("it holds more than %d files", maxFiles)
	errTooLarge     = fmt.Errorf("it holds more than %d bytes", int64(maxDatasetBytes))
)

func hashTree(root string, maxBytes int64) (string, error) {
	info, err := os.Stat(root)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		if info.Size() > maxBytes {
			return "", errTooLarge
		}
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
		if maxBytes -= info.Size(); maxBytes < 0 {
			return errTooLarge
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
