package archive

import (
	"context"
	"database/sql"
	"fmt"
	"nfacct/archive/mariadb"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// fillPoll is how often the disk is looked at while a statement fills it.
	fillPoll = 200 * time.Millisecond
)

// fill runs a statement that writes as much as a table, and ends it when the disk
// has all but filled up meanwhile: MyISAM would wait for somebody to free space, and
// with it all who wait for the writer lock. The error wraps ENOSPC then. Of a server
// whose disk cannot be seen from here the state of the statement tells, a minute late.
func (a *Archive) fill(ctx context.Context, doing, statement string) error {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return wrap("connect", err)
	}
	defer release(conn)
	var id uint64
	if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return wrap(doing, err)
	}
	folder := a.visible(ctx)
	ctx, end := context.WithCancel(ctx)
	defer end()
	var full atomic.Bool
	over := make(chan struct{})
	go func() {
		defer close(over)
		for mariadb.Sleep(ctx, fillPoll) == nil {
			if a.brimful(ctx, folder, id) {
				full.Store(true)
				// Until it takes effect: a statement that waits for space looks up once a minute.
				_, _ = a.db.ExecContext(ctx, fmt.Sprintf("KILL QUERY %d", id))
			}
		}
	}()
	_, err = conn.ExecContext(ctx, statement)
	end()
	<-over
	if err != nil && full.Load() {
		return fmt.Errorf("%s: %w: the disk of the server's data filled up meanwhile; free space and try again", doing, unix.ENOSPC)
	}
	return wrap(doing, err)
}

// visible is the folder of the database where it can be seen from here, or "".
func (a *Archive) visible(ctx context.Context) string {
	place, err := a.Place(ctx)
	if err != nil {
		return ""
	}
	// A given server's folder may be of a name that is another server's here.
	if files, err := filepath.Glob(filepath.Join(mariadb.EscapeGlob(place.Folder), "schema_versions.*")); err != nil || files == nil {
		return ""
	}
	return place.Folder
}

// brimful reports whether a statement's disk is full, or all but full.
func (a *Archive) brimful(ctx context.Context, folder string, id uint64) bool {
	if folder != "" {
		free, err := a.free(folder)
		return err == nil && free < mariadb.Brim
	}
	// SHOW needs no temporary table, for which there might be no room either.
	rows, err := a.db.QueryContext(ctx, "SHOW PROCESSLIST")
	if err != nil {
		return false
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return false
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if rows.Scan(into...) == nil && values[0].String == fmt.Sprint(id) && len(values) > 6 && values[6].String == "Waiting for someone to free space" {
			return true
		}
	}
	return false
}

// Room looks whether the disk of the server's data has so many bytes free besides a
// reserve. The error wraps ENOSPC. What cannot be seen from here, as on another
// machine, is taken to be enough.
func (a *Archive) Room(ctx context.Context, want uint64) error {
	if a.server != nil {
		return a.server.Room(want)
	}
	folder := a.visible(ctx)
	if folder == "" {
		return nil
	}
	free, err := a.free(folder)
	if err != nil {
		return err
	}
	return mariadb.Enough(folder, free, want)
}

// FreeBytes is what an ordinary user may still write to the disk of a folder.
func FreeBytes(folder string) (uint64, error) { return mariadb.FreeBytes(folder) }
