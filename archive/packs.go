package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A finished month is packed by archive/pack: the rows of its days are copied into one
// table, which is packed and verified under another name (Month.StagingTable), and
// in one moment takes their place. Loads go on meanwhile; one that touches the month
// disturbs the attempt, which is then given up. What is written in month_packs
// before each step tells the next holder of the writer lock how to go on or back.
// Late rows stand in tables of days beside the packed one, until it is packed again
// with them.

// ErrPacked is wrapped by errors of loads into a month that is packed or dropped.
var ErrPacked = errors.New("the month is packed")

// ErrDisturbed is wrapped when rows came into a month while it was being packed.
var ErrDisturbed = errors.New("rows came while the month was being packed")

// StagingTable is where a month is put together before it takes its place.
func (m Month) StagingTable() string { return fmt.Sprintf("pack_%04d_%02d", m.Year, int(m.Month)) }

// open is asked before rows of a month are written or taken out. A month from before
// days had tables is converted.
func (a *Archive) open(ctx context.Context, m Month) error {
	i, err := a.inventory(ctx)
	switch {
	case err != nil:
		return err
	case i.packed[m]:
		if a.cfg.LateWaits {
			return fmt.Errorf("%w: late rows of %s wait (archive.late = \"wait\"); run nfacct archive --month %s --unpack and import again, or set archive.late = \"beside\"", ErrPacked, m, m)
		}
		return nil
	case i.old[m]:
		return a.convert(ctx, m)
	case len(i.daysOf(m)) > 0:
		return nil
	}
	p, err := a.pack(ctx, m)
	if err == nil && p != nil && p.State == StateDropped {
		err = fmt.Errorf("%w away: the flows of %s were dropped (archive.keep_months), and only sums are kept", ErrPacked, m)
	}
	return err
}

// admit is open for a day, and tells what kind of table it needs: "" if it has one.
func (a *Archive) admit(ctx context.Context, day Day) (comment string, err error) {
	if err := a.open(ctx, MonthOf(day)); err != nil {
		return "", err
	}
	i, err := a.inventory(ctx)
	if err != nil {
		return "", err
	}
	if _, stands := i.days[day]; stands {
		return "", nil
	}
	if i.packed[MonthOf(day)] {
		return commentLate, nil
	}
	return commentWhole, a.present(ctx, day)
}

// disturb tells whoever packs a month that its rows change.
func (a *Archive) disturb(ctx context.Context, m Month) error {
	return a.exec(ctx, "look for packs", "UPDATE month_packs SET disturbed = TRUE WHERE month = ? AND state = 'packing'", m.String())
}

// SwitchPack puts the month's staging table, which is packed and verified, in the
// place of the tables that it was made from. The error
// wraps ErrDisturbed if rows came since Packing.Begin. sum is that of Packing.Checksum.
func (w *Writer) SwitchPack(ctx context.Context, k *Packing, p Pack, sum uint64) error {
	doing := "switch " + p.Month.String()
	if err := w.held(ctx); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	n, err := w.countMonth(ctx, p.Month)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if n != p.Rows {
		return fmt.Errorf("%s: %w: there are %d, but %d were packed", doing, ErrDisturbed, n, p.Rows)
	}
	result, err := w.db.ExecContext(ctx, `UPDATE month_packs SET state = 'switching', row_count = ?, flows = ?, live_bytes = ?, packed_bytes = ?, took = ?, problem = ?, verified = UTC_TIMESTAMP()
	WHERE month = ? AND token = ? AND state = 'packing' AND NOT disturbed`,
		p.Rows, p.Flows, p.Live, p.Packed, p.Took.Milliseconds(), p.Problem, p.Month.String(), k.token)
	if err != nil {
		return wrap(doing, err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed != 1 {
		return errors.Join(err, fmt.Errorf("%s: %w", doing, ErrDisturbed))
	}
	w.step("pack switching")
	// What is wrong with the rows is accepted now.
	if err := w.accept(ctx, p.Month, p.Rows, sum); err != nil {
		return err
	}
	if err := w.finishSwitch(ctx, p.Month); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// countMonth is how many rows a month has, in whichever tables.
func (a *Archive) countMonth(ctx context.Context, m Month) (rows uint64, err error) {
	parts, err := a.Reader().Parts(ctx, m.First(), m.Last())
	for _, p := range parts {
		from := p.Table // a table of MyISAM knows
		if p.Without != nil {
			from += " WHERE " + p.Where()
		}
		n, err := a.count(ctx, from)
		if err != nil {
			return 0, err
		}
		rows += n
	}
	return rows, err
}

// finishSwitch puts the staging table in place, if that is not done, and drops what
// it was made from. From the moment that the state is switching, this is how it goes
// on, however often it is cut short. Late rows go in the same statement: they would
// count twice beside a table that holds them. Of a whole day the packed rows are left
// out as long as its table stands.
func (a *Archive) finishSwitch(ctx context.Context, m Month) error {
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	packed, old := m.PackedTable(), m.PackedTable()+"_old"
	staged, err := a.stands(ctx, m.StagingTable())
	if err != nil {
		return err
	}
	if staged {
		var renames []string
		for _, day := range i.daysOf(m) {
			if !i.days[day] {
				renames = append(renames, day.Table()+" TO "+day.Table()+"_old")
			}
		}
		if i.packed[m] {
			renames = append(renames, packed+" TO "+old)
		}
		renames = append(renames, m.StagingTable()+" TO "+packed)
		if err := a.exec(ctx, "put the packed table in place", mark+"RENAME TABLE "+strings.Join(renames, ", ")); err != nil {
			return err
		}
		a.step("pack renamed")
	} else if !i.packed[m] { // it is gone, and what it was made from is all there is
		return a.exec(ctx, "forget pack", "UPDATE month_packs SET state = 'packing', disturbed = TRUE WHERE month = ?", m.String())
	}
	if err := a.sync(packed); err != nil {
		return err
	}
	if err := a.dropTables(ctx, m, packed); err != nil {
		return err
	}
	return errors.Join(
		a.exec(ctx, "note pack", "DELETE FROM staged_parts WHERE month = ?", m.String()),
		a.endMove(ctx, "note pack", m, StatePacked))
}

// stands reports whether there is a table of a name.
func (a *Archive) stands(ctx context.Context, table string) (found bool, err error) {
	err = a.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?)", table).Scan(&found)
	return found, wrap("look for "+table, err)
}

// dropTables drops all tables of a month's flows but one.
func (a *Archive) dropTables(ctx context.Context, m Month, but string) error {
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	for _, table := range slices.Sorted(maps.Keys(i.all)) {
		if !strings.HasPrefix(table, m.Table()) || table == but {
			continue
		}
		if i.people[m] == "view" && table == m.Table() && a.storage().merge {
			continue // somebody's
		}
		if err := a.drop(ctx, table); err != nil {
			return err
		}
		a.step("table dropped")
	}
	return a.exec(ctx, "forget days", "DELETE FROM day_tables WHERE day BETWEEN ? AND ?", m.First(), m.Last())
}

// dropPatience is how long a table's readers are waited for at a time. Whoever
// waits to drop a table holds up its new readers.
const dropPatience = 60

// drop drops a table as soon as nobody reads it. It is marked, so that one that
// still waits when its process has died does not take a later table of the name.
func (a *Archive) drop(ctx context.Context, table string) error {
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	what := "TABLE"
	if i.views[table] {
		what = "VIEW"
	}
	return a.patiently(ctx, "drop "+table, dropPatience, mark+"DROP "+what+" IF EXISTS "+table)
}

// DropMonth drops a month's flows; rollups and books stay.
func (w *Writer) DropMonth(ctx context.Context, m Month) error {
	doing := "drop " + m.String()
	if err := errors.Join(w.held(ctx), w.idle(ctx)); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	err := w.beginMove(ctx, doing, m, StateDropping, "", "")
	if err != nil {
		return err
	}
	w.step("drop begun")
	return w.endDrop(ctx, m)
}

func (a *Archive) endDrop(ctx context.Context, m Month) error {
	if err := a.dropTables(ctx, m, ""); err != nil {
		return err
	}
	if err := a.exec(ctx, "note drop", "DELETE FROM staged_parts WHERE month = ?", m.String()); err != nil {
		return err
	}
	return a.endMove(ctx, "note drop", m, StateDropped)
}
