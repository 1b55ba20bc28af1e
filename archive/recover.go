package archive

import (
	"context"
	"fmt"
	"time"
)

// recover undoes what loads that were cut short have left. The writer lock is
// held, so nobody else is loading.
func (a *Archive) recover(ctx context.Context) error {
	if err := a.quiesce(ctx); err != nil {
		return err
	}
	if err := a.tidy(ctx); err != nil {
		return err
	}
	rows, err := a.db.QueryContext(ctx, "SELECT id, file FROM imports WHERE state = 'loading'")
	if err != nil {
		return wrap("read ledger", err)
	}
	defer rows.Close()
	loading := map[uint32]string{}
	for rows.Next() {
		var id uint32
		var file string
		if err := rows.Scan(&id, &file); err != nil {
			return wrap("read ledger", err)
		}
		loading[id] = file
	}
	if err := rows.Err(); err != nil {
		return wrap("read ledger", err)
	}
	for id, file := range loading {
		a.log.Warn("undoing a load that was cut short", "file", file)
		if err := a.undo(ctx, id); err != nil {
			return fmt.Errorf("undo load of %s: %w", file, err)
		}
	}
	// Loads that ended, but were not tidied.
	for _, table := range []string{"import_months", "import_hours"} {
		if err := a.exec(ctx, "tidy ledger", "DELETE FROM "+table+" WHERE import NOT IN (SELECT id FROM imports WHERE state = 'loading')"); err != nil {
			return err
		}
	}
	return nil
}

// undo takes a load out again: rows, books, rollups, and last the ledger's entry,
// so that it can be done again if it is cut short itself.
func (a *Archive) undo(ctx context.Context, id uint32) error {
	lengths, err := a.lengths(ctx, id)
	if err != nil {
		return err
	}
	damaged := map[Month]bool{}
	for month, before := range lengths {
		whole, err := a.cutBack(ctx, month, before)
		if err != nil {
			return err
		}
		damaged[month] = !whole
		a.step("cut back")
	}
	if err := a.exec(ctx, "remove books", "DELETE FROM books WHERE import = ?", id); err != nil {
		return err
	}
	a.step("books removed")
	hours, err := a.notedHours(ctx, id)
	if err != nil {
		return err
	}
	if err := a.rollUp(ctx, hours, true); err != nil {
		return err
	}
	for month, lost := range damaged {
		if lost {
			if err := a.rollUpMonth(ctx, month); err != nil {
				return err
			}
		}
	}
	a.step("rollups undone")
	if err := a.exec(ctx, "remove from ledger", "DELETE FROM imports WHERE id = ? AND state = 'loading'", id); err != nil {
		return err
	}
	a.step("undone")
	return a.forget(ctx, id)
}

// cutBack shortens a month's table to what it was. It returns false if rows are
// missing that were there before, which only a disk or a person can do.
func (a *Archive) cutBack(ctx context.Context, m Month, before uint64) (whole bool, err error) {
	tables, err := a.tables(ctx)
	if err != nil {
		return false, err
	}
	var n uint64
	if tables[m.Table()] {
		if n, err = a.count(ctx, m.Table()); err != nil {
			return false, err
		}
	}
	switch {
	case n > before:
		return true, a.rewrite(ctx, m.Table(), fmt.Sprintf("LIMIT %d", before))
	case n < before:
		a.log.Error("rows are missing that were loaded and on disk: load the month's days again (nfacct import --from --to)",
			"table", m.Table(), "rows", n, "missing", before-n)
		return false, nil
	}
	return true, nil
}

// lengths are how many rows month tables had before a load.
func (a *Archive) lengths(ctx context.Context, id uint32) (map[Month]uint64, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT month, rows_before FROM import_months WHERE import = ?", id)
	if err != nil {
		return nil, wrap("read ledger", err)
	}
	defer rows.Close()
	lengths := map[Month]uint64{}
	for rows.Next() {
		var text string
		var n uint64
		if err := rows.Scan(&text, &n); err != nil {
			return nil, wrap("read ledger", err)
		}
		month, err := ParseMonth(text)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		lengths[month] = n
	}
	return lengths, wrap("read ledger", rows.Err())
}

// forget removes what the ledger knew for undoing a load.
func (a *Archive) forget(ctx context.Context, id uint32) error {
	for _, table := range []string{"import_months", "import_hours"} {
		if err := a.exec(ctx, "tidy ledger", "DELETE FROM "+table+" WHERE import = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// quiesceWait bounds how long statements of dead writers are waited for.
const quiesceWait = time.Minute

// quiesce ends the statements that writers who died have left running in the
// server: a LOAD DATA that goes on after its table was cut back would add rows
// that nobody knows of. The writer lock is held, so none of them has a master.
func (a *Archive) quiesce(ctx context.Context) error {
	how, err := a.choosePipes(ctx)
	if err != nil {
		return err
	}
	if err := how.sweep(); err != nil {
		return fmt.Errorf("remove old FIFOs: %w", err)
	}
	deadline := time.Now().Add(quiesceWait)
	killed := map[uint64]bool{}
	for {
		ids, err := a.orphans(ctx)
		if err != nil || len(ids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("statements of a load that was cut short still run after %v: %w", quiesceWait, ErrUnavailable)
		}
		for _, id := range ids {
			if !killed[id] {
				killed[id] = true
				a.log.Debug("ending a statement of a dead writer", "connection", id)
				// It may have ended by itself by now.
				_, _ = a.db.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
			}
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// orphans are the connections that run a writer's statement.
func (a *Archive) orphans(ctx context.Context) ([]uint64, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE ? AND ID <> CONNECTION_ID()", mark+"%")
	if err != nil {
		return nil, wrap("look at running statements", err)
	}
	defer rows.Close()
	var ids []uint64
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			return nil, wrap("look at running statements", err)
		}
		ids = append(ids, id)
	}
	return ids, wrap("look at running statements", rows.Err())
}
