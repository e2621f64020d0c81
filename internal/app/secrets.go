package app

import (
	"bytes"
	"os"
	"strings"

	"github.com/wattsweep/wattsweep/internal/fault"
)

// secret is a setting that is written as text, as the path of a file or as the
// name of an environment variable. Nothing of its value enters an error.
type secret struct {
	key        string // key path in the settings, without _file and _env
	text, file string
	variable   string
}

// maxSecretBytes caps a file that holds a secret: a path may have been mistaken.
const maxSecretBytes = 4096

// read gives the value: of a file, its first line. "" where none is set.
func (s secret) read(lookup func(string) (string, bool)) (string, error) {
	switch {
	case s.text != "":
		return s.text, nil
	case s.variable != "":
		value, ok := lookup(s.variable)
		if !ok || value == "" {
			return "", fault.New(fault.Invalid, "", "set it for the program that measures, such as in the unit's EnvironmentFile",
				"%s_env: variable %s is not set or empty", s.key, s.variable)
		}
		return value, nil
	case s.file != "":
		return s.fromFile()
	}
	return "", nil
}

func (s secret) fromFile() (string, error) {
	info, err := os.Stat(s.file)
	if err != nil {
		return "", fault.New(fault.Invalid, "", "put the file there, readable by the program that measures", "%s_file: %w", s.key, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretBytes {
		return "", fault.New(fault.Invalid, "", "name a small text file that holds the secret alone",
			"%s_file: %s is no file of at most %d bytes", s.key, s.file, maxSecretBytes)
	}
	data, err := os.ReadFile(s.file)
	if err != nil {
		return "", fault.New(fault.Invalid, "", "make it readable for the program that measures", "%s_file: %w", s.key, err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	value := strings.TrimRight(string(first), "\r")
	if value == "" {
		return "", fault.New(fault.Invalid, "", "write the secret on its first line", "%s_file: the first line of %s is empty", s.key, s.file)
	}
	return value, nil
}
