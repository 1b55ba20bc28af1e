package archive

import (
	"context"
	"strings"
)

// RowsAbout is about how many rows tables of this database have, by the server's own
// estimate: exact for packed tables, and some per cent off for the others.
func (r Reader) RowsAbout(ctx context.Context, tables []string) (map[string]uint64, error) {
	if len(tables) == 0 {
		return map[string]uint64{}, nil
	}
	args := make([]any, len(tables))
	for i, name := range tables {
		args[i] = name
	}
	return mapped[string, uint64](ctx, r.a.db, "read tables", "SELECT table_name, COALESCE(table_rows, 0) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (?"+strings.Repeat(", ?", len(tables)-1)+")", args...)
}

// Size is how much there is of a table: its rows, by the server's own estimate where it
// does not know, and the bytes of rows and keys.
type Size struct{ Rows, Data, Keys uint64 }

// SizeOf is the size of a table; nothing of one that is not there.
func (r Reader) SizeOf(ctx context.Context, table string) (Size, error) {
	sizes, err := collect(ctx, r.a.db, "size of "+table, "SELECT COALESCE(TABLE_ROWS, 0), COALESCE(DATA_LENGTH, 0), COALESCE(INDEX_LENGTH, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
		func(s *Size) []any { return []any{&s.Rows, &s.Data, &s.Keys} }, table)
	if len(sizes) == 0 {
		return Size{}, err
	}
	return sizes[0], err
}

// Loaded is what books say was loaded of each of the days from..to.
func (r Reader) Loaded(ctx context.Context, from, to Day) (map[Day]Loaded, error) {
	type row struct {
		day Day
		Loaded
	}
	found := map[Day]Loaded{}
	err := each(ctx, r.a.db, "read books", "SELECT books.day, "+sumOf("loaded_rows")+", "+sumOf("loaded_records")+", "+sumOf("loaded_bytes")+`
FROM books JOIN imports ON imports.id = books.import WHERE imports.state = 'loaded' AND books.day BETWEEN ? AND ? GROUP BY books.day`, func(r *row) []any {
		return []any{&r.day, &r.Rows, &r.Records, &r.Bytes}
	}, func(r *row) error {
		found[r.day] = r.Loaded
		return nil
	}, from, to)
	return found, err
}
