package archive

import (
	"context"
	"fmt"
	"nfacct/archive/mariadb"
	"os"
	"path/filepath"
	"regexp"
)

// settle closes a table, so that no crash after it makes the server repair it,
// and makes its files durable. Without the right to FLUSH, a given server closes
// it when it likes.
func (a *Archive) settle(ctx context.Context, table string) error {
	if err := a.exec(ctx, "flush "+table, "FLUSH TABLES "+table); err != nil {
		if a.server != nil {
			return err
		}
		a.log.Debug("table not flushed", "table", table, "err", err)
	}
	return a.sync(table)
}

// sync makes a table's files durable, where they are ours. At a statement's end
// rows and keys are in them, whether the server has closed them or not; what
// becomes of a given server's files is its own business.
func (a *Archive) sync(table string) error {
	if a.server == nil {
		return nil
	}
	folder := filepath.Join(a.server.Path("data"), databaseName)
	files, err := filepath.Glob(filepath.Join(mariadb.EscapeGlob(folder), table+".*"))
	if err != nil {
		return err
	}
	for _, file := range append(files, folder) {
		if err := mariadb.Sync(file); err != nil {
			return fmt.Errorf("make %s durable: %w", table, err)
		}
	}
	return nil
}

// rewrite replaces a day's table by its first rows. The new table is whole and
// durable before it takes the old one's place.
func (a *Archive) rewrite(ctx context.Context, table string, rows uint64, keys bool) error {
	if err := a.roomFor(ctx, table); err != nil {
		return fmt.Errorf("rewrite %s: %w", table, err)
	}
	fresh, old := table+"_new", table+"_old"
	for _, statement := range []string{"DROP TABLE IF EXISTS " + fresh, "CREATE TABLE " + fresh + " LIKE " + table} {
		if err := a.exec(ctx, "rewrite "+table, statement); err != nil {
			return err
		}
		a.step("rewrite")
	}
	if !keys {
		if err := a.keysOff(ctx, fresh); err != nil {
			return err
		}
	}
	if err := a.fill(ctx, "rewrite "+table, fmt.Sprintf("%sINSERT INTO %s SELECT * FROM %s USE INDEX () LIMIT %d", mark, fresh, table, rows)); err != nil {
		return err
	}
	a.step("rewrite")
	if err := a.settle(ctx, fresh); err != nil {
		return err
	}
	a.step("rewrite settled")
	if err := a.exec(ctx, "rewrite "+table, "RENAME TABLE "+table+" TO "+old+", "+fresh+" TO "+table); err != nil {
		return err
	}
	a.step("rewrite renamed")
	if err := a.exec(ctx, "rewrite "+table, "DROP TABLE "+old); err != nil {
		return err
	}
	return a.sync(table)
}

// roomFor returns an error if the disk has no room for a table once more.
func (a *Archive) roomFor(ctx context.Context, table string) error {
	if a.server == nil {
		var size uint64
		err := a.db.QueryRowContext(ctx, "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", table).Scan(&size)
		if err != nil {
			return wrap("size of "+table, err)
		}
		return a.Room(ctx, size)
	}
	size, err := a.tableSize(table)
	if err != nil {
		return err
	}
	return a.server.Room(size)
}

// tableSize is what a private table's files take.
func (a *Archive) tableSize(table string) (uint64, error) {
	var size uint64
	for _, ext := range []string{".MYD", ".MYI"} {
		info, err := os.Stat(filepath.Join(a.server.Path("data"), databaseName, table+ext))
		if err != nil {
			return 0, err
		}
		size += uint64(info.Size())
	}
	return size, nil
}

// leftover are the names that tables have on their way; before days had tables of
// their own, months had them too.
var leftover = regexp.MustCompile(`^(flows_\d{4}_\d\d(?:_\d\d)?)_(new|old)$`)

// tidy finishes or undoes what was cut short between two names of a table.
func (a *Archive) tidy(ctx context.Context) error {
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	for name := range tables {
		parts := leftover.FindStringSubmatch(name)
		if parts == nil {
			continue
		}
		table := parts[1]
		if !tables[table] && tables[table+"_old"] {
			// Between the two halves of a rename, which MySQL's MyISAM does
			// not make one. The new table was whole by then.
			from := table + "_old"
			if tables[table+"_new"] {
				from = table + "_new"
			}
			if err := a.exec(ctx, "tidy up", "RENAME TABLE "+from+" TO "+table); err != nil {
				return err
			}
			tables[table], tables[from] = true, false
		}
		if tables[name] {
			if err := a.exec(ctx, "tidy up", "DROP TABLE IF EXISTS "+name); err != nil {
				return err
			}
		}
	}
	return nil
}
