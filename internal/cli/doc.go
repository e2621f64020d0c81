// Package cli holds the commands of wattsweep, one file each. They read
// settings, call app, and print through one printer.
package cli
