//go:build unix

package spool

import "golang.org/x/sys/unix"

// space is what an ordinary user may still write to the folder's disk, and the
// disk's size.
func space(folder string) (free, disk Size, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return 0, 0, err
	}
	unit := int64(fs.Bsize) //nolint:unconvert // types differ between systems
	return Size(max(0, int64(fs.Bavail)) * unit), Size(int64(fs.Blocks) * unit), nil
}
