package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A finished month is packed by archive/pack: the live table's files are copied,
// the copy is packed and verified under another name (Month.StagingTable), and
// in one moment takes the live table's place. Loads go on meanwhile; one that
// touches the month disturbs the attempt, which is then given up. What is
// written in month_packs before each step tells the next holder of the writer
// lock how to go on or back.

// ErrPacked is wrapped by errors of loads into a month that is packed or dropped.
var ErrPacked = errors.New("the month is packed")

// ErrDisturbed is wrapped when rows came into a month while it was being packed.
var ErrDisturbed = errors.New("rows came while the month was being packed")

// Pack is an entry of month_packs.
type Pack struct {
	Month Month
	// State is packing, switching, packed, unpacking, unpacked, dropping or dropped.
	State    string
	Method   string
	Again    bool   // unpacked for a late file: to be packed again
	Rows     uint64 // figures of when it was packed
	Flows    uint64
	Live     uint64 // bytes of the live table, data and keys
	Packed   uint64 // bytes of the packed one
	Took     time.Duration
	Problem  string // what was packed all the same
	Started  time.Time
	Verified time.Time // zero: never
	Finished time.Time
}

// StagingTable is where a month is put together before it takes its place.
func (m Month) StagingTable() string { return fmt.Sprintf("pack_%04d_%02d", m.Year, int(m.Month)) }

// unpackTable is where a month is unpacked to.
func (m Month) unpackTable() string { return "un" + m.StagingTable() }

// Packs lists month_packs, the oldest month first.
func (a *Archive) Packs(ctx context.Context) ([]Pack, error) {
	rows, err := a.db.QueryContext(ctx, `SELECT month, state, method, again, row_count, flows, live_bytes, packed_bytes, took, problem,
	started, verified, finished FROM month_packs ORDER BY month`)
	if err != nil {
		return nil, wrap("read packs", err)
	}
	defer rows.Close()
	var packs []Pack
	for rows.Next() {
		var p Pack
		var month string
		var took int64
		var verified, finished sql.NullTime
		if err := rows.Scan(&month, &p.State, &p.Method, &p.Again, &p.Rows, &p.Flows, &p.Live, &p.Packed, &took, &p.Problem,
			&p.Started, &verified, &finished); err != nil {
			return nil, wrap("read packs", err)
		}
		if p.Month, err = ParseMonth(month); err != nil {
			return nil, fmt.Errorf("read packs: %w", err)
		}
		p.Took, p.Verified, p.Finished = time.Duration(took)*time.Millisecond, verified.Time, finished.Time
		packs = append(packs, p)
	}
	return packs, wrap("read packs", rows.Err())
}

// pack is a month's entry, nil if there is none.
func (a *Archive) pack(ctx context.Context, m Month) (*Pack, error) {
	packs, err := a.Packs(ctx)
	if err != nil {
		return nil, err
	}
	for i := range packs {
		if packs[i].Month == m {
			return &packs[i], nil
		}
	}
	return nil, nil
}

// dropped are the months whose flows were dropped on purpose.
func (a *Archive) dropped(ctx context.Context) (map[Month]bool, error) {
	packs, err := a.Packs(ctx)
	if err != nil {
		return nil, err
	}
	dropped := map[Month]bool{}
	for _, p := range packs {
		if p.State == "dropped" || p.State == "dropping" {
			dropped[p.Month] = true
		}
	}
	return dropped, nil
}

// BeginPack notes that a month is being packed, under a token that names the
// attempt. From here on a load into the month disturbs it. The lock of
// LockPacking must be held.
func (a *Archive) BeginPack(ctx context.Context, m Month, token, method string) error {
	doing := "begin to pack " + m.String()
	tables, err := a.tables(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if tables[m.PackedTable()] {
		return fmt.Errorf("%s: %w", doing, ErrPacked)
	}
	before, err := a.pack(ctx, m)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	// Nothing else of importance is in the entry of a month that has no packed table.
	again := before != nil && before.Again
	if err := a.exec(ctx, doing, `REPLACE INTO month_packs (month, state, token, disturbed, again, method, row_count, flows, live_bytes, packed_bytes, took, problem, started)
	VALUES (?, 'packing', ?, FALSE, ?, ?, 0, 0, 0, 0, 0, '', UTC_TIMESTAMP())`, m.String(), token, again, method); err != nil {
		return err
	}
	a.step("pack begun")
	// A load notes the month's length before it looks whether somebody packs it,
	// so one of the two sees the other.
	var busy int
	err = a.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM import_months JOIN imports ON imports.id = import_months.import WHERE month = ? AND state = 'loading')
	+ (SELECT COUNT(*) FROM keyless_months WHERE month = ?) + (SELECT COUNT(*) FROM reloads WHERE day BETWEEN ? AND ?)`,
		m.String(), m.String(), m.First(), m.Last()).Scan(&busy)
	if err != nil {
		return wrap(doing, err)
	}
	if busy > 0 {
		return fmt.Errorf("%s: an import is loading into the month, or was interrupted: try again later, after nfacct import: %w", doing, ErrLocked)
	}
	return nil
}

// admit is asked before rows of a month are written or taken out. A packed month
// is unpacked, or refused, as configured.
func (a *Archive) admit(ctx context.Context, m Month) error {
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	if tables[m.PackedTable()] {
		if !a.cfg.UnpackLate {
			return fmt.Errorf("%w: late rows of %s wait; run nfacct archive --month %s --unpack and import again, or set archive.late = \"unpack\"", ErrPacked, m, m)
		}
		a.log.Info("unpacking a month for late rows", "month", m)
		err := a.unpack(ctx, m, true)
		if errors.Is(err, ErrDamaged) {
			return fmt.Errorf("%w: late rows of %s wait: nfacct archive --month %s --unpack says what is lost", err, m, m)
		}
		return err
	}
	if tables[m.Table()] {
		return nil
	}
	p, err := a.pack(ctx, m)
	if err == nil && p != nil && p.State == "dropped" {
		err = fmt.Errorf("%w away: the flows of %s were dropped (archive.keep_months), and only sums are kept", ErrPacked, m)
	}
	return err
}

// disturb tells whoever packs a month that its rows change.
func (a *Archive) disturb(ctx context.Context, m Month) error {
	if err := a.changing(ctx, m); err != nil {
		return err
	}
	return a.exec(ctx, "look for packs", "UPDATE month_packs SET disturbed = TRUE WHERE month = ? AND state = 'packing'", m.String())
}

// SwitchPack puts the month's staging table, which is packed and verified, in the
// place of the live one. The writer lock must be held. The error wraps
// ErrDisturbed if rows came since BeginPack. sum is that of Checksum.
func (a *Archive) SwitchPack(ctx context.Context, p Pack, token string, sum uint64) error {
	doing := "switch " + p.Month.String()
	if err := a.held(ctx); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	n, err := a.count(ctx, p.Month.Table())
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if n != p.Rows {
		return fmt.Errorf("%s: %w: there are %d, but %d were packed", doing, ErrDisturbed, n, p.Rows)
	}
	result, err := a.db.ExecContext(ctx, `UPDATE month_packs SET state = 'switching', row_count = ?, flows = ?, live_bytes = ?, packed_bytes = ?, took = ?, problem = ?, verified = UTC_TIMESTAMP()
	WHERE month = ? AND token = ? AND state = 'packing' AND NOT disturbed`,
		p.Rows, p.Flows, p.Live, p.Packed, p.Took.Milliseconds(), p.Problem, p.Month.String(), token)
	if err != nil {
		return wrap(doing, err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed != 1 {
		return errors.Join(err, fmt.Errorf("%s: %w", doing, ErrDisturbed))
	}
	a.step("pack switching")
	if err := a.exec(ctx, doing, mark+"RENAME TABLE "+p.Month.StagingTable()+" TO "+p.Month.PackedTable()); err != nil {
		return err
	}
	a.step("pack renamed")
	// What is wrong with them is accepted now.
	if err := a.accept(ctx, p.Month, p.Rows, sum); err != nil {
		return err
	}
	if err := a.sync(p.Month.PackedTable()); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return a.endSwitch(ctx, p.Month)
}

// endSwitch drops the live table, now that the packed one is durable.
func (a *Archive) endSwitch(ctx context.Context, m Month) error {
	if err := a.drop(ctx, m.Table()); err != nil {
		return err
	}
	a.step("live dropped")
	return a.exec(ctx, "note pack", "UPDATE month_packs SET state = 'packed', again = FALSE, finished = UTC_TIMESTAMP() WHERE month = ?", m.String())
}

// Disturbed reports whether rows came into a month since BeginPack, or another
// attempt has taken this one's place.
func (a *Archive) Disturbed(ctx context.Context, m Month, token string) (bool, error) {
	var n int
	err := a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM month_packs WHERE month = ? AND token = ? AND NOT disturbed", m.String(), token).Scan(&n)
	return n == 0, wrap("look for packs", err)
}

// CancelPack forgets an attempt, if it is still this one's.
func (a *Archive) CancelPack(ctx context.Context, m Month, token string) error {
	// What is to be packed again stays so.
	if err := a.exec(ctx, "cancel pack", "UPDATE month_packs SET state = 'unpacked' WHERE month = ? AND token = ? AND state = 'packing' AND again", m.String(), token); err != nil {
		return err
	}
	return a.exec(ctx, "cancel pack", "DELETE FROM month_packs WHERE month = ? AND token = ? AND state = 'packing'", m.String(), token)
}

// dropPatience is how long a table's readers are waited for at a time. Whoever
// waits to drop a table holds up its new readers.
const dropPatience = 60

// drop drops a table as soon as nobody reads it. It is marked, so that one that
// still waits when its process has died does not take a later table of the name.
func (a *Archive) drop(ctx context.Context, table string) error {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return wrap("connect", err)
	}
	defer release(conn)
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET SESSION lock_wait_timeout = %d", dropPatience)); err != nil {
		return wrap("drop "+table, err)
	}
	_, err = conn.ExecContext(ctx, mark+"DROP TABLE IF EXISTS "+table)
	return wrap("drop "+table, err)
}

// DropMonth drops a month's flows; rollups and books stay. The writer lock must
// be held.
func (a *Archive) DropMonth(ctx context.Context, m Month) error {
	doing := "drop " + m.String()
	if err := errors.Join(a.held(ctx), a.idle(ctx)); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	err := a.exec(ctx, doing, `INSERT INTO month_packs (month, state, token, disturbed, again, method, row_count, flows, live_bytes, packed_bytes, took, problem, started)
	VALUES (?, 'dropping', '', FALSE, FALSE, '', 0, 0, 0, 0, 0, '', UTC_TIMESTAMP()) ON DUPLICATE KEY UPDATE state = 'dropping', token = ''`, m.String())
	if err != nil {
		return err
	}
	a.step("drop begun")
	return a.endDrop(ctx, m)
}

func (a *Archive) endDrop(ctx context.Context, m Month) error {
	for _, table := range []string{m.Table(), m.PackedTable()} {
		if err := a.drop(ctx, table); err != nil {
			return err
		}
		a.step("month dropped")
	}
	return a.exec(ctx, "note drop", "UPDATE month_packs SET state = 'dropped', finished = UTC_TIMESTAMP() WHERE month = ?", m.String())
}

// recoverPacks ends what was cut short between two tables. The writer lock is
// held. An attempt to pack may be under way: it is its own business.
func (a *Archive) recoverPacks(ctx context.Context) error {
	packs, err := a.Packs(ctx)
	if err != nil {
		return err
	}
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	for _, p := range packs {
		switch {
		case p.State == "switching" && tables[p.Month.PackedTable()]:
			err = a.endSwitch(ctx, p.Month)
		case p.State == "switching":
			err = a.exec(ctx, "forget pack", "UPDATE month_packs SET state = 'packing', disturbed = TRUE WHERE month = ?", p.Month.String())
		case p.State == "unpacking" && tables[p.Month.Table()]:
			err = a.endUnpack(ctx, p.Month)
		case p.State == "unpacking":
			err = a.cancelUnpack(ctx, p.Month)
		case p.State == "dropping":
			err = a.endDrop(ctx, p.Month)
		}
		if err != nil {
			return fmt.Errorf("recover %s: %w", p.Month, err)
		}
	}
	return nil
}
