package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Mended is a table that was not sound.
type Mended struct {
	Table  string `json:"table"`
	Engine string `json:"engine"`
	Damage string `json:"damage"`
	Sound  bool   `json:"sound"`          // now
	Said   string `json:"said,omitempty"` // by the server while it mended, such as how many rows are lost
	Copy   string `json:"copy,omitempty"` // folder with the files as they were
}

// Mending is what Mend did and found.
type Mending struct {
	Tables int      `json:"tables"` // that were looked at
	Mended []Mended `json:"mended"`
	// Days are those whose rows, books and sums do not agree: they have to be loaded
	// again.
	Days []Day `json:"days"`
	// Files are those, not of the spool, that the ledger has forgotten for want of
	// their books: they have to be imported again by name, after the days.
	Files []string `json:"files"`
}

// Mend checks every table of the database and repairs those that are damaged, with
// a copy of their files where they are ours. Then it compares rows, books and sums of
// all days. It waits so long for others who write.
func (a *Archive) Mend(ctx context.Context, wait time.Duration) (*Mending, error) {
	m := &Mending{Mended: []Mended{}, Days: []Day{}, Files: []string{}}
	w, err := a.lockWriter(ctx, wait)
	if err != nil {
		return m, err
	}
	err = a.mendTables(ctx, m)
	w.Unlock()
	if err != nil {
		return m, err
	}
	if slices.ContainsFunc(m.Mended, func(t Mended) bool { return !t.Sound }) {
		return m, nil // what is beyond mending is no base for a comparison
	}
	if err := a.migrate(ctx); err != nil {
		return m, err
	}
	if w, err = a.Lock(ctx, wait); err != nil {
		return m, err
	}
	defer w.Unlock()
	if len(m.Mended) > 0 {
		// Sums that are made when they are asked for are made anew.
		if err := a.exec(ctx, "forget sums", "DELETE FROM day_states"); err != nil {
			return m, err
		}
	}
	lost, files, err := a.forgetUnbooked(ctx)
	if err != nil {
		return m, err
	}
	m.Files = append(m.Files, files...)
	doubtful, err := a.doubtfulDays(ctx)
	m.Days = append(append(m.Days, lost...), doubtful...)
	slices.SortFunc(m.Days, Day.Compare)
	m.Days = slices.Compact(m.Days)
	return m, err
}

func (a *Archive) mendTables(ctx context.Context, m *Mending) error {
	tables, err := a.baseTables(ctx)
	if err != nil {
		return err
	}
	folder := ""
	if a.server != nil {
		folder = a.server.Path(time.Now().UTC().Format("damaged-20060102T150405"))
	}
	for _, t := range tables {
		damage, err := a.maintain(ctx, "CHECK TABLE `"+t.Table+"`")
		if err != nil {
			return err
		}
		m.Tables++
		if damage == "" {
			continue
		}
		t.Damage = damage
		a.log.Warn("a table is damaged: mending it", "table", t.Table, "damage", damage)
		if err := a.mend(ctx, &t, folder); err != nil {
			return err
		}
		m.Mended = append(m.Mended, t)
	}
	return nil
}

// baseTables are all tables of the database that hold rows.
func (a *Archive) baseTables(ctx context.Context) ([]Mended, error) {
	return collect(ctx, a.db, "list tables", "SELECT TABLE_NAME, COALESCE(ENGINE, '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND COALESCE(ENGINE, '') <> 'MRG_MYISAM' ORDER BY TABLE_NAME",
		func(t *Mended) []any { return []any{&t.Table, &t.Engine} })
}

// mend repairs a table, beginning with what changes least.
func (a *Archive) mend(ctx context.Context, t *Mended, folder string) (err error) {
	ways := []string{"", " EXTENDED", " USE_FRM"}
	switch t.Engine {
	case "MyISAM":
	case "Aria":
		ways = ways[:2]
	case "InnoDB":
		t.Said = "InnoDB mends itself when the server starts, or not at all: restore a backup, or see innodb_force_recovery in the server's manual"
		return nil
	default:
		t.Said = "the server does not know what it is: restore a backup of its files"
		return nil
	}
	if folder != "" {
		if t.Copy, err = a.keepFiles(t.Table, folder); err != nil {
			return err
		}
	}
	var said []string
	for _, how := range ways {
		answer, err := a.maintain(ctx, "REPAIR TABLE `"+t.Table+"`"+how)
		if err != nil {
			return err
		}
		if answer != "" {
			said = append(said, answer)
		}
		check, err := a.maintain(ctx, "CHECK TABLE `"+t.Table+"`")
		if err != nil {
			return err
		}
		if t.Sound = check == ""; t.Sound {
			break
		}
	}
	t.Said = strings.Join(said, "; ")
	return nil
}

// keepFiles copies a table's files.
func (a *Archive) keepFiles(table, into string) (string, error) {
	folder := filepath.Join(a.server.Path("data"), databaseName)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(into, 0o700); err != nil {
		return "", err
	}
	for _, entry := range entries {
		if base, _, _ := strings.Cut(entry.Name(), "."); base != table || !entry.Type().IsRegular() {
			continue
		}
		if err := copyFile(filepath.Join(folder, entry.Name()), filepath.Join(into, entry.Name())); err != nil {
			return "", fmt.Errorf("keep a copy of %s: %w", table, err)
		}
	}
	return into, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// maintain runs CHECK or REPAIR and returns what the server says but that all is well,
// and what it says of rows that are lost.
func (a *Archive) maintain(ctx context.Context, statement string) (said string, err error) {
	type row struct {
		table, op, kind string
		text            sql.NullString
	}
	var lines []string
	good := false
	err = each(ctx, a.db, strings.ToLower(statement), statement, func(r *row) []any { return []any{&r.table, &r.op, &r.kind, &r.text} }, func(r *row) error {
		good = r.kind == "status" && (r.text.String == "OK" || strings.HasPrefix(r.text.String, "Table is already up to date"))
		if !good && r.kind != "note" {
			lines = append(lines, r.text.String)
		}
		return nil
	})
	switch {
	case err != nil && (errors.Is(err, ErrUnavailable) || ctx.Err() != nil):
		return "", err
	case err != nil:
		var answer *mysql.MySQLError
		if errors.As(err, &answer) {
			err = answer
		}
		return err.Error(), nil
	case good && strings.HasPrefix(statement, "CHECK"):
		return "", nil
	case lines == nil && !good:
		return "the server says nothing", nil
	}
	const most = 4
	if n := len(lines) - most; n > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d lines more", n))
	}
	return strings.Join(lines, "; "), nil
}

// HoldsRows says whether there are rows of a day, whatever books and ledger say.
func (r Reader) HoldsRows(ctx context.Context, day Day) (bool, error) {
	sums, err := r.a.rowSums(ctx, day, day)
	return len(sums) > 0, err
}

// unbooked are the files whose books are not all there, or the books whose file is not
// in the ledger.
const unbooked = `SELECT books.import FROM books LEFT JOIN imports ON imports.id = books.import WHERE imports.id IS NULL
UNION SELECT id FROM imports LEFT JOIN (SELECT import, SUM(records) AS records FROM books GROUP BY import) AS sums ON sums.import = imports.id
WHERE state = 'loaded' AND imports.records <> COALESCE(sums.records, 0)`

// forgetUnbooked takes files out of ledger and books whose books are not all there,
// so that they can be loaded again. It returns their days, as far as books or the
// names of spool files say, and the names of the others.
func (a *Archive) forgetUnbooked(ctx context.Context) (days []Day, files []string, err error) {
	if days, err = a.days(ctx, "SELECT DISTINCT day FROM books WHERE import IN ("+unbooked+")"); err != nil {
		return nil, nil, err
	}
	ids, err := column[uint32](ctx, a.db, "read ledger", unbooked)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		var name string
		err := a.db.QueryRowContext(ctx, "SELECT file FROM imports WHERE id = ?", id).Scan(&name)
		if err != nil && !errors.Is(err, errNoRows) {
			return nil, nil, wrap("read ledger", err)
		}
		if at, err := time.Parse(time.DateOnly, name[:min(len(name), len(time.DateOnly))]); err == nil { // of the spool
			days = append(days, Day{at.Year(), at.Month(), at.Day()})
		} else if name != "" {
			files = append(files, name)
		}
		if err := errors.Join(
			a.exec(ctx, "forget books", "DELETE FROM books WHERE import = ?", id),
			a.exec(ctx, "forget file", "DELETE FROM imports WHERE id = ?", id),
		); err != nil {
			return nil, nil, err
		}
	}
	return days, files, nil
}

// doubtfulDays are the days whose rows, books and sums do not agree, and those of
// routers whose names are lost: importing them again gives the names.
func (a *Archive) doubtfulDays(ctx context.Context) (days []Day, err error) {
	if days, err = a.days(ctx, "SELECT DISTINCT day FROM books WHERE router NOT IN (SELECT id FROM routers) ORDER BY day"); err != nil {
		return nil, err
	}
	books, err := a.Reader().Audit(ctx, Day{1, 1, 1}, Day{9999, 12, 31})
	if err != nil {
		return nil, err
	}
	for _, b := range books {
		if b.Difference != "" {
			days = append(days, b.Day)
		}
	}
	return days, nil
}
