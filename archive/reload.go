package archive

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// ClearDay takes a day's rows, books and rollups out of the archive and marks
// the day, durably, as being loaded again; FinishDay removes the mark. The
// files that the day is made of are those of FilesOfDay, before and after; the
// caller sees to it that it has them all before it calls. On a day that is
// marked already it starts over. The writer lock must be held.
func (a *Archive) ClearDay(ctx context.Context, day Day) error {
	if err := a.clearDay(ctx, day); err != nil {
		return fmt.Errorf("clear %s: %w", day, err)
	}
	return nil
}

func (a *Archive) clearDay(ctx context.Context, day Day) error {
	if err := a.ready(ctx); err != nil {
		return err
	}
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	month := MonthOf(day)
	if tables[month.Table()+"c"] {
		return fmt.Errorf("the month is packed: run nfacct archive --month %s --unpack first", month)
	}
	marked, err := a.Reloading(ctx)
	if err != nil {
		return err
	}
	for _, step := range []struct{ doing, statement string }{
		{"mark day", "INSERT IGNORE INTO reloads (day, started) VALUES (?, UTC_TIMESTAMP())"},
		{"note files", "INSERT IGNORE INTO reload_files (day, import, done) SELECT DISTINCT day, import, FALSE FROM books WHERE day = ?"},
		{"note files", "UPDATE reload_files SET done = FALSE WHERE day = ?"},
	} {
		if err := a.exec(ctx, step.doing, step.statement, day); err != nil {
			return err
		}
		a.step("day marked")
	}
	if tables[month.Table()] {
		some := slices.Contains(marked, day) // then keys may not know all rows
		if !some {
			err := a.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+month.Table()+" WHERE `day` = ?)", day).Scan(&some)
			if err != nil {
				return wrap("look for rows", err)
			}
		}
		if some {
			if err := a.rewrite(ctx, month.Table(), "WHERE `day` <> "+quoteText(day.String())); err != nil {
				return err
			}
		}
	}
	a.step("day rewritten")
	for _, table := range []string{"books", "usage_hourly"} {
		if err := a.exec(ctx, "empty "+table, "DELETE FROM "+table+" WHERE day = ?", day); err != nil {
			return err
		}
		a.step("day emptied")
	}
	return nil
}

// FinishDay says that every file of the day is loaded again; it is an error that
// names them when some are not.
func (a *Archive) FinishDay(ctx context.Context, day Day) error {
	doing := fmt.Sprintf("finish %s", day)
	if err := a.held(ctx); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	files, err := a.imports(ctx, "WHERE id IN (SELECT import FROM reload_files WHERE day = ? AND NOT done) ORDER BY file", day)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if len(files) > 0 {
		var names []string
		for _, file := range files {
			names = append(names, file.Name)
		}
		return fmt.Errorf("%s: %d files are not loaded again: %s", doing, len(names), strings.Join(names, ", "))
	}
	// The mark goes last: whoever finds it starts the day over.
	for _, table := range []string{"reload_files", "reloads"} {
		if err := a.exec(ctx, doing, "DELETE FROM "+table+" WHERE day = ?", day); err != nil {
			return err
		}
		a.step("mark removed")
	}
	return nil
}

// Reloading lists the days that ClearDay marked and FinishDay did not finish:
// what tables and books say of them is not the whole day.
func (a *Archive) Reloading(ctx context.Context) ([]Day, error) {
	return a.days(ctx, "SELECT day FROM reloads ORDER BY day")
}

// days reads a list of days.
func (a *Archive) days(ctx context.Context, query string, args ...any) ([]Day, error) {
	rows, err := a.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, wrap("read ledger", err)
	}
	defer rows.Close()
	var days []Day
	for rows.Next() {
		var day Day
		if err := rows.Scan(&day); err != nil {
			return nil, wrap("read ledger", err)
		}
		days = append(days, day)
	}
	return days, wrap("read ledger", rows.Err())
}
