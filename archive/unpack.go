package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Unpack gives back the live table of a packed month. The writer lock must be
// held; readers go on. It is an error if the month is not packed; it wraps
// ErrDamaged if the packed table cannot be read, and nothing has changed then.
func (a *Archive) Unpack(ctx context.Context, m Month) error {
	if err := errors.Join(a.held(ctx), a.idle(ctx)); err != nil {
		return fmt.Errorf("unpack %s: %w", m, err)
	}
	return a.unpack(ctx, m, false)
}

// UnpackMended is Unpack of a month whose packed table cannot be read: the rows
// are those of the staging table, a copy of it that was repaired, and what it
// holds is what the month holds from now on.
func (a *Archive) UnpackMended(ctx context.Context, m Month) error {
	doing := fmt.Sprintf("unpack the repaired %s", m)
	if err := errors.Join(a.held(ctx), a.idle(ctx)); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	mended := m.StagingTable()
	rows, err := a.count(ctx, mended)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	sum, err := a.Checksum(ctx, mended)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := a.replace(ctx, m, mended, false, func() error { return a.accept(ctx, m, rows, sum) }); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// unpack unpacks a month; again says that it is to be packed again.
func (a *Archive) unpack(ctx context.Context, m Month, again bool) error {
	doing := "unpack " + m.String()
	tables, err := a.tables(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch {
	case !tables[m.PackedTable()]:
		return fmt.Errorf("%s: it is not packed", doing)
	case tables[m.Table()]:
		// Only a person can have made it: what switches tables is recovered.
		return fmt.Errorf("%s: %s and %s both stand, and it is not known which is right; rename or drop one of them", doing, m.Table(), m.PackedTable())
	}
	if err := a.compareSum(ctx, m, m.PackedTable()); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := a.replace(ctx, m, m.PackedTable(), again, func() error { return nil }); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// replace makes the live table from the rows of another one, and drops the packed
// one. made is called when the live table is whole.
func (a *Archive) replace(ctx context.Context, m Month, from string, again bool, made func() error) error {
	if err := a.unpackRoom(ctx, from); err != nil {
		return err
	}
	const doing = "make the live table"
	if err := a.exec(ctx, doing, `INSERT INTO month_packs (month, state, token, disturbed, again, method, row_count, flows, live_bytes, packed_bytes, took, problem, started)
	VALUES (?, 'unpacking', '', FALSE, ?, '', 0, 0, 0, 0, 0, '', UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE state = 'unpacking', again = VALUES(again)`, m.String(), again); err != nil {
		return err
	}
	a.step("unpack begun")
	staging := m.unpackTable()
	for _, statement := range []string{"DROP TABLE IF EXISTS " + staging, a.form(staging)} {
		if err := a.exec(ctx, doing, statement); err != nil {
			return err
		}
		a.step("unpacking")
	}
	if err := a.Fill(ctx, doing, mark+"INSERT INTO "+staging+" ("+columns+") SELECT "+columns+" FROM "+from+" USE INDEX ()"); err != nil {
		if errors.Is(err, unix.ENOSPC) { // what is half made takes the space that others wait for
			err = errors.Join(err, a.cancelUnpack(ctx, m))
		}
		return err
	}
	a.step("unpacking")
	if err := a.equal(ctx, from, staging); err != nil {
		return err
	}
	if err := a.settle(ctx, staging); err != nil {
		return err
	}
	if err := made(); err != nil {
		return err
	}
	a.step("unpack settled")
	if err := a.exec(ctx, doing, mark+"RENAME TABLE "+staging+" TO "+m.Table()); err != nil {
		return err
	}
	a.step("unpack renamed")
	if err := a.sync(m.Table()); err != nil {
		return err
	}
	return a.endUnpack(ctx, m)
}

// LiveRow is the bytes to reckon with for a row of a live table, data and keys; 67
// were measured with IPv4 and IPv6 mixed.
const LiveRow = 100

// unpackRoom looks whether the live table will fit.
func (a *Archive) unpackRoom(ctx context.Context, from string) error {
	n, err := a.count(ctx, from)
	if err != nil {
		return err
	}
	return a.Room(ctx, n*LiveRow)
}

// endUnpack drops the packed table, now that the live one is whole.
func (a *Archive) endUnpack(ctx context.Context, m Month) error {
	if err := a.drop(ctx, m.PackedTable()); err != nil {
		return err
	}
	a.step("packed dropped")
	return a.exec(ctx, "note unpack", "UPDATE month_packs SET state = 'unpacked', finished = UTC_TIMESTAMP() WHERE month = ?", m.String())
}

// cancelUnpack goes back to the packed table, which is whole.
func (a *Archive) cancelUnpack(ctx context.Context, m Month) error {
	if err := a.drop(ctx, m.unpackTable()); err != nil {
		return err
	}
	return a.exec(ctx, "cancel unpack", "UPDATE month_packs SET state = 'packed', again = FALSE WHERE month = ?", m.String())
}

// equal returns an error unless two tables hold the same rows, in any order.
func (a *Archive) equal(ctx context.Context, one, other string) error {
	var sums [2]uint64
	for i, table := range []string{one, other} {
		sum, err := a.Checksum(ctx, table)
		if err != nil {
			return err
		}
		n, err := a.count(ctx, table)
		if err != nil {
			return err
		}
		sums[i] = sum<<32 ^ n
	}
	if sums[0] != sums[1] {
		return fmt.Errorf("%s and %s hold different rows", one, other)
	}
	return nil
}

// Checksum is the server's checksum over all rows of a table, in any order. It
// reads them all.
func (a *Archive) Checksum(ctx context.Context, table string) (uint64, error) {
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
