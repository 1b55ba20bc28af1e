package spool

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Expire deletes sealed files, oldest first: those that are older than KeepDays,
// and those beyond KeepBytes, but none that is not in the list of imported
// files. Age is told by the clock and by the files themselves: the spool must hold
// files of KeepDays later days too, so that a clock set far forward deletes
// nothing. Only when less than MinFree of the disk is free (or a tenth of it, if
// that is less) are more deleted: imported ones first. Below a quarter of that
// the disk is about to fill, and the others go too, loudly: losing the past
// beats losing the present. Folders that become empty go too. It may run beside a Writer and
// an importer.
func Expire(cfg Config, now time.Time, log *slog.Logger) error {
	return expire(cfg, now, log, func() (free, disk Size, err error) { return space(cfg.Folder) })
}

func expire(cfg Config, now time.Time, log *slog.Logger, space func() (free, disk Size, err error)) error {
	files, err := ListSealed(cfg.Folder)
	if err != nil {
		return err
	}
	imported, err := ReadImported(cfg.Folder)
	if err != nil { // files that are not in it wait
		log.Warn("it is not known of all spool files whether they are imported: those stay", "err", err)
	}
	e := expiry{today: now.UTC().Format(time.DateOnly)}
	for _, file := range files {
		e.total += Size(file.Size)
	}
	oldest := now.AddDate(0, 0, -cfg.KeepDays)
	if after := startOfLast(files, cfg.KeepDays); after.Before(oldest) {
		oldest = after
	}
	files = e.sweep(files, func(file File) bool {
		if !file.Start.Before(oldest) && e.total <= cfg.KeepBytes {
			return false
		}
		if !imported[file.Name] {
			e.waiting++
			return false
		}
		log.Info("spool file expired", "file", file.Name, "bytes", file.Size)
		return true
	})
	if e.waiting > 0 {
		log.Warn("spool files are past their time but not imported yet: kept; see why `nfacct import` does not run", "files", e.waiting)
	}
	short := func(part Size) bool {
		free, disk, err := space()
		e.err = errors.Join(e.err, err)
		e.free = free
		return err == nil && free < min(cfg.MinFree, disk/10)/part
	}
	files = e.sweep(files, func(file File) bool {
		if !imported[file.Name] || !short(1) {
			return false
		}
		log.Warn("disk nearly full: spool file deleted before its time", "file", file.Name, "bytes", file.Size, "free", e.free)
		return true
	})
	e.sweep(files, func(file File) bool {
		if imported[file.Name] || !short(lastResort) {
			return false
		}
		log.Error("disk nearly full: spool file deleted that was NOT imported, its records are lost", "file", file.Name, "bytes", file.Size, "free", e.free)
		return true
	})
	if e.err != nil {
		return fmt.Errorf("expire spool: %w", e.err)
	}
	return nil
}

// startOfLast is where the last so many days that have files begin; zero when there
// are no files before them. A jump of the clock adds one day to
// them, however far it goes; a day without files adds none.
func startOfLast(files []File, days int) time.Time {
	var last time.Time
	for i := len(files) - 1; i >= 0; i-- {
		if day := files[i].Start.UTC().Truncate(24 * time.Hour); !day.Equal(last) {
			if days--; days < 0 {
				return last
			}
			last = day
		}
	}
	return time.Time{}
}

// lastResort is the part of the free space to keep below which files go that are
// not imported.
const lastResort = 4

// expiry is one run of Expire.
type expiry struct {
	today   string // whose folder is in use
	total   Size   // bytes of the files that are left
	free    Size   // bytes of the disk, as last seen
	waiting int
	err     error
}

// sweep deletes the files that doomed chooses and returns the others.
func (e *expiry) sweep(files []File, doomed func(File) bool) (kept []File) {
	for _, file := range files {
		if !doomed(file) {
			kept = append(kept, file)
			continue
		}
		if err := os.Remove(file.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
			e.err = errors.Join(e.err, err)
			kept = append(kept, file)
			continue
		}
		e.total -= Size(file.Size)
		// Fails, as it should, while anything is left in it.
		if day := filepath.Dir(file.Path); filepath.Base(day) != e.today {
			_ = os.Remove(day)
		}
	}
	return kept
}
