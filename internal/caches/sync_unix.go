//go:build unix

package caches

import "syscall"

// syncAll writes everything that is only in memory to the disks, and comes back
// when it is there.
func syncAll() { syscall.Sync() }
