package importer

import (
	"context"
	"errors"
	"fmt"

	"nfacct/archive"
)

// archiveLoader loads files into the archive.
type archiveLoader struct {
	importer *Importer
	writer   *archive.Writer
	again    archive.Day // if not zero, the day that is loaded again
	reload   *archive.Reload
	ids      []uint16 // of the routers in the tables
	load     *archive.Load
	rows     uint64
}

func newArchiveLoader(ctx context.Context, im *Importer, w *archive.Writer, again archive.Day) (*archiveLoader, error) {
	l := &archiveLoader{importer: im, writer: w, again: again}
	for _, r := range im.routers {
		id, err := im.archive.Routers().ID(ctx, r.Name)
		if err != nil {
			return nil, err
		}
		l.ids = append(l.ids, id)
	}
	return l, nil
}

func (l *archiveLoader) known(ctx context.Context, f archive.File) (bool, error) {
	if !l.again.IsZero() {
		return false, nil
	}
	found, err := l.importer.archive.Reader().ImportByDigest(ctx, f.Digest)
	return found != nil && found.Loaded, l.grave(err)
}

func (l *archiveLoader) begin(ctx context.Context, f archive.File) (err error) {
	l.rows = 0
	if l.again.IsZero() {
		l.load, err = l.writer.BeginLoad(ctx, f)
	} else {
		l.load, err = l.reload.BeginFile(ctx, f)
	}
	return l.grave(err)
}

func (l *archiveLoader) append(row *archive.Row) error {
	row.Router = l.ids[row.Router]
	l.rows++
	return l.grave(l.load.Append(row))
}

func (l *archiveLoader) commit(ctx context.Context, end *fileEnd) (uint64, error) {
	var books []archive.Book
	for p, t := range end.books.all {
		if p.router == collectorItself {
			if _, err := l.importer.archive.Routers().ID(ctx, collectorName); err != nil {
				return 0, l.grave(err)
			}
		}
		books = append(books, l.importer.book(p, t))
	}
	if err := l.fewer(ctx, end, books); err != nil {
		return 0, err
	}
	memory, err := end.memory.text()
	if err != nil {
		return 0, err
	}
	l.load.Remember(memory)
	return l.rows, l.grave(l.load.Commit(ctx, books))
}

// errFewer refuses to load a day again without a router that it had.
var errFewer = errors.New("it holds datagrams of the day that were a router's when it was loaded; add their addresses to the export list of a [[router]]")

// fewer looks, before a day takes the place of what was loaded of it, whether a
// file's exporters were routers then and are strangers now.
func (l *archiveLoader) fewer(ctx context.Context, end *fileEnd, books []archive.Book) error {
	if l.reload == nil || end.strangers == 0 {
		return nil
	}
	before, err := l.importer.archive.Reader().DatagramsOf(ctx, end.input.id, l.again)
	if err != nil {
		return l.grave(err)
	}
	var now uint64
	for _, b := range books {
		if b.Day == l.again {
			now += b.Datagrams
		}
	}
	if now < before {
		return l.grave(fmt.Errorf("%s: %w", end.input.name, errFewer))
	}
	return nil
}

// memory is what the archive remembers of a file that is loaded; nil of others.
func (l *archiveLoader) memory(ctx context.Context, f archive.File) (*memory, error) {
	found, err := l.importer.archive.Reader().ImportByDigest(ctx, f.Digest)
	if err != nil || found == nil {
		return nil, l.grave(err)
	}
	text, err := l.importer.archive.Reader().Memory(ctx, found.ID)
	if err != nil {
		return nil, l.grave(err)
	}
	return parseMemory(text)
}

func (l *archiveLoader) strict() bool { return l.reload != nil }

func (l *archiveLoader) abort(ctx context.Context) error { return l.load.Abort(ctx) }

// grave marks the errors after which the next file would fail too. When a day is
// loaded again all of its files must go in, so any failure is.
func (l *archiveLoader) grave(err error) error {
	if err == nil {
		return nil
	}
	var unbalanced *archive.BalanceError
	if errors.Is(err, archive.ErrUnavailable) || errors.Is(err, archive.ErrLocked) ||
		!l.again.IsZero() && !errors.As(err, &unbalanced) {
		return fatal{err}
	}
	return err
}
