package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// inPlace says whether a file is still where it was.
func inPlace(file os.FileInfo, path string) bool {
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(file, now)
}

// Restore puts right that the folder, its lock or the open file was taken away
// while the file is written, which without this is met only at the end of the
// quarter-hour: they are made again, the file with all that it held, which is there
// as long as it is open. It says whether anything was missing. To be called each
// second or so, and before the file is sealed. An error that wraps ErrLocked says
// that another collector has the folder by now.
func (w *Writer) Restore() (restored bool, err error) {
	var open os.FileInfo
	if w.file != nil {
		if open, err = w.file.Stat(); err != nil {
			return false, fmt.Errorf("restore spool: %w", err)
		}
	}
	lock, err := w.lock.Stat()
	if err != nil {
		return false, fmt.Errorf("restore spool: %w", err)
	}
	locked := inPlace(lock, filepath.Join(w.folder, lockName))
	if locked && (open == nil || inPlace(open, OpenPath(w.folder, w.name))) {
		return false, nil
	}
	if err := MkdirAll(w.folder, 0o750); err != nil {
		return true, fmt.Errorf("restore spool: %w", spaceError(err))
	}
	if !locked {
		lock, err := lockFolder(w.folder)
		if err != nil {
			return true, spaceError(err)
		}
		_ = w.lock.Close() // of a file that is nowhere
		w.lock = lock
	}
	if open != nil && !inPlace(open, OpenPath(w.folder, w.name)) {
		if err := w.rescue(); err != nil {
			return true, fmt.Errorf("restore spool: %w", spaceError(err))
		}
	}
	return true, nil
}

// rescue copies the open file, which has no name any more, to one that has.
func (w *Writer) rescue() error {
	name, file, err := reserve(w.folder, w.began)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, io.NewSectionReader(w.file, 0, w.size)); err != nil {
		return errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	_ = w.file.Close()
	w.file, w.name, w.torn = file, name, false
	return nil
}
