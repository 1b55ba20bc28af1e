package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// A table of MyISAM keeps a checksum over its rows (CHECKSUM=1): the server adds each
// row's CRC-32 as it is loaded, and the last byte of it is kept with the row. But
// whatever repairs a table, checks it or makes its keys sums up anew what is in
// the file, right or wrong. So the ledger has the sum of each day too, noted before
// that, and what is found later is compared with it. The sum over a month is that of
// its days, modulo 2^32. Seen with MariaDB 10.11.

// noted is what the ledger has of a table's rows.
type noted struct {
	rows   uint64
	sum    sql.NullInt64 // NULL while rows change
	damage string        // found before
}

func (a *Archive) noted(ctx context.Context, day Day) (noted, error) {
	return a.readNoted(ctx, "SELECT row_count, checksum, damage FROM day_tables WHERE day = ?", day)
}

// notedMonth is what the ledger has of a month's one table, packed or from before
// days had theirs.
func (a *Archive) notedMonth(ctx context.Context, m Month) (noted, error) {
	return a.readNoted(ctx, "SELECT row_count, checksum, damage FROM month_sums WHERE month = ?", m.String())
}

func (a *Archive) readNoted(ctx context.Context, query string, arg any) (n noted, err error) {
	err = a.db.QueryRowContext(ctx, query, arg).Scan(&n.rows, &n.sum, &n.damage)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, wrap("read checksums", err)
}

// changing notes that a day's rows are about to change, after a look whether the
// server's sum is still the one that was noted, and tells whoever packs the month.
func (a *Archive) changing(ctx context.Context, day Day, made bool) error {
	if !made {
		n, err := a.noted(ctx, day)
		if err != nil {
			return err
		}
		if n.sum.Valid {
			sum, err := a.liveSum(ctx, day.Table())
			if err != nil {
				return err
			}
			if sum.Valid && sum != n.sum {
				if err := a.noteDamage(ctx, day, alteredRows(n, uint64(sum.Int64))); err != nil {
					return err
				}
			}
		}
	}
	if err := a.exec(ctx, "note change", "INSERT INTO day_tables (day, key_state, row_count, checksum, damage) VALUES (?, ?, 0, NULL, '') ON DUPLICATE KEY UPDATE checksum = NULL", day, a.storage().keyState()); err != nil {
		return err
	}
	return a.disturb(ctx, MonthOf(day))
}

// noteDay notes a day's table that is made anew, before it takes its place.
func (a *Archive) noteDay(ctx context.Context, day Day, damage string) error {
	return a.exec(ctx, "note day", "REPLACE INTO day_tables (day, key_state, row_count, checksum, damage) VALUES (?, ?, 0, NULL, ?)", day, a.storage().keyState(), damage)
}

// noteSums notes the sums of the days that have changed, and names them. It comes
// before their keys are made.
func (a *Archive) noteSums(ctx context.Context) ([]Day, error) {
	changed, err := a.days(ctx, "SELECT day FROM day_tables WHERE checksum IS NULL ORDER BY day")
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	i, err := a.inventory(ctx)
	if err != nil {
		return nil, err
	}
	var noted []Day
	for _, day := range changed {
		if _, stands := i.days[day]; !stands {
			if err := a.exec(ctx, "note checksum", "DELETE FROM day_tables WHERE day = ?", day); err != nil {
				return nil, err
			}
			continue
		}
		noted = append(noted, day)
		sum, err := a.liveSum(ctx, day.Table())
		if err != nil {
			return nil, err
		}
		if !sum.Valid {
			continue // InnoDB keeps none
		}
		n, err := a.count(ctx, day.Table())
		if err != nil {
			return nil, err
		}
		if err := a.exec(ctx, "note checksum", "UPDATE day_tables SET row_count = ?, checksum = ? WHERE day = ?", n, sum, day); err != nil {
			return nil, err
		}
	}
	return noted, nil
}

// noteDamage notes that a day's rows are not what was loaded. It stays noted until
// its month is packed all the same, or the day is loaded again.
func (a *Archive) noteDamage(ctx context.Context, day Day, damage string) error {
	a.log.Error(fmt.Sprintf("%s; load the day again (nfacct import --day %s)", damage, day), "day", day)
	return a.exec(ctx, "note damage", "UPDATE day_tables SET damage = ? WHERE day = ? AND damage = ''", damage, day)
}

// accept makes a sum the one that a packed month is compared with from now on,
// whatever was found in its rows before.
func (a *Archive) accept(ctx context.Context, m Month, rows, sum uint64) error {
	return a.exec(ctx, "note checksum", "REPLACE INTO month_sums (month, row_count, checksum, damage) VALUES (?, ?, ?, '')", m.String(), rows, sum)
}

// alteredRows says that rows are not those that were loaded.
func alteredRows(n noted, is uint64) string {
	return fmt.Sprintf("rows were altered since they were loaded: their checksum was %d, and is %d", n.sum.Int64, is)
}

// liveSum is the checksum that the server keeps of a table; not valid if it keeps
// none.
func (a *Archive) liveSum(ctx context.Context, table string) (sum sql.NullInt64, err error) {
	var name string
	err = a.db.QueryRowContext(ctx, "CHECKSUM TABLE "+table+" QUICK").Scan(&name, &sum)
	return sum, wrap("checksum of "+table, err)
}

// checksum is the server's checksum over all rows of a table, in any order. It
// reads them all.
func (a *Archive) checksum(ctx context.Context, table string) (uint64, error) {
	var name string
	var sum sql.NullInt64
	if err := a.db.QueryRowContext(ctx, "CHECKSUM TABLE "+table+" EXTENDED").Scan(&name, &sum); err != nil {
		return 0, wrap("checksum of "+table, err)
	}
	if !sum.Valid {
		return 0, fmt.Errorf("checksum of %s: %w", table, ErrDamaged)
	}
	return uint64(sum.Int64), nil
}
