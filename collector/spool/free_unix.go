//go:build unix

package spool

import "golang.org/x/sys/unix"

// freeSpace is what an ordinary user may still write to the folder's disk.
func freeSpace(folder string) (Size, error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return 0, err
	}
	return Size(max(0, int64(disk.Bavail)) * int64(disk.Bsize)), nil //nolint:unconvert // types differ between systems
}
