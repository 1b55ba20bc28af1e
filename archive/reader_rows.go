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
