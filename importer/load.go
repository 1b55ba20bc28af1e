package importer

import (
	"context"
	"errors"

	"nfacct/archive"
)

// archiveLoader loads files into the archive, whose writer lock is held.
type archiveLoader struct {
	importer *Importer
	again    archive.Day // if not zero, the day that is loaded again
	ids      []uint16    // of the routers in the tables
	load     *archive.Load
	rows     uint64
}

func newArchiveLoader(ctx context.Context, im *Importer, again archive.Day) (*archiveLoader, error) {
	l := &archiveLoader{importer: im, again: again}
	for _, r := range im.routers {
		id, err := im.archive.RouterID(ctx, r.Name)
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
	found, err := l.importer.archive.ImportByDigest(ctx, f.Digest)
	return found != nil && found.Loaded, l.grave(err)
}

func (l *archiveLoader) begin(ctx context.Context, f archive.File) (err error) {
	l.rows = 0
	if l.again.IsZero() {
		l.load, err = l.importer.archive.BeginLoad(ctx, f)
	} else {
		l.load, err = l.importer.archive.BeginReload(ctx, f, l.again)
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
			if _, err := l.importer.archive.RouterID(ctx, collectorName); err != nil {
				return 0, l.grave(err)
			}
		}
		books = append(books, l.importer.book(p, t))
	}
	return l.rows, l.grave(l.load.Commit(ctx, books))
}

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
