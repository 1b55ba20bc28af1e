package archive

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// Reserve is how much the server's disk must have free for anything to
// be written. MariaDB waits for ever when a disk is full, so it must not come to
// that.
const Reserve = 64 << 20

// room says whether the private server's disk has so many bytes free besides
// the reserve. The error wraps ENOSPC.
func (s *server) room(want uint64) error {
	free, err := s.free(s.folder)
	if err != nil {
		return err
	}
	return enough(s.folder, free, want)
}

// brimful reports whether the private server's disk is full, or all but full.
func (s *server) brimful() bool {
	free, err := s.free(s.folder)
	return err == nil && free < brim
}

// Room looks whether the disk of the server's data has so many bytes free besides a
// reserve. The error wraps ENOSPC. What cannot be seen from here, as on another
// machine, is taken to be enough.
func (a *Archive) Room(ctx context.Context, want uint64) error {
	if a.server != nil {
		return a.server.room(want)
	}
	folder := a.visible(ctx)
	if folder == "" {
		return nil
	}
	free, err := a.free(folder)
	if err != nil {
		return err
	}
	return enough(folder, free, want)
}

// enough compares what is free with what is wanted besides the reserve.
func enough(folder string, free, want uint64) error {
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
