//go:build !linux

package lab

// adopt does nothing where the system has no such thing.
func adopt() error { return nil }
