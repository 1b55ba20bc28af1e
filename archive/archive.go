// Package archive is the MySQL side: the private or given server, the schema,
// month tables, the ledger of loaded files, books and rollups.
package archive

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"
)

// ErrUnavailable is wrapped by errors of a server that does not answer, does
// not start or went away: the same call may succeed later.
var ErrUnavailable = errors.New("database unavailable")

// ErrLocked is wrapped by errors of locks that somebody else holds.
var ErrLocked = errors.New("locked by another process")

// ErrLoaded is wrapped by BeginLoad's error for a file that is loaded already.
var ErrLoaded = errors.New("loaded already")

// Archive is an open database with its schema up to date. It is safe for use
// by several goroutines.
type Archive struct{}

// Open starts the private server if it is needed and none runs, connects, and
// brings the schema up to date.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Archive, error) { panic("unwritten") }

// Close disconnects; the last user of the private server stops it.
func (a *Archive) Close() error { panic("unwritten") }

// DB is the pool, with the database selected. DATE and DATETIME scan as
// time.Time in UTC, and DATE as Day.
func (a *Archive) DB() *sql.DB { panic("unwritten") }

// Lock makes this process the only writer of flows, ledger and books, waiting so
// long for others (0: not at all; then the error wraps ErrLocked). What an
// interrupted load left is recovered before Lock returns.
func (a *Archive) Lock(ctx context.Context, wait time.Duration) (unlock func(), err error) {
	panic("unwritten")
}
