package mariadb

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// prepareFolder makes the private server's folder, which must be nobody else's:
// who reaches the socket in it needs no password. It returns whom the folder
// belongs to, who is who the server runs as.
func prepareFolder(folder string, log *slog.Logger) (string, account, error) {
	var owner account
	if folder == "" {
		return "", owner, fmt.Errorf("no folder for the private database: set database.folder")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", owner, err
	}
	// The folders above are not closed: the server comes through them as a user of
	// its own.
	if err := os.MkdirAll(filepath.Dir(folder), 0o711); err != nil {
		return "", owner, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", owner, err
	}
	info, err := os.Stat(folder)
	if err != nil {
		return "", owner, err
	}
	owner = ownerOf(info)
	if os.Geteuid() == 0 {
		if owner, err = ownedByServer(folder, owner, log); err != nil {
			return "", owner, err
		}
	} else if owner.uid != os.Geteuid() {
		return "", owner, fmt.Errorf("%s belongs to user id %d, not to %d who runs this: run nfacct as that user (sudo -u '#%d' nfacct ...)", folder, owner.uid, os.Geteuid(), owner.uid)
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(folder, 0o700); err != nil {
			return "", owner, fmt.Errorf("%s has mode %04o, but must be closed to others: %w", folder, info.Mode().Perm(), err)
		}
	}
	return folder, owner, nil
}

// ownedByServer sees to it that a folder which root uses is not root's.
func ownedByServer(folder string, owner account, log *slog.Logger) (account, error) {
	if owner.uid != 0 {
		return owner, nil
	}
	to, reached, err := serverAccount(folder)
	if err != nil {
		return owner, err
	}
	if !reached {
		// A finding of nfacct status and nfacct run, which is not said by each command.
		log.Info("the private database runs as root: no other user can come to its folder", "folder", folder, "remedy", rootRemedy(folder))
		return owner, nil
	}
	return to, give(folder, to)
}

// Sync makes a file or folder durable.
func Sync(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// EscapeGlob makes a folder's name mean itself in a pattern.
func EscapeGlob(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}
