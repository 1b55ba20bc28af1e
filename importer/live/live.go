// Package live accounts what the collector has received before it is imported: the
// files of the spool that are being written or wait for an import, by the importer's
// own attribution and rules, in memory.
package live

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer"
)

// Config is what is accounted.
type Config struct {
	// Spool is the collector's folder, Location the zone of days.
	Spool    string
	Location *time.Location
	// Keep is for how long Rows remembers who talked with whom.
	Keep time.Duration
	// Importer makes the importer, with what the routers said of themselves by now.
	Importer func(context.Context) (*importer.Importer, error)
	Now      func() time.Time
}

// Live follows the spool. It only reads, when it is asked, and what it has read it does
// not read again: what comes costs what its import costs. It is safe for concurrent use.
type Live struct {
	cfg   Config
	turn  chan struct{} // holds one while nobody is at it
	files map[string]*file
}

// New returns a Live that has read nothing yet.
func New(cfg Config) *Live {
	l := &Live{cfg: cfg, turn: make(chan struct{}, 1), files: map[string]*file{}}
	l.turn <- struct{}{}
	return l
}

// Times of reading again what cannot be read on, see importer.Followed.Again.
const (
	leastPause = 5 * time.Second
	// pauses is how many times as long as the reading took it waits: a tenth of a core
	// is what following version 5 may cost.
	pauses = 10
)

// file is a file that is followed, or was read whole.
type file struct {
	spool.File
	sealed   bool
	followed *importer.Followed // nil: read to its end, or not readable before it is sealed
	router   func(number int) string
	figures
	until time.Time // when its newest datagram came
	began time.Time // the last reading from its beginning
	took  time.Duration
	err   error // why it is not all there
}

// do takes a turn.
func (l *Live) do(ctx context.Context, what func() error) error {
	select {
	case <-l.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { l.turn <- struct{}{} }()
	return what()
}

// refresh reads what has come since. Of the sealed files those are read that hold
// something of the time that is kept, and those of days from a day on that are not loaded;
// a nil loaded wants none of these.
func (l *Live) refresh(ctx context.Context, loaded map[string]bool, from archive.Day) error {
	open, err := spool.ListOpen(l.cfg.Spool)
	if err != nil {
		return err
	}
	sealed, err := spool.ListSealed(l.cfg.Spool)
	if err != nil {
		return err
	}
	aside, err := spool.ReadAside(l.cfg.Spool)
	if err != nil {
		return err
	}
	now := l.cfg.Now()
	since := now.Add(-l.cfg.Keep)
	begin := archive.SlotStart(from, 0, l.cfg.Location)
	is := map[string]bool{} // sealed
	var wanted []spool.File
	for _, f := range sealed {
		if slices.ContainsFunc(aside, func(a spool.Aside) bool { return a.File == f.Name }) {
			is[f.Name] = true // it has ended an import, and would end this
			continue
		}
		recent := f.Start.Add(spool.SlotLength + time.Minute).After(since)
		if recent || loaded != nil && !loaded[f.Name] && !f.Start.Before(begin) {
			is[f.Name] = true
			wanted = append(wanted, f)
		}
	}
	for _, f := range open {
		if !is[f.Name] {
			wanted = append(wanted, f)
		}
	}
	keep := map[string]bool{}
	for _, f := range wanted {
		keep[f.Name] = true
	}
	maps.DeleteFunc(l.files, func(name string, f *file) bool {
		if !keep[name] {
			f.close()
		}
		return !keep[name]
	})
	slices.SortFunc(wanted, func(a, b spool.File) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Name, b.Name)) })
	for _, f := range l.files {
		f.forget(since)
	}
	for _, f := range wanted {
		if err := l.read(ctx, f, is[f.Name], since); err != nil {
			return err
		}
	}
	return nil
}

// read reads a file, or what has come since. An error is not the file's.
func (l *Live) read(ctx context.Context, at spool.File, sealed bool, since time.Time) error {
	f := l.files[at.Name]
	switch {
	case f == nil, sealed && !f.sealed:
	case f.followed == nil:
		return nil // all is known of it
	case !f.followed.Again():
		return f.more(ctx)
	case l.cfg.Now().Sub(f.began) < max(leastPause, pauses*f.took):
		return nil
	}
	im, err := l.cfg.Importer(ctx)
	if err != nil {
		return err
	}
	fresh := &file{File: at, sealed: sealed, router: im.RouterName, began: l.cfg.Now()}
	fresh.figures = newFigures(l.room(at.Name), since)
	start := time.Now()
	if sealed {
		_, fresh.err = im.Show(ctx, []string{at.Name}, fresh.add)
		fresh.until = fresh.newest()
	} else {
		fresh.followed, err = im.Follow(ctx, at, fresh.add)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, spool.ErrCut) || errors.Is(err, spool.ErrFormat) {
			return nil // sealed just now, or not begun: next time
		}
		if err != nil {
			return err
		}
		if err := fresh.more(ctx); err != nil {
			fresh.close()
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fresh.took = time.Since(start)
	if f != nil {
		f.close()
	}
	l.files[at.Name] = fresh
	return nil
}

// more reads on. What cannot be read on is read when it is sealed.
func (f *file) more(ctx context.Context) error {
	err := f.followed.More(ctx)
	f.until = f.followed.Until()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		f.close()
		f.err = err
	}
	return nil
}

func (f *file) close() {
	if f.followed != nil {
		f.followed.Close()
		f.followed = nil
	}
}

// Close lets go of the files.
func (l *Live) Close() {
	<-l.turn
	for _, f := range l.files {
		f.close()
	}
	clear(l.files)
	l.turn <- struct{}{}
}
