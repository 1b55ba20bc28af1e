package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrUnfinished is wrapped when a day that was loaded again is whole and on disk,
// but may not have taken the place of what was there wholly: the next Lock sees to it.
var ErrUnfinished = errors.New("not finished, the next import sees to it")

// finishReloads finishes the reloads that are marked.
func (a *Archive) finishReloads(ctx context.Context) error {
	days, err := a.marked(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		a.log.Warn("finishing what was cut short: a day was loaded again", "day", day)
		if err := a.finishReload(ctx, day); err != nil {
			return fmt.Errorf("finish loading %s again: %w", day, err)
		}
	}
	return nil
}

// marked lists the days that are loaded again, whole and on disk.
func (a *Archive) marked(ctx context.Context) ([]Day, error) {
	return a.days(ctx, "SELECT day FROM reloads ORDER BY day")
}

// finishReload puts a day's new rows and books in the place of the old. Each of
// its steps can be done twice, and is, if it is cut short.
func (a *Archive) finishReload(ctx context.Context, day Day) error {
	if err := a.disturb(ctx, MonthOf(day)); err != nil {
		return err
	}
	if err := a.swap(ctx, day); err != nil {
		return err
	}
	if err := a.replaceBooks(ctx, day); err != nil {
		return err
	}
	if err := a.rollUp(ctx, map[Day]uint64{day: ^uint64(0)}); err != nil {
		return err
	}
	a.step("day rolled up")
	if err := a.exec(ctx, "remove mark", "DELETE FROM reloads WHERE day = ?", day); err != nil {
		return err
	}
	a.step("mark removed")
	return a.clearStage(ctx)
}

// swap puts a day's new table in the place of the old one, if that is not done, and
// forgets what was known of the old rows.
func (a *Archive) swap(ctx context.Context, day Day) error {
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	if err := a.noteDay(ctx, day, ""); err != nil {
		return err
	}
	// An nfacct from before days had tables of their own made the month anew.
	for _, table := range []string{day.Table(), MonthOf(day).Table()} {
		fresh, old := table+"_new", table+"_old"
		if tables[fresh] {
			rename := fresh + " TO " + table
			if tables[table] { // else it was cut short between the halves of a rename, see tidy
				rename = table + " TO " + old + ", " + rename
				if err := a.exec(ctx, "drop "+old, "DROP TABLE IF EXISTS "+old); err != nil {
					return err
				}
			}
			if err := a.exec(ctx, "put "+fresh+" in place", "RENAME TABLE "+rename); err != nil {
				return err
			}
			a.step("renamed")
		}
		if err := a.exec(ctx, "drop "+old, "DROP TABLE IF EXISTS "+old); err != nil {
			return err
		}
	}
	a.step("old table dropped")
	a.showPeople(ctx, MonthOf(day))
	return a.sync(day.Table())
}

// replaceBooks puts a day's staged books in the place of those that were there,
// and the ledger's sums of the files right.
func (a *Archive) replaceBooks(ctx context.Context, day Day) error {
	if err := a.exec(ctx, "remove old books", "DELETE FROM books WHERE day = ?", day); err != nil {
		return err
	}
	a.step("old books removed")
	names, _ := new(Book).columns()
	columns := strings.Join(append(names, bookKeys...), ", ")
	if err := a.exec(ctx, "put new books in place", "INSERT INTO books ("+columns+") SELECT "+columns+" FROM reload_books"); err != nil {
		return err
	}
	a.step("new books in place")
	files, err := a.imports(ctx, "WHERE id IN (SELECT import FROM reload_files) ORDER BY id")
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := a.sumUp(ctx, f.ID, ", memory = (SELECT memory FROM reload_files WHERE import = imports.id)", ""); err != nil {
			return err
		}
		a.step("ledger put right")
	}
	return nil
}

// sumUp writes a file's sums over its books to the ledger, and says `loaded`. more
// sets further columns.
func (a *Archive) sumUp(ctx context.Context, id uint32, more, problem string, args ...any) error {
	rules, err := a.rulesOf(ctx, id)
	if err != nil {
		return err
	}
	args = append([]any{rules, problem}, append(args, id)...)
	return a.exec(ctx, "say loaded", `UPDATE imports SET
	records = (SELECT `+sumOf("records")+` FROM books WHERE import = imports.id),
	row_count = (SELECT `+sumOf("loaded_rows")+` FROM books WHERE import = imports.id),
	no_template = (SELECT `+sumOf("no_template")+` FROM books WHERE import = imports.id),
	rules = ?, problem = ?, state = 'loaded', finished = UTC_TIMESTAMP(6)`+more+`
WHERE id = ?`, args...)
}
