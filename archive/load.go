package archive

import "context"

// File identifies a file of datagrams in the ledger: by its digest, so that the
// same bytes under another name are known.
type File struct {
	Name   string
	Size   int64
	Digest [32]byte // SHA-256
}

// Load is one file on its way into the month tables. It is used by one
// goroutine, and ended by Commit or Abort.
type Load struct{}

// BeginLoad says `loading` in the ledger. The writer lock must be held. The
// error wraps ErrLoaded if these bytes were loaded before.
func (a *Archive) BeginLoad(ctx context.Context, f File) (*Load, error) { panic("unwritten") }

// BeginReload loads a day of a file again, between ClearDay and FinishDay: rows
// and books of other days are left out by the Load itself.
func (a *Archive) BeginReload(ctx context.Context, f File, day Day) (*Load, error) {
	panic("unwritten")
}

// Append adds a row; its month's table is made when it is the first.
func (l *Load) Append(r *Row) error { panic("unwritten") }

// Commit finishes the load: rows counted, rollups and books written, balance
// checked, ledger `loaded`. Routers of books are known by the names given to
// RouterID. A *BalanceError says that the file is loaded, but the books do not
// balance; after any other error the load is undone by Abort.
func (l *Load) Commit(ctx context.Context, books []Book) error { panic("unwritten") }

// Abort undoes the load. After Commit it does nothing, so it can be deferred.
func (l *Load) Abort(ctx context.Context) error { panic("unwritten") }

// BalanceError says which router's day does not balance, and by how much.
type BalanceError struct{ Problems []string }

func (e *BalanceError) Error() string { panic("unwritten") }
