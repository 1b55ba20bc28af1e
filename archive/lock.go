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

// writer is the lock of the one who writes flows, ledger and books.
type writer struct {
	mu   sync.Mutex
	conn *sql.Conn // holds the database's lock; nil when not held
}

// Lock makes the caller the only writer of flows, ledger and books, waiting so
// long for others (0: not at all; then the error wraps ErrLocked). What an
// interrupted load left is recovered before Lock returns. It is held by a
// connection; if the server goes away in between, loads fail with
// ErrUnavailable, and the lock must be taken again.
func (a *Archive) Lock(ctx context.Context, wait time.Duration) (unlock func(), err error) {
	if unlock, err = a.lockWriter(ctx, wait); err != nil {
		return nil, err
	}
	if err := a.recover(ctx); err != nil {
		unlock()
		return nil, fmt.Errorf("recover: %w", err)
	}
	return unlock, nil
}

// lockWriter is Lock without what it recovers.
func (a *Archive) lockWriter(ctx context.Context, wait time.Duration) (unlock func(), err error) {
	started := time.Now()
	var file *os.File
	if a.server != nil {
		// A file lock as well: it survives a restart of the server.
		if file, err = a.server.Lock(ctx, "writer.lock", wait); err != nil {
			return nil, fmt.Errorf("writer lock: %w", err)
		}
	}
	conn, err := a.advisoryConn(ctx, "writer", max(0, wait-time.Since(started)))
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, fmt.Errorf("writer lock: %w", err)
	}
	a.writer.set(conn)
	unlock = sync.OnceFunc(func() {
		a.writer.set(nil)
		a.session.reset()
		release(conn)
		if file != nil {
			file.Close()
		}
	})
	a.session.reset()
	return unlock, nil
}

func (w *writer) set(conn *sql.Conn) {
	w.mu.Lock()
	w.conn = conn
	w.mu.Unlock()
}

// held returns an error if this archive is not, or no longer, the writer.
func (a *Archive) held(ctx context.Context) error {
	a.writer.mu.Lock()
	conn := a.writer.conn
	a.writer.mu.Unlock()
	if conn == nil {
		return fmt.Errorf("the writer lock is not held: call Lock first")
	}
	var mine sql.NullBool
	err := conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?) = CONNECTION_ID()", a.lockName("writer")).Scan(&mine)
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
