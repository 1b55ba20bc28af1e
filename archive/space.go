package archive

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve is how much the private server's disk must have free for anything to
// be written. MariaDB waits for ever when a disk is full, so it must not come to
// that.
const reserve = 64 << 20

// room says whether the private server's disk has so many bytes free besides
// the reserve. The error wraps ENOSPC.
func (s *server) room(want uint64) error {
	free, err := s.free(s.folder)
	if err != nil {
		return err
	}
	if free < reserve+want {
		return fmt.Errorf("%w: %d MiB are free for %s, but %d MiB are needed", unix.ENOSPC, free>>20, s.folder, (reserve+want)>>20)
	}
	return nil
}

// FreeBytes is what an ordinary user may still write to the disk of a folder.
func FreeBytes(folder string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", folder, err)
	}
	return uint64(max(stat.Bavail, 0)) * uint64(stat.Bsize), nil
}
