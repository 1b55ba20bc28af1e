package archive

import (
	"context"
	"fmt"
	"maps"
	"nfacct/archive/mariadb"
	"time"
)

// recover undoes what loads that were cut short have left, and finishes what was
// only to be put in place. The writer lock is held, so nobody else is loading.
func (a *Archive) recover(ctx context.Context) error {
	if err := a.quiesce(ctx); err != nil {
		return err
	}
	if err := a.finishReloads(ctx); err != nil {
		return err
	}
	if err := a.recoverPacks(ctx); err != nil {
		return err
	}
	if err := a.tidy(ctx); err != nil {
		return err
	}
	if err := a.clearStage(ctx); err != nil {
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
	if _, err := a.noteSums(ctx); err != nil {
		return err
	}
	if err := a.finishKeys(ctx); err != nil {
		return err
	}
	if err := a.showAll(ctx); err != nil {
		return err
	}
	// Loads that ended, but were not tidied.
	for _, table := range []string{"import_days", "import_months", "import_hours"} {
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
	if err := a.cutOldBack(ctx, id); err != nil {
		return err
	}
	lost := map[Day]uint64{}
	for day, before := range lengths {
		whole, err := a.cutBack(ctx, day, before)
		if err != nil {
			return err
		}
		if !whole {
			lost[day] = ^uint64(0)
		}
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
	maps.Copy(hours, lost)
	if err := a.rollUp(ctx, hours); err != nil {
		return err
	}
	a.step("rollups undone")
	if err := a.exec(ctx, "remove from ledger", "DELETE FROM imports WHERE id = ? AND state = 'loading'", id); err != nil {
		return err
	}
	a.step("undone")
	return a.forget(ctx, id)
}

// length is how long a day's table was before a load.
type length struct {
	rows uint64
	made bool // by the load
}

// cutBack shortens a day's table to what it was. It returns false if rows are
// missing that were there before, which only a disk or a person can do.
func (a *Archive) cutBack(ctx context.Context, day Day, before length) (whole bool, err error) {
	table := day.Table()
	if before.made {
		if err := a.exec(ctx, "cut back "+table, "DROP TABLE IF EXISTS "+table); err != nil {
			return true, err
		}
		if err := a.exec(ctx, "cut back "+table, "DELETE FROM day_tables WHERE day = ?", day); err != nil {
			return true, err
		}
		a.showPeople(ctx, MonthOf(day))
		return true, nil
	}
	tables, err := a.tables(ctx)
	if err != nil {
		return false, err
	}
	if !tables[table] {
		a.missing(table, 0, before.rows)
		return false, nil
	}
	sound, err := a.sound(ctx, table)
	if err != nil {
		return false, err
	}
	n, err := a.count(ctx, table)
	if err != nil {
		return false, err
	}
	switch {
	case n < before.rows:
		a.missing(table, n, before.rows)
		return false, nil
	case n > before.rows || !sound:
		keys, err := a.keyed(ctx, day)
		if err != nil {
			return false, err
		}
		return true, a.rewrite(ctx, table, before.rows, keys)
	}
	return true, nil
}

// missing tells of rows that are lost; it is nothing that loading waits for.
func (a *Archive) missing(table string, n, before uint64) {
	a.log.Error("rows are missing that were loaded and on disk: load the day again (nfacct import --day)",
		"table", table, "rows", n, "missing", before-n)
}

// sound reports whether a table's keys fit its rows. Opening a table that was
// not closed repairs it, but one that a killed statement left is not marked.
func (a *Archive) sound(ctx context.Context, table string) (bool, error) {
	rows, err := a.db.QueryContext(ctx, "CHECK TABLE "+table)
	if err != nil {
		return false, wrap("check "+table, err)
	}
	defer rows.Close()
	verdict := ""
	for rows.Next() {
		var name, op, kind string
		if err := rows.Scan(&name, &op, &kind, &verdict); err != nil {
			return false, wrap("check "+table, err)
		}
	}
	return verdict == "OK", wrap("check "+table, rows.Err())
}

// lengths are how long the tables of days were before a load.
func (a *Archive) lengths(ctx context.Context, id uint32) (map[Day]length, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT day, rows_before, made FROM import_days WHERE import = ?", id)
	if err != nil {
		return nil, wrap("read ledger", err)
	}
	defer rows.Close()
	lengths := map[Day]length{}
	for rows.Next() {
		var day Day
		var n length
		if err := rows.Scan(&day, &n.rows, &n.made); err != nil {
			return nil, wrap("read ledger", err)
		}
		lengths[day] = n
	}
	return lengths, wrap("read ledger", rows.Err())
}

// forget removes what the ledger knew for undoing a load.
func (a *Archive) forget(ctx context.Context, id uint32) error {
	for _, table := range []string{"import_days", "import_months", "import_hours"} {
		if err := a.exec(ctx, "tidy ledger", "DELETE FROM "+table+" WHERE import = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// How long statements of dead writers are waited for before they are killed, and
// altogether.
const (
	quiescePatience = 15 * time.Second
	quiesceWait     = 2 * time.Minute
)

// quiesce waits for the end of statements that writers who died have left running
// in the server: a LOAD DATA that goes on after its table was cut back would add
// rows that nobody knows of. The writer lock is held, so none of them has a
// master. They end by themselves when their pipe does; killed, they leave a
// table's keys unfinished, so that comes last.
func (a *Archive) quiesce(ctx context.Context) error {
	how, err := a.choosePipes(ctx)
	if err != nil {
		return err
	}
	if err := how.sweep(); err != nil {
		return fmt.Errorf("remove old FIFOs: %w", err)
	}
	began := time.Now()
	killed := map[uint64]bool{}
	for {
		ids, err := a.orphans(ctx)
		if err != nil || len(ids) == 0 {
			return err
		}
		waited := time.Since(began)
		if waited > quiesceWait {
			return fmt.Errorf("statements of a load that was cut short still run after %v: %w", quiesceWait, ErrUnavailable)
		}
		for _, id := range ids {
			if waited > quiescePatience && !killed[id] {
				killed[id] = true
				a.log.Debug("ending a statement of a dead writer", "connection", id)
				// It may have ended by itself by now.
				_, _ = a.db.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
			}
		}
		if err := mariadb.Sleep(ctx, 5*time.Millisecond); err != nil {
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
