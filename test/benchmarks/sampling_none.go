//go:build !cgo || !linux

package main

import (
	"context"
	"errors"
	"io"
)

// sampleHere needs dlopen.
func sampleHere(context.Context, string, io.Writer) error {
	return errors.New("sampling GPUs is measured on Linux, in a program built with cgo")
}
