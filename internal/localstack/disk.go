package localstack

import "golang.org/x/sys/unix"

// freeBytes is the space that this user may still write on the folder's disk.
func freeBytes(folder string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:unconvert,gosec // signed on some systems, never negative
}
