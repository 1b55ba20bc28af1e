package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const (
	sealedSuffix = ".pcapng.zst"
	openSuffix   = ".open"
	nameLayout   = "20060102T150405Z" // UTC
	lockName     = ".lock"
)

// ErrLocked is wrapped when another collector writes to the spool folder.
var ErrLocked = errors.New("spool folder in use")

// File is one sealed file of a spool folder.
type File struct {
	Name  string    // relative to the folder, with slashes: 2026-11-23/20261123T191500Z.pcapng.zst
	Path  string    // to open it
	Start time.Time // of the file, by its name, UTC
	Size  int64     // bytes
}

// nameOf is the relative name of a file that begins at start.
func nameOf(start time.Time) string {
	start = start.UTC()
	return start.Format(time.DateOnly) + "/" + start.Format(nameLayout) + sealedSuffix
}

// OpenPath is where the file of a relative name lies while it is being written.
func OpenPath(folder, name string) string {
	return filepath.Join(folder, filepath.FromSlash(name)) + openSuffix
}

// startOf is the time in a relative name, if it is one of ours.
func startOf(name string) (time.Time, bool) {
	start, err := time.Parse(nameLayout+sealedSuffix, path.Base(name))
	return start, err == nil && nameOf(start) == name
}

// ListSealed lists the sealed files of a spool folder, oldest first. Files that
// do not bear a spool file's name are left out. A folder that does not exist
// yet has none. With an error, the files are those that could be seen.
func ListSealed(folder string) ([]File, error) { return list(folder, "") }

// ListOpen lists the files that are being written, or were left so by a collector
// that died; Name is the one they will have when they are sealed.
func ListOpen(folder string) ([]File, error) { return list(folder, openSuffix) }

// list lists the files whose names are those of spool files and a suffix.
func list(folder, suffix string) ([]File, error) {
	days, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	var files []File
	var problems []error
	for _, day := range days {
		if _, err := time.Parse(time.DateOnly, day.Name()); err != nil || !day.IsDir() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(folder, day.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("list spool: %w", err))
		}
		for _, entry := range entries {
			base, ok := strings.CutSuffix(entry.Name(), suffix)
			name := day.Name() + "/" + base
			start, ours := startOf(name)
			if !ok || !ours {
				continue
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // expired meanwhile
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("list spool: %w", err))
				continue
			}
			if !info.Mode().IsRegular() {
				continue
			}
			files = append(files, File{
				Name: name, Path: filepath.Join(folder, day.Name(), entry.Name()),
				Start: start, Size: info.Size(),
			})
		}
	}
	slices.SortFunc(files, func(a, b File) int { return a.Start.Compare(b.Start) })
	return files, errors.Join(problems...)
}

// lockFolder keeps other collectors out of the folder until the lock is closed
// or the process ends.
func lockFolder(folder string) (*flock.Flock, error) {
	name := filepath.Join(folder, lockName)
	lock := flock.New(name, flock.SetPermissions(0o640))
	held, err := lock.TryLock()
	if err == nil {
		err = Own(name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock spool: %w", err), lock.Close())
	}
	if !held {
		who, _ := os.ReadFile(name)
		return nil, fmt.Errorf("%w: %s is written by another collector (%s); stop it, or give this one a spool.folder of its own",
			ErrLocked, folder, strings.TrimSpace(string(who)))
	}
	// For the one that finds it locked; the lock holds without it.
	_ = os.WriteFile(name, fmt.Appendf(nil, "process %d\n", os.Getpid()), 0o640)
	return lock, nil
}
