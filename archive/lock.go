package archive

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"os"
	"sync"
	"time"
)

// Writer is the only one who writes flows, ledger and books: whoever has none cannot. It
// is held by a connection; if the server goes away in between, loads fail with
// ErrUnavailable, and another Writer is needed. It is used by one goroutine; Unlock may
// be called by any.
type Writer struct {
	*Archive
	mu   sync.Mutex
	conn *sql.Conn // holds the database's lock; nil when it is given up
	file *os.File  // holds that of the private server's folder

	touched   map[Day]bool // loaded into
	reloading Day          // that is being loaded again; zero: none
}

// Lock makes the caller the only writer, waiting so long for others (0: not at all; then
// the error wraps ErrLocked). What an interrupted load left is recovered before Lock
// returns.
func (a *Archive) Lock(ctx context.Context, wait time.Duration) (*Writer, error) {
	w, err := a.lockWriter(ctx, wait)
	if err != nil {
		return nil, err
	}
	if err := a.recover(ctx); err != nil {
		w.Unlock()
		return nil, fmt.Errorf("recover: %w", err)
	}
	return w, nil
}

// lockWriter is Lock without what it recovers.
func (a *Archive) lockWriter(ctx context.Context, wait time.Duration) (_ *Writer, err error) {
	started := time.Now()
	w := &Writer{Archive: a, touched: map[Day]bool{}}
	if a.server != nil {
		// A file lock as well: it survives a restart of the server.
		if w.file, err = a.server.Lock(ctx, "writer.lock", wait); err != nil {
			return nil, fmt.Errorf("writer lock: %w", err)
		}
	}
	if w.conn, err = a.advisoryConn(ctx, "writer", max(0, wait-time.Since(started))); err != nil {
		w.Unlock()
		return nil, fmt.Errorf("writer lock: %w", err)
	}
	return w, nil
}

// Unlock lets others write. Twice does no harm.
func (w *Writer) Unlock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		release(w.conn)
	}
	if w.file != nil {
		w.file.Close()
	}
	w.conn, w.file = nil, nil
}

// held returns an error if this is no longer the writer.
func (w *Writer) held(ctx context.Context) error {
	w.mu.Lock()
	conn := w.conn
	w.mu.Unlock()
	if conn == nil {
		return fmt.Errorf("the writer lock is not held: call Lock first")
	}
	var mine sql.NullBool
	err := conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?) = CONNECTION_ID()", w.lockName("writer")).Scan(&mine)
	if err != nil {
		return wrap("writer lock lost", err)
	}
	if !mine.Bool {
		return fmt.Errorf("writer lock lost: %w", ErrUnavailable)
	}
	return nil
}

// advisory takes one of the database's own locks, which its connection holds.
func (a *Archive) advisory(ctx context.Context, what string, wait time.Duration) (unlock func(), err error) {
	conn, err := a.advisoryConn(ctx, what, wait)
	if err != nil {
		return nil, err
	}
	return func() { release(conn) }, nil
}

func (a *Archive) advisoryConn(ctx context.Context, what string, wait time.Duration) (*sql.Conn, error) {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return nil, wrap("connect", err)
	}
	var got sql.NullBool
	err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", a.lockName(what), math.Ceil(wait.Seconds())).Scan(&got)
	if err == nil && got.Bool {
		return conn, nil
	}
	holder := ""
	if err == nil {
		// Of the same user's connections a server tells where they come from.
		var id uint64
		var from string
		if conn.QueryRowContext(ctx, "SELECT id, host FROM information_schema.processlist WHERE id = IS_USED_LOCK(?)", a.lockName(what)).Scan(&id, &from) == nil {
			holder = fmt.Sprintf(": connection %d of the server, from %s", id, from)
		}
	}
	release(conn)
	if err != nil {
		return nil, wrap("lock", err)
	}
	return nil, fmt.Errorf("%s of %s: %w%s", what, a.dsn.DBName, ErrLocked, holder)
}

// lockName is the name of a lock, which all databases of a server share. MySQL
// allows 64 characters.
func (a *Archive) lockName(what string) string {
	name := "nfacct " + what + " " + a.dsn.DBName
	return name[:min(len(name), 64)]
}

// release gives up the locks that a connection holds. It is not reused: a
// connection with something left on it must not get back into the pool.
func release(conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = conn.ExecContext(ctx, "DO RELEASE_ALL_LOCKS()") // MariaDB 10.5, MySQL 5.7; closing does it too
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	conn.Close()
}
