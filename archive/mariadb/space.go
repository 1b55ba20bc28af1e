package mariadb

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Reserve is how much the server's disk must have free for anything to
// be written. MariaDB waits for ever when a disk is full, so it must not come to
// that.
const Reserve = 64 << 20

// Room says whether the private server's disk has so many bytes free besides
// the reserve. The error wraps ENOSPC.
func (s *Server) Room(want uint64) error {
	free, err := s.Free(s.folder)
	if err != nil {
		return err
	}
	return Enough(s.folder, free, want)
}

// brimful reports whether the private server's disk is full, or all but full.
func (s *Server) brimful() bool {
	free, err := s.Free(s.folder)
	return err == nil && free < Brim
}

// Enough compares what is free with what is wanted besides the reserve.
func Enough(folder string, free, want uint64) error {
	if free < Reserve+want {
		return fmt.Errorf("%w: %d MiB are free for %s, but %d MiB are needed", unix.ENOSPC, free>>20, folder, (Reserve+want)>>20)
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

// Brim is how little may be left of a disk before a statement that fills it is ended.
const Brim = Reserve / 4
