package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Figures are what rows add up to, each to 64 bits at most: what is more was never
// loaded, and is not what the books say.
type Figures struct {
	Rows, Flows, UpBytes, DownBytes, UpPackets, DownPackets uint64
}

// Plus is the sum, held at the largest number.
func (f Figures) Plus(o Figures) Figures {
	return Figures{plus(f.Rows, o.Rows), plus(f.Flows, o.Flows), plus(f.UpBytes, o.UpBytes), plus(f.DownBytes, o.DownBytes), plus(f.UpPackets, o.UpPackets), plus(f.DownPackets, o.DownPackets)}
}

// Bytes are those up and down.
func (f Figures) Bytes() uint64 { return plus(f.UpBytes, f.DownBytes) }

// Is says whether they are what books say was loaded.
func (f Figures) Is(l Loaded) bool {
	return f.Rows == l.Rows && f.Flows == l.Records && f.Bytes() == l.Bytes
}

// Figures adds up a part by day, also days that are none of its month's.
func (k *Packing) Figures(ctx context.Context, p Part) (map[Day]Figures, error) {
	where := ""
	if p.Without != nil {
		where = " WHERE " + p.Where()
	}
	type row struct {
		day Day
		Figures
	}
	found := map[Day]Figures{}
	err := each(ctx, k.a.db, "count "+p.Table, "SELECT `day`, COUNT(*), "+sumOf("`flows`")+", "+sumOf("`up_bytes`")+", "+sumOf("`down_bytes`")+", "+sumOf("`up_packets`")+", "+sumOf("`down_packets`")+
		" FROM "+p.Table+" USE INDEX ()"+where+" GROUP BY `day`", func(r *row) []any {
		return []any{&r.day, &r.Rows, &r.Flows, &r.UpBytes, &r.DownBytes, &r.UpPackets, &r.DownPackets}
	}, func(r *row) error {
		found[r.day] = r.Figures
		return nil
	})
	return found, err
}

// MakeStaging makes an empty table of a packed month's form under the name of its
// staging table, with its keys off, and closes it. as is the form of its rows where it
// is not the live tables'.
func (k *Packing) MakeStaging(ctx context.Context, m Month, as string) error {
	table := m.StagingTable()
	if err := k.a.exec(ctx, "make "+table, fmt.Sprintf(tableForm, table)+monthKeys+"\n) "+k.a.storage().engine); err != nil {
		return err
	}
	if as != "" {
		return k.a.fill(ctx, "make "+table, "ALTER TABLE "+table+" "+as)
	}
	if err := k.a.keysOff(ctx, table); err != nil {
		return err
	}
	return k.a.exec(ctx, "flush "+table, "FLUSH TABLES "+table)
}

// DropStaging drops a month's staging table.
func (k *Packing) DropStaging(ctx context.Context, m Month) error {
	return k.a.patiently(ctx, "drop "+m.StagingTable(), dropPatience, "DROP TABLE IF EXISTS "+m.StagingTable())
}

// Stage copies a part's rows into its month's staging table, and notes that it is done.
// sum is the checksum over the part's table.
func (k *Packing) Stage(ctx context.Context, p Part, sum uint64) error {
	m, from := MonthOf(p.From), p.Table+" USE INDEX ()"
	if p.Without != nil {
		from += " WHERE " + p.Where()
	}
	if err := k.a.fill(ctx, "stage "+p.Table, "INSERT INTO "+m.StagingTable()+" ("+columns+") SELECT "+columns+" FROM "+from); err != nil {
		return err
	}
	return k.a.exec(ctx, "note what is staged", "INSERT INTO staged_parts (month, part, row_count, checksum) VALUES (?, ?, (SELECT COUNT(*) FROM "+p.Table+"), ?)", m, p.Table, sum)
}

// Staged are the tables whose rows an attempt that was cut short has staged, with their
// checksums; none if it was cut short in the middle of a table.
func (k *Packing) Staged(ctx context.Context, m Month) (map[string]uint64, error) {
	type row struct {
		part      string
		rows, sum uint64
	}
	staged, all := map[string]uint64{}, uint64(0)
	err := each(ctx, k.a.db, "look for what is staged", "SELECT part, row_count, checksum FROM staged_parts WHERE month = ?", func(r *row) []any {
		return []any{&r.part, &r.rows, &r.sum}
	}, func(r *row) error {
		staged[r.part] = r.sum
		all += r.rows
		return nil
	}, m)
	if err != nil || len(staged) == 0 {
		return nil, err
	}
	n, err := k.a.count(ctx, m.StagingTable())
	if errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	if err != nil || n != all { // or it is gone
		return nil, nil
	}
	return staged, nil
}

// Unstage drops what is staged of a month.
func (k *Packing) Unstage(ctx context.Context, m Month) error {
	if err := k.a.exec(ctx, "drop what is staged", "DELETE FROM staged_parts WHERE month = ?", m); err != nil {
		return err
	}
	return k.DropStaging(ctx, m)
}

// StagedSum is the checksum of the staging table as the server keeps it, that of the
// rows as they were written; known is false where it keeps none.
func (k *Packing) StagedSum(ctx context.Context, m Month) (sum uint64, known bool, err error) {
	live, err := k.a.liveSum(ctx, m.StagingTable())
	return uint64(live.Int64), live.Valid, err
}

// Export closes the staging table and keeps everybody from it while copy copies its
// files.
func (k *Packing) Export(ctx context.Context, m Month, copy func() error) error {
	conn, err := k.a.patient(ctx, dropPatience)
	if err != nil {
		return err
	}
	defer release(conn) // and with it the lock
	statement := "FLUSH TABLES " + m.StagingTable() + " FOR EXPORT"
	_, err = conn.ExecContext(ctx, statement)
	if isError(err, errNoPrivilege, errDatabaseDenied, errTableDenied) {
		err = fmt.Errorf("%w; as an administrator run: GRANT RELOAD ON *.* TO the user, and GRANT SELECT, LOCK TABLES on the database", err)
	}
	if err != nil {
		return wrap(strings.ToLower(statement), err)
	}
	if err := copy(); err != nil {
		return err
	}
	// A lock that was lost on the way kept nobody from writing.
	_, err = conn.ExecContext(ctx, "UNLOCK TABLES")
	return wrap("copy the table", err)
}

// Check returns what CHECK TABLE finds wrong with a table, "" if nothing.
func (k *Packing) Check(ctx context.Context, table string) (damage string, err error) {
	return k.a.maintain(ctx, "CHECK TABLE "+table)
}

// Repair repairs a table in one of the server's ways; the writer lock is to be held.
func (k *Packing) Repair(ctx context.Context, table, how string) error {
	_, err := k.a.maintain(ctx, strings.TrimSpace("REPAIR TABLE "+table+" "+how))
	return err
}
