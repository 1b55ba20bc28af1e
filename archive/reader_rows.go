package archive

import (
	"context"
	"strings"
)

// RowsAbout is about how many rows tables of this database have, by the server's own
// estimate: exact for packed tables, and some per cent off for the others.
func (a *Archive) RowsAbout(ctx context.Context, tables []string) (map[string]uint64, error) {
	about := map[string]uint64{}
	if len(tables) == 0 {
		return about, nil
	}
	args := make([]any, len(tables))
	for i, name := range tables {
		args[i] = name
	}
	rows, err := a.db.QueryContext(ctx, "SELECT table_name, COALESCE(table_rows, 0) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (?"+strings.Repeat(", ?", len(tables)-1)+")", args...)
	if err != nil {
		return nil, wrap("read tables", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n uint64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, wrap("read tables", err)
		}
		about[name] = n
	}
	return about, wrap("read tables", rows.Err())
}
