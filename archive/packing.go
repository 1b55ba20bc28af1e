package archive

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// Packing is the lock of the one who packs months, and all that is done on the way:
// months are counted, staged, copied and compared. Loads go on.
type Packing struct {
	a      *Archive
	token  string // names the attempt in month_packs
	unlock func()
}

// LockPacking makes the caller the only one who packs, waiting so long for others.
func (a *Archive) LockPacking(ctx context.Context, wait time.Duration) (*Packing, error) {
	k := &Packing{a: a, token: rand.Text()}
	if a.server == nil {
		var err error
		k.unlock, err = a.advisory(ctx, "pack", wait)
		return k, err
	}
	file, err := a.server.Lock(ctx, "pack.lock", wait)
	if err != nil {
		return nil, err
	}
	k.unlock = func() { file.Close() }
	return k, nil
}

// Unlock lets others pack.
func (k *Packing) Unlock() { k.unlock() }

// Token names the attempt.
func (k *Packing) Token() string { return k.token }

// Begin notes that a month is being packed. From here on a load into the month
// disturbs the attempt.
func (k *Packing) Begin(ctx context.Context, m Month, method string) error {
	doing := "begin to pack " + m.String()
	i, err := k.a.inventory(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if i.packed[m] && len(i.daysOf(m)) == 0 {
		return fmt.Errorf("%s: %w", doing, ErrPacked)
	}
	if err := k.a.beginMove(ctx, doing, m, StatePacking, k.token, method); err != nil {
		return err
	}
	k.a.step("pack begun")
	// A load notes the length of a day before it looks whether somebody packs its
	// month, so one of the two sees the other.
	var busy int
	err = k.a.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM import_days JOIN imports ON imports.id = import_days.import WHERE day BETWEEN ? AND ? AND state = 'loading')
	+ (SELECT COUNT(*) FROM reloads WHERE day BETWEEN ? AND ?)`,
		m.First(), m.Last(), m.First(), m.Last()).Scan(&busy)
	if err != nil {
		return wrap(doing, err)
	}
	if busy > 0 {
		return fmt.Errorf("%s: an import is loading into the month, or was interrupted: try again later, after nfacct import: %w", doing, ErrLocked)
	}
	return nil
}

// Disturbed reports whether rows came into a month since Begin, or another
// attempt has taken this one's place.
func (k *Packing) Disturbed(ctx context.Context, m Month) (bool, error) {
	var n int
	err := k.a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM month_packs WHERE month = ? AND token = ? AND NOT disturbed", m.String(), k.token).Scan(&n)
	return n == 0, wrap("look for packs", err)
}

// Cancel forgets an attempt, if it is still this one's.
func (k *Packing) Cancel(ctx context.Context, m Month) error {
	i, err := k.a.inventory(ctx)
	if err != nil {
		return err
	}
	if i.packed[m] { // it was packed before, and still is
		return k.a.exec(ctx, "cancel pack", "UPDATE month_packs SET state = 'packed' WHERE month = ? AND token = ? AND state = 'packing'", m.String(), k.token)
	}
	return k.a.exec(ctx, "cancel pack", "DELETE FROM month_packs WHERE month = ? AND token = ? AND state = 'packing'", m.String(), k.token)
}

// Checksum is the server's checksum over all rows of a table, in any order. It
// reads them all.
func (k *Packing) Checksum(ctx context.Context, table string) (uint64, error) {
	return k.a.checksum(ctx, table)
}

// Kept is what is known of a table's rows since they were loaded.
type Kept struct {
	Known bool
	Sum   uint64 // of Checksum, over Rows rows; if Known
	Rows  uint64
	// Damage was found before, and the day was not loaded again since.
	Damage string
}

// Kept returns what the ledger knows of a part's table, or else the server; the
// latter is worth something only before the table is checked or repaired.
func (k *Packing) Kept(ctx context.Context, p Part) (Kept, error) {
	n, err := k.a.notedMonth(ctx, MonthOf(p.From))
	if p.Table == p.From.Table() {
		n, err = k.a.noted(ctx, p.From)
	}
	if err != nil {
		return Kept{}, err
	}
	if !n.sum.Valid {
		// Of a table that is damaged so that it cannot be opened nothing is known.
		if sum, err := k.a.liveSum(ctx, p.Table); err == nil {
			n.sum = sum
		}
		if n.rows, err = k.a.count(ctx, p.Table); err != nil {
			n.sum.Valid = false
		}
	}
	return Kept{Known: n.sum.Valid, Sum: uint64(n.sum.Int64), Rows: n.rows, Damage: n.damage}, nil
}

// Altered says whether rows are others than were loaded, by their number and checksum:
// of a byte that was changed in a time, a port or an address no sum tells.
func (kept Kept) Altered(rows, sum uint64) string {
	switch {
	case kept.Known && kept.Sum != sum && kept.Rows == rows:
		return fmt.Sprintf("rows were altered since they were loaded: their checksum was %d, and is %d", kept.Sum, sum)
	case kept.Damage != "":
		return kept.Damage
	}
	return ""
}
