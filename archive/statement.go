package archive

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"
)

// querier is a pool, or one of its connections.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each asks a question and calls take with one row after the other, which is valid
// until take returns. fields says where in a row the columns go.
func each[T any](ctx context.Context, db querier, doing, query string, fields func(*T) []any, take func(*T) error, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return wrap(doing, err)
	}
	defer rows.Close()
	var row T
	into := fields(&row)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return wrap(doing, err)
		}
		if err := take(&row); err != nil {
			return err
		}
	}
	return wrap(doing, rows.Err())
}

// collect is the list of a question's rows.
func collect[T any](ctx context.Context, db querier, doing, query string, fields func(*T) []any, args ...any) (list []T, err error) {
	err = each(ctx, db, doing, query, fields, func(row *T) error {
		list = append(list, *row)
		return nil
	}, args...)
	return list, err
}

// column is the list of a question's only column.
func column[T any](ctx context.Context, db querier, doing, query string, args ...any) ([]T, error) {
	return collect(ctx, db, doing, query, func(row *T) []any { return []any{row} }, args...)
}

// pair is a row of two columns.
type pair[K, V any] struct {
	key   K
	value V
}

func (p *pair[K, V]) fields() []any { return []any{&p.key, &p.value} }

// mapped is a question's second column by its first.
func mapped[K comparable, V any](ctx context.Context, db querier, doing, query string, args ...any) (map[K]V, error) {
	found := map[K]V{}
	err := each(ctx, db, doing, query, (*pair[K, V]).fields, func(p *pair[K, V]) error {
		found[p.key] = p.value
		return nil
	}, args...)
	return found, err
}

// exec runs one statement.
func (a *Archive) exec(ctx context.Context, doing, statement string, args ...any) error {
	_, err := a.db.ExecContext(ctx, statement, args...)
	return wrap(doing, err)
}

// patient is a connection whose statements wait so many seconds for others who use a
// table.
func (a *Archive) patient(ctx context.Context, seconds int) (*sql.Conn, error) {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return nil, wrap("connect", err)
	}
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET SESSION lock_wait_timeout = %d", seconds)); err != nil {
		release(conn)
		return nil, wrap("connect", err)
	}
	return conn, nil
}

// patiently runs one statement on such a connection.
func (a *Archive) patiently(ctx context.Context, doing string, seconds int, statement string) error {
	conn, err := a.patient(ctx, seconds)
	if err != nil {
		return err
	}
	defer release(conn)
	_, err = conn.ExecContext(ctx, statement)
	return wrap(doing, err)
}

// count is how many rows a table has; MyISAM knows.
func (a *Archive) count(ctx context.Context, table string) (n uint64, err error) {
	err = a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n)
	return n, wrap("count "+table, err)
}

// days reads a list of days.
func (a *Archive) days(ctx context.Context, query string, args ...any) ([]Day, error) {
	return column[Day](ctx, a.db, "read ledger", query, args...)
}

// address takes an address of 4 or 16 bytes from the database.
type address netip.Addr

// Scan reads it.
func (a *address) Scan(value any) error {
	bytes, _ := value.([]byte)
	read, ok := netip.AddrFromSlice(bytes)
	if !ok {
		return fmt.Errorf("an address of %d bytes", len(bytes))
	}
	*a = address(read)
	return nil
}

// moment takes a DATETIME from the database, or NULL as the zero time.
type moment time.Time

// Scan reads it.
func (m *moment) Scan(value any) error {
	var t sql.NullTime
	err := t.Scan(value)
	*m = moment(t.Time)
	return err
}

// digest takes a SHA-256 from the database, or NULL as the zero digest.
type digest [32]byte

// Scan reads it.
func (d *digest) Scan(value any) error {
	bytes, _ := value.([]byte)
	if n := copy(d[:], bytes); value != nil && (n != len(d) || n != len(bytes)) {
		return fmt.Errorf("a digest of %d bytes", len(bytes))
	}
	if value == nil {
		*d = digest{}
	}
	return nil
}

// text takes a column that is a text of something else, as JSON is, or the zero value
// for NULL.
type text[T any] struct {
	into  *T
	parse func(text []byte, into *T) error
}

// Scan reads it.
func (t text[T]) Scan(value any) error {
	var read T // nothing of the row before
	var err error
	switch v := value.(type) {
	case []byte:
		err = t.parse(v, &read)
	case string:
		err = t.parse([]byte(v), &read)
	}
	*t.into = read
	return err
}

// fromJSON takes a column of JSON.
func fromJSON[T any](into *T) text[T] {
	return text[T]{into, func(text []byte, into *T) error { return json.Unmarshal(text, into) }}
}
