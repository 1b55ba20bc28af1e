package archive

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// prepareFolder makes the private server's folder, which must be nobody else's:
// who reaches the socket in it needs no password.
func prepareFolder(folder string) (string, error) {
	if folder == "" {
		return "", fmt.Errorf("no folder for the private database: set database.folder")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	info, err := os.Stat(folder)
	if err != nil {
		return "", err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to user id %d, not to %d who runs this: run nfacct as that user (sudo -u '#%d' nfacct ...)", folder, owner, os.Geteuid(), owner)
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(folder, 0o700); err != nil {
			return "", fmt.Errorf("%s has mode %04o, but must be closed to others: %w", folder, info.Mode().Perm(), err)
		}
	}
	return folder, nil
}

// syncPath makes a file or folder durable.
func syncPath(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
