package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// LiveRow is the bytes to reckon with for a row of a live table, data and keys; 67
// were measured with IPv4 and IPv6 mixed.
const LiveRow = 100

// convert gives each day of a month a table of its own, from the one that held them
// all before days had theirs. Readers go on; cut short, it goes on with the next
// write to the month: a day whose table stands is done.
func (a *Archive) convert(ctx context.Context, m Month) error {
	doing := "give the days of " + m.String() + " tables of their own"
	n, err := a.notedMonth(ctx, m)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	sum, err := a.checksum(ctx, m.Table())
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	damage := n.damage
	if n.sum.Valid && uint64(n.sum.Int64) != sum {
		damage = alteredRows(n, sum)
	}
	if err := a.disturb(ctx, m); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	a.log.Info("giving each day of a month a table of its own", "month", m)
	if err := a.spread(ctx, m, m.Table(), sum, damage); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := a.drop(ctx, m.Table()); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	a.step("month converted")
	a.showPeople(ctx, m)
	return a.exec(ctx, doing, "DELETE FROM month_sums WHERE month = ?", m.String())
}

// Unpack gives the days of a packed month tables of their own again; readers go on. It is an error if the month is not packed; it wraps
// ErrDamaged if the packed table cannot be read, and nothing has changed then.
func (w *Writer) Unpack(ctx context.Context, m Month) error {
	doing := "unpack " + m.String()
	i, err := w.inventory(ctx)
	if err := errors.Join(err, w.held(ctx), w.idle(ctx)); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch {
	case !i.packed[m]:
		return fmt.Errorf("%s: it is not packed", doing)
	case i.all[m.Table()]:
		// Only a person can have made it: what switches tables is recovered.
		return fmt.Errorf("%s: %s and %s both stand, and it is not known which is right; rename or drop one of them", doing, m.Table(), m.PackedTable())
	}
	n, err := w.notedMonth(ctx, m)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	sum, err := w.checksum(ctx, m.PackedTable())
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if n.sum.Valid && uint64(n.sum.Int64) != sum { // the table itself goes on telling
		return fmt.Errorf("%s: %w: %s", doing, ErrDamaged, alteredRows(n, sum))
	}
	if err := w.unpack(ctx, m, m.PackedTable(), sum); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// UnpackMended is Unpack of a month whose packed table cannot be read: the rows
// are those of the staging table, a copy of it that was repaired, and what it
// holds is what the month holds from now on.
func (w *Writer) UnpackMended(ctx context.Context, m Month) error {
	err := errors.Join(w.held(ctx), w.idle(ctx))
	var sum uint64
	if err == nil {
		sum, err = w.checksum(ctx, m.StagingTable())
	}
	if err == nil {
		err = w.unpack(ctx, m, m.StagingTable(), sum)
	}
	if err != nil {
		return fmt.Errorf("unpack the repaired %s: %w", m, err)
	}
	return nil
}

// unpack makes tables of days from the rows of another, and drops the packed one.
func (a *Archive) unpack(ctx context.Context, m Month, from string, sum uint64) error {
	if err := a.beginMove(ctx, "begin", m, StateUnpacking, "", ""); err != nil {
		return err
	}
	a.step("unpack begun")
	if err := a.spread(ctx, m, from, sum, ""); err != nil {
		return errors.Join(err, a.finishUnpack(context.WithoutCancel(ctx), m))
	}
	if err := a.drop(ctx, m.PackedTable()); err != nil {
		return err
	}
	a.step("packed dropped")
	a.showPeople(ctx, m)
	return a.endUnpack(ctx, m)
}

// endUnpack notes that only tables of days are left.
func (a *Archive) endUnpack(ctx context.Context, m Month) error {
	return errors.Join(
		a.exec(ctx, "note unpack", "DELETE FROM month_sums WHERE month = ?", m.String()),
		a.endMove(ctx, "note unpack", m, StateUnpacked))
}

// finishUnpack goes on when the packed table is gone, or goes back to it: it is whole,
// and days that have tables by now are read from these.
func (a *Archive) finishUnpack(ctx context.Context, m Month) error {
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	if i.packed[m] {
		return a.exec(ctx, "cancel unpack", "UPDATE month_packs SET state = 'packed' WHERE month = ? AND state = 'unpacking'", m)
	}
	return a.endUnpack(ctx, m)
}

// spread makes the tables of those days of a month that have none, or only one of
// late rows, from the rows of another table, whose checksum is given.
func (a *Archive) spread(ctx context.Context, m Month, from string, sum uint64, damage string) error {
	rows, err := a.rowsOfDays(ctx, from)
	if err != nil {
		return err
	}
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	all, err := a.count(ctx, from)
	if err != nil {
		return err
	}
	for _, n := range rows {
		all -= n
	}
	if all != 0 { // the days are counted by their key
		return fmt.Errorf("%w: %s: %d rows are not in its keys", ErrDamaged, from, int64(all))
	}
	days := slices.SortedFunc(maps.Keys(rows), Day.Compare)
	fresh := len(i.daysOf(m)) == 0
	for at, day := range days {
		if MonthOf(day) != m {
			// Only a disk or a person can have made them: no import would find them again.
			a.log.Error("rows are of no day of the month, and are left out", "table", from, "day", day, "rows", rows[day])
			fresh = false
			continue
		}
		whole, stands := i.days[day]
		if whole {
			continue
		}
		if err := a.spreadDay(ctx, from, day, rows[day], stands, damage); err != nil {
			return fmt.Errorf("%s: %w", day, err)
		}
		a.log.Info("a day has its table", "day", day, "done", at+1, "of", len(days))
	}
	if !fresh {
		return nil
	}
	for _, day := range days {
		live, err := a.liveSum(ctx, day.Table())
		if err != nil || !live.Valid { // InnoDB keeps none
			return err
		}
		sum -= uint64(live.Int64)
	}
	if sum&0xffffffff != 0 {
		return fmt.Errorf("%w: %s and the tables of its days hold different rows", ErrDamaged, from)
	}
	return nil
}

// rowsOfDays counts a table's rows by day.
func (a *Archive) rowsOfDays(ctx context.Context, table string) (map[Day]uint64, error) {
	return mapped[Day, uint64](ctx, a.db, "count "+table, "SELECT `day`, COUNT(*) FROM "+table+" GROUP BY `day`")
}

// spreadDay makes one day's table. Its keys come when the day is closed.
func (a *Archive) spreadDay(ctx context.Context, from string, day Day, want uint64, late bool, damage string) error {
	if err := a.Room(ctx, want*LiveRow); err != nil {
		return err
	}
	table := day.Table()
	fresh, old := table+"_new", table+"_old"
	sources, rename := []string{from + " WHERE `day` = " + quoteText(day.String())}, fresh+" TO "+table
	if late {
		n, err := a.count(ctx, table)
		if err != nil {
			return err
		}
		want += n
		sources, rename = append(sources, table), table+" TO "+old+", "+rename
	}
	if err := a.exec(ctx, "make "+fresh, "DROP TABLE IF EXISTS "+fresh+", "+old); err != nil {
		return err
	}
	if err := a.makeDay(ctx, fresh, commentWhole); err != nil {
		return err
	}
	a.step("day spread")
	for _, source := range sources {
		if err := a.fill(ctx, "fill "+fresh, mark+"INSERT INTO "+fresh+" ("+columns+") SELECT "+columns+" FROM "+source); err != nil {
			if errors.Is(err, unix.ENOSPC) { // what is half made takes the space that others wait for
				err = errors.Join(err, a.drop(ctx, fresh))
			}
			return err
		}
		a.step("day spread")
	}
	switch n, err := a.count(ctx, fresh); {
	case err != nil:
		return err
	case n != want:
		return fmt.Errorf("%s has %d rows, but %s %d", fresh, n, strings.Join(sources, " and "), want)
	}
	if err := a.settle(ctx, fresh); err != nil {
		return err
	}
	if err := a.noteDay(ctx, day, damage); err != nil {
		return err
	}
	a.step("day spread")
	if err := a.exec(ctx, "put "+fresh+" in place", mark+"RENAME TABLE "+rename); err != nil {
		return err
	}
	a.step("day renamed")
	if err := a.sync(table); err != nil {
		return err
	}
	return a.exec(ctx, "drop "+old, "DROP TABLE IF EXISTS "+old)
}

// cutOldBack shortens the one table that a month had before days had theirs to what
// it was before a load, which an nfacct of that time was cut short in.
func (a *Archive) cutOldBack(ctx context.Context, id uint32) error {
	before, err := mapped[Month, uint64](ctx, a.db, "read ledger", "SELECT month, rows_before FROM import_months WHERE import = ?", id)
	if err != nil || len(before) == 0 {
		return err
	}
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	for m, n := range before {
		switch {
		case !i.old[m]:
		case n == 0:
			err = a.drop(ctx, m.Table())
		default:
			err = a.rewrite(ctx, m.Table(), n, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
