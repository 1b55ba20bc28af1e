package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
)

// What root makes in a folder belongs to the folder's owner: a command that is
// run with sudo must leave nothing that the daemon's user cannot write.

// Own gives what root has made to the owner of the folder that it lies in. It does
// nothing for other users.
func Own(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	uid, gid := ownerOf(folder)
	return os.Lchown(path, uid, gid)
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}

// MkdirAll is os.MkdirAll, and Own for each folder that it makes.
func MkdirAll(path string, mode fs.FileMode) error {
	if os.Geteuid() != 0 {
		return os.MkdirAll(path, mode)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := MkdirAll(parent, mode); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil {
		return os.MkdirAll(path, mode) // somebody was faster, or it is no folder
	}
	return Own(path)
}

// WriteFile replaces a file, whole or not at all. What it replaces keeps mode and
// owner, unless that was root, and a folder in its place is moved aside. A new
// file has the mode, and belongs to the folder's owner when root makes it.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return WriteFileBy(path, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFileBy is WriteFile of what a function writes.
func WriteFileBy(path string, mode fs.FileMode, write func(io.Writer) error) error {
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() && os.Remove(path) != nil {
		aside := path + time.Now().UTC().Format("-aside-20060102T150405")
		if err := os.Rename(path, aside); err != nil {
			return fmt.Errorf("a folder is in the way: %w", err)
		}
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(mode), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer file.Cleanup()
	if err := Own(file.Name()); err != nil {
		return err
	}
	if info != nil && !info.IsDir() && os.Geteuid() == 0 {
		if uid, gid := ownerOf(info); uid > 0 {
			if err := file.Chown(uid, gid); err != nil {
				return err
			}
		}
	}
	if err := write(file); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}
