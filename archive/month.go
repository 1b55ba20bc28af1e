package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// monthForm makes a month table of a name with an engine. The order of columns and
// the keys are what was measured.
const monthForm = "CREATE TABLE IF NOT EXISTS %s (\n" +
	"	`day` DATE NOT NULL,\n" +
	"	`slot` TINYINT UNSIGNED NOT NULL,\n" +
	"	`router` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`wan` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`host` VARBINARY(16) NOT NULL,\n" +
	"	`peer` VARBINARY(16) NOT NULL,\n" +
	"	`host_port` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`peer_port` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`proto` TINYINT UNSIGNED NOT NULL,\n" +
	"	`up_packets` INT UNSIGNED NOT NULL,\n" +
	"	`down_packets` INT UNSIGNED NOT NULL,\n" +
	"	`up_bytes` BIGINT UNSIGNED NOT NULL,\n" +
	"	`down_bytes` BIGINT UNSIGNED NOT NULL,\n" +
	"	`flows` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`first` SMALLINT NOT NULL,\n" +
	"	`duration` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`attribution` TINYINT UNSIGNED NOT NULL,\n" +
	"	KEY `host` (`host`),\n" +
	"	KEY `day` (`day`, `slot`)\n" +
	") %s"

// The engines of month tables. MyISAM is the one that both loads fast and packs; what
// CHECKSUM is for, sums.go says. InnoDB is for servers where MyISAM is off.
const (
	engineMyISAM = "ENGINE=MyISAM PACK_KEYS=1 CHECKSUM=1"
	engineInnoDB = "ENGINE=InnoDB"
)

// form is the statement that makes a month table under a name.
func (a *Archive) form(table string) string {
	engine := engineMyISAM
	if a.noMyISAM {
		engine = engineInnoDB
	}
	return fmt.Sprintf(monthForm, table, engine)
}

// mark begins every statement of the writer that takes long, so that one whose
// process died can be found in the server's process list.
const mark = "/* nfacct writer */ "

// makeMonth makes a month's table if there is none.
func (a *Archive) makeMonth(ctx context.Context, m Month) error {
	return a.exec(ctx, "make "+m.Table(), a.form(m.Table()))
}

// MakeStaging makes an empty table of a month's form under the name of its staging
// table, and closes it.
func (a *Archive) MakeStaging(ctx context.Context, m Month) error {
	table := m.StagingTable()
	if err := a.exec(ctx, "make "+table, a.form(table)); err != nil {
		return err
	}
	return a.exec(ctx, "flush "+table, "FLUSH TABLES "+table)
}

// tables are all tables of flows.
func (a *Archive) tables(ctx context.Context) (map[string]bool, error) {
	rows, err := a.db.QueryContext(ctx, `SHOW TABLES LIKE 'flows\_%'`)
	if err != nil {
		return nil, wrap("list tables", err)
	}
	defer rows.Close()
	tables := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, wrap("list tables", err)
		}
		tables[name] = true
	}
	return tables, wrap("list tables", rows.Err())
}

// tableForm is the name of a month's table, live or packed.
var tableForm = regexp.MustCompile(`^flows_(\d{4})_(\d\d)c?$`)

// monthsIn are the months that a list of tables holds, the oldest first.
func monthsIn(tables map[string]bool) []Month {
	var months []Month
	for name := range tables {
		if parts := tableForm.FindStringSubmatch(name); parts != nil {
			if m, err := ParseMonth(parts[1] + "-" + parts[2]); err == nil {
				months = append(months, m)
			}
		}
	}
	slices.SortFunc(months, Month.Compare)
	return slices.Compact(months)
}

// count is how many rows a table has; MyISAM knows.
func (a *Archive) count(ctx context.Context, table string) (n uint64, err error) {
	err = a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n)
	return n, wrap("count "+table, err)
}

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
	folder := filepath.Join(a.server.folder, "data", databaseName)
	files, err := filepath.Glob(filepath.Join(escapeGlob(folder), table+".*"))
	if err != nil {
		return err
	}
	for _, file := range append(files, folder) {
		if err := syncPath(file); err != nil {
			return fmt.Errorf("make %s durable: %w", table, err)
		}
	}
	return nil
}

// escapeGlob makes a folder's name mean itself in a pattern.
func escapeGlob(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

// rewrite replaces a table by what a query's end leaves of it. Rows keep their
// order. The new table is whole and durable before it takes the old one's place.
func (a *Archive) rewrite(ctx context.Context, table, keep string) error {
	if err := a.roomFor(ctx, table); err != nil {
		return fmt.Errorf("rewrite %s: %w", table, err)
	}
	fresh, old := table+"_new", table+"_old"
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + fresh,
		"CREATE TABLE " + fresh + " LIKE " + table,
	} {
		if err := a.exec(ctx, "rewrite "+table, statement); err != nil {
			return err
		}
		a.step("rewrite")
	}
	if err := a.Fill(ctx, "rewrite "+table, mark+"INSERT INTO "+fresh+" SELECT * FROM "+table+" USE INDEX () "+keep); err != nil {
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
	a.session.keysOn(table)
	a.step("rewrite renamed")
	if err := a.exec(ctx, "rewrite "+table, "DROP TABLE "+old); err != nil {
		return err
	}
	return a.settle(ctx, table)
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
	return a.server.room(size)
}

// tableSize is what a private table's files take.
func (a *Archive) tableSize(table string) (uint64, error) {
	var size uint64
	for _, ext := range []string{".MYD", ".MYI"} {
		info, err := os.Stat(filepath.Join(a.server.folder, "data", databaseName, table+ext))
		if err != nil {
			return 0, err
		}
		size += uint64(info.Size())
	}
	return size, nil
}

var leftoverForm = regexp.MustCompile(`^(flows_\d{4}_\d\d)_(new|old)$`)

// tidy finishes or undoes rewrites that were cut short.
func (a *Archive) tidy(ctx context.Context) error {
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	for name := range tables {
		parts := leftoverForm.FindStringSubmatch(name)
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

// exec runs one statement.
func (a *Archive) exec(ctx context.Context, doing, statement string, args ...any) error {
	_, err := a.db.ExecContext(ctx, statement, args...)
	return wrap(doing, err)
}
