package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// A month table keeps a checksum over its rows (CHECKSUM=1): the server adds each
// row's CRC-32 as it is loaded, and the last byte of it is kept with the row. But
// whatever repairs a table, checks it or makes its keys sums up anew what is in
// the file, right or wrong. So the ledger has the sum too, noted before that, and
// what is found later is compared with it. Seen with MariaDB 10.11.

// noted is what the ledger has of a month's rows.
type noted struct {
	rows   uint64
	sum    sql.NullInt64 // NULL while rows change
	damage string        // found before
}

func (a *Archive) noted(ctx context.Context, m Month) (n noted, err error) {
	err = a.db.QueryRowContext(ctx, "SELECT row_count, checksum, damage FROM month_sums WHERE month = ?", m.String()).Scan(&n.rows, &n.sum, &n.damage)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, wrap("read checksums", err)
}

// liveSum is the checksum that the server keeps of a table; not valid if it
// keeps none.
func (a *Archive) liveSum(ctx context.Context, table string) (sum sql.NullInt64, err error) {
	var name string
	err = a.db.QueryRowContext(ctx, "CHECKSUM TABLE "+table+" QUICK").Scan(&name, &sum)
	return sum, wrap("checksum of "+table, err)
}

// changing notes that a month's rows are about to change, after a look whether
// the server's sum is still the one that was noted.
func (a *Archive) changing(ctx context.Context, m Month) error {
	n, err := a.noted(ctx, m)
	if err != nil {
		return err
	}
	if n.sum.Valid {
		sum, err := a.liveSum(ctx, m.Table())
		if err != nil {
			return err
		}
		if sum.Valid && sum != n.sum {
			if err := a.noteDamage(ctx, m, n, uint64(sum.Int64)); err != nil {
				return err
			}
		}
	}
	return a.exec(ctx, "note change", "INSERT INTO month_sums (month, row_count, checksum, damage) VALUES (?, 0, NULL, '') ON DUPLICATE KEY UPDATE checksum = NULL", m.String())
}

// noteSums notes the sums of the months that have changed. It comes before their
// keys are made.
func (a *Archive) noteSums(ctx context.Context) error {
	rows, err := a.db.QueryContext(ctx, "SELECT month FROM month_sums WHERE checksum IS NULL")
	if err != nil {
		return wrap("read checksums", err)
	}
	defer rows.Close()
	var changed []Month
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return wrap("read checksums", err)
		}
		m, err := ParseMonth(text)
		if err != nil {
			return fmt.Errorf("read checksums: %w", err)
		}
		changed = append(changed, m)
	}
	if err := rows.Err(); err != nil || len(changed) == 0 {
		return wrap("read checksums", err)
	}
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	for _, m := range changed {
		if !tables[m.Table()] {
			if err := a.exec(ctx, "note checksum", "DELETE FROM month_sums WHERE month = ?", m.String()); err != nil {
				return err
			}
			continue
		}
		sum, err := a.liveSum(ctx, m.Table())
		if err != nil {
			return err
		}
		if !sum.Valid {
			continue // InnoDB keeps none
		}
		n, err := a.count(ctx, m.Table())
		if err != nil {
			return err
		}
		if err := a.exec(ctx, "note checksum", "UPDATE month_sums SET row_count = ?, checksum = ? WHERE month = ?", n, sum, m.String()); err != nil {
			return err
		}
	}
	return nil
}

// noteDamage notes that rows are not what was loaded. It stays noted until the
// month is packed all the same, or all its days are loaded again.
func (a *Archive) noteDamage(ctx context.Context, m Month, n noted, is uint64) error {
	damage := alteredRows(n, is)
	a.log.Error(damage+"; load the days of the month again (nfacct import --from --to)", "month", m)
	// Which day it was, no sum over a month tells.
	if err := a.exec(ctx, "note damage", "INSERT IGNORE INTO altered_days (day) SELECT DISTINCT day FROM books WHERE day BETWEEN ? AND ?", m.First(), m.Last()); err != nil {
		return err
	}
	a.step("altered days noted")
	return a.exec(ctx, "note damage", "UPDATE month_sums SET damage = ? WHERE month = ? AND damage = ''", damage, m.String())
}

// renewed notes that all rows of a day were loaded again: what was found in its
// month is forgotten with the last such day.
func (a *Archive) renewed(ctx context.Context, day Day) error {
	if err := a.exec(ctx, "note renewed day", "DELETE FROM altered_days WHERE day = ?", day); err != nil {
		return err
	}
	m := MonthOf(day)
	return a.exec(ctx, "forget damage", `UPDATE month_sums SET damage = ''
WHERE month = ? AND NOT EXISTS (SELECT 1 FROM altered_days WHERE day BETWEEN ? AND ?)`, m.String(), m.First(), m.Last())
}

// accept makes a sum the one that a month is compared with from now on, whatever
// was found in its rows before.
func (a *Archive) accept(ctx context.Context, m Month, rows, sum uint64) error {
	if err := a.exec(ctx, "note checksum", "REPLACE INTO month_sums (month, row_count, checksum, damage) VALUES (?, ?, ?, '')", m.String(), rows, sum); err != nil {
		return err
	}
	return a.exec(ctx, "forget damage", "DELETE FROM altered_days WHERE day BETWEEN ? AND ?", m.First(), m.Last())
}

// compareSum reads a month's table, live or packed, and compares it with what is
// noted: before its rows are copied, which sums them up anew. The error wraps
// ErrDamaged if a packed table's are others; a live one's are noted as damage.
func (a *Archive) compareSum(ctx context.Context, m Month, table string) error {
	n, err := a.noted(ctx, m)
	if err != nil {
		return err
	}
	if !n.sum.Valid { // rows were changing when something was cut short
		if n.sum, err = a.liveSum(ctx, table); err != nil || !n.sum.Valid {
			return err
		}
	}
	sum, err := a.Checksum(ctx, table)
	if err != nil || sum == uint64(n.sum.Int64) {
		return err
	}
	if table == m.PackedTable() { // the table itself goes on telling
		return fmt.Errorf("%w: %s", ErrDamaged, alteredRows(n, sum))
	}
	return a.noteDamage(ctx, m, n, sum)
}

// alteredRows says that rows are not those that were loaded.
func alteredRows(n noted, is uint64) string {
	return fmt.Sprintf("rows were altered since they were loaded: their checksum was %d, and is %d", n.sum.Int64, is)
}

// Kept is what is known of a month's rows since they were loaded.
type Kept struct {
	Known bool
	Sum   uint64 // of Checksum, over Rows rows; if Known
	Rows  uint64
	// Damage was found before, in a month whose days were not all loaded again since.
	Damage string
}

// KeptSum returns what the ledger knows of a month, or else the server; the
// latter is worth something only before the table is checked or repaired.
func (a *Archive) KeptSum(ctx context.Context, m Month) (Kept, error) {
	n, err := a.noted(ctx, m)
	if err != nil {
		return Kept{}, err
	}
	if !n.sum.Valid {
		// Of a month that is damaged so that it cannot be opened nothing is known.
		if sum, err := a.liveSum(ctx, m.Table()); err == nil {
			n.sum = sum
		}
		if n.rows, err = a.count(ctx, m.Table()); err != nil {
			n.sum.Valid = false
		}
	}
	return Kept{Known: n.sum.Valid, Sum: uint64(n.sum.Int64), Rows: n.rows, Damage: n.damage}, nil
}
