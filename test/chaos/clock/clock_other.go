//go:build !linux || !amd64

package clock

import (
	"errors"
	"os/exec"
)

// Lacks tells why no program can be run with a clock of its own here.
func Lacks() string { return "a process' own clock takes Linux on x86-64" }

// Launch does nothing here.
func Launch() {}

// Start fails here.
func Start(*exec.Cmd) (*Clock, error) { return nil, errors.New(Lacks()) }
