package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Import is a file in the ledger.
type Import struct {
	ID uint32
	File
	Loaded     bool              // or being loaded
	Records    uint64            // of all routers and days
	Rows       uint64            // in the month tables
	NoTemplate uint64            // data sets left out for want of their template
	Rules      map[string]Counts // what each rule left out
	Problem    string            // what did not balance
	Started    time.Time
	Finished   time.Time // zero while loading
}

var errNoRows = sql.ErrNoRows

// ImportByDigest finds the file with these bytes, whatever its name; nil if
// there is none.
func (r Reader) ImportByDigest(ctx context.Context, digest [32]byte) (*Import, error) {
	found, err := r.a.imports(ctx, "WHERE digest = ?", digest[:])
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// ImportsByName finds the files loaded under a name, the oldest first.
func (r Reader) ImportsByName(ctx context.Context, name string) ([]Import, error) {
	return r.a.imports(ctx, "WHERE file = ? ORDER BY id", ledgerName(name))
}

// FilesOfDay lists the files that hold something of a day, in the order in which
// they were loaded first.
func (r Reader) FilesOfDay(ctx context.Context, day Day) ([]Import, error) {
	return r.a.imports(ctx, `WHERE state = 'loaded' AND id IN (SELECT import FROM books WHERE day = ?) ORDER BY id`, day)
}

// MissingTemplates lists the files that were loaded without some of their
// records, because a template had not come, by name. Once templates are there,
// the days of such a file (DaysOf) are loaded again.
func (r Reader) MissingTemplates(ctx context.Context) ([]Import, error) {
	return r.a.imports(ctx, "WHERE state = 'loaded' AND no_template > 0 ORDER BY file, id")
}

// DaysOf lists the days that a file holds something of.
func (r Reader) DaysOf(ctx context.Context, importID uint32) ([]Day, error) {
	return r.a.days(ctx, "SELECT DISTINCT day FROM books WHERE import = ? ORDER BY day", importID)
}

// Memory is what Load.Remember stored with a file; nil if nothing was.
func (r Reader) Memory(ctx context.Context, importID uint32) (memory []byte, err error) {
	err = r.a.db.QueryRowContext(ctx, "SELECT memory FROM imports WHERE id = ?", importID).Scan(&memory)
	if errors.Is(err, errNoRows) {
		return nil, nil
	}
	return memory, wrap("read ledger", err)
}

// DatagramsOf is how many datagrams of known routers a file holds of a day, as it
// was loaded.
func (r Reader) DatagramsOf(ctx context.Context, importID uint32, day Day) (n uint64, err error) {
	err = r.a.db.QueryRowContext(ctx, "SELECT "+sumOf("datagrams")+" FROM books WHERE import = ? AND day = ?", importID, day).Scan(&n)
	return n, wrap("read ledger", err)
}

// LoadedNames lists the names of all files loaded, sorted.
func (r Reader) LoadedNames(ctx context.Context) ([]string, error) {
	return column[string](ctx, r.a.db, "read ledger", "SELECT file FROM imports WHERE state = 'loaded' ORDER BY file")
}

// imports reads ledger entries; the rest of the query selects and orders them.
func (a *Archive) imports(ctx context.Context, rest string, args ...any) ([]Import, error) {
	return collect(ctx, a.db, "read ledger", `SELECT id, file, size, digest, state = 'loaded', records, row_count, no_template,
	rules, problem, started, finished FROM imports `+rest, func(i *Import) []any {
		return []any{&i.ID, &i.Name, &i.Size, (*digest)(&i.Digest), &i.Loaded, &i.Records, &i.Rows, &i.NoTemplate,
			fromJSON(&i.Rules), &i.Problem, &i.Started, (*moment)(&i.Finished)}
	}, args...)
}

// idle returns an error if something was begun that is not over. Rows that others
// append behind those of a load would be cut off with them when it is undone, and
// rows that come to a month while a day of it is loaded again would be left out.
func (w *Writer) idle(ctx context.Context) error {
	if day := w.reloading; !day.IsZero() {
		return fmt.Errorf("%s is still being loaded again: end that, or take the writer lock again", day)
	}
	var file string
	err := w.db.QueryRowContext(ctx, "SELECT file FROM imports WHERE state = 'loading' LIMIT 1").Scan(&file)
	switch {
	case errors.Is(err, errNoRows):
		return nil
	case err != nil:
		return wrap("read ledger", err)
	}
	return fmt.Errorf("%s is still being loaded: end that load, or take the writer lock again to undo it", file)
}
