package pack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"nfacct/archive"
)

// figures are what a day's rows add up to.
type figures struct {
	Rows, Flows, UpBytes, DownBytes, UpPackets, DownPackets uint64
}

func (f figures) plus(o figures) figures {
	return figures{plus(f.Rows, o.Rows), plus(f.Flows, o.Flows), plus(f.UpBytes, o.UpBytes), plus(f.DownBytes, o.DownBytes), plus(f.UpPackets, o.UpPackets), plus(f.DownPackets, o.DownPackets)}
}

// sums are the figures of each day.
type sums map[archive.Day]figures

func (s sums) total() (t figures) {
	for _, f := range s {
		t = t.plus(f)
	}
	return t
}

// BooksError says that a month holds something else than its books say.
type BooksError struct {
	Month    archive.Month
	Damage   string // what was wrong with the table before it was repaired
	Problems []string
	// Unpacking says that the month was to be unpacked.
	Unpacking bool
}

func (e *BooksError) Error() string {
	if e.Unpacking {
		return e.what() + fmt.Sprintf("; it stays packed as it is: unpack what can be read (nfacct archive --month %s --unpack --accept), and then load those days again if their files are still there (nfacct import --day DAY, or --from --to)", e.Month)
	}
	return e.what() + fmt.Sprintf("; load those days again (nfacct import --day DAY, or --from --to), or pack the month as it is: nfacct archive --month %s --accept", e.Month)
}

// what says what is wrong, without a remedy.
func (e *BooksError) what() string {
	text := strings.Join(e.Problems, "; ")
	if e.Damage != "" {
		text = "the table was damaged (" + e.Damage + ") and is repaired, but not everything could be saved: " + text
	}
	return text
}

// alteredRows says whether rows are others than were loaded, by their checksum: of a
// byte that was changed in a time, a port or an address no sum tells.
func alteredRows(kept archive.Kept, rows, sum uint64) string {
	switch {
	case kept.Known && kept.Sum != sum && kept.Rows == rows:
		return fmt.Sprintf("rows were altered since they were loaded: their checksum was %d, and is %d", kept.Sum, sum)
	case kept.Damage != "":
		return kept.Damage
	}
	return ""
}

// sum adds up a column, to 64 bits at most: what is more was never loaded, and is
// not what the books say.
func sum(column string) string {
	return fmt.Sprintf("LEAST(SUM(`%s`), %d)", column, uint64(math.MaxUint64))
}

// plus adds two sums likewise.
func plus(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// whole is all of a table.
func (j *job) whole(table string) archive.Part {
	return archive.Part{Table: table, From: j.month.First(), To: j.month.Last()}
}

// count adds up a table by day, also days that are none of the month.
func (j *job) count(ctx context.Context, p archive.Part) (sums, error) {
	table, where := p.Table, ""
	if p.Without != nil {
		where = " WHERE " + p.Where()
	}
	rows, err := j.a.DB().QueryContext(ctx, "SELECT `day`, COUNT(*), SUM(`flows`), "+sum("up_bytes")+", "+sum("down_bytes")+", "+sum("up_packets")+", "+sum("down_packets")+" FROM "+
		table+" USE INDEX ()"+where+" GROUP BY `day`")
	if err != nil {
		return nil, archive.Wrap("count "+table, err)
	}
	defer rows.Close()
	found := sums{}
	for rows.Next() {
		var day archive.Day
		var f figures
		if err := rows.Scan(&day, &f.Rows, &f.Flows, &f.UpBytes, &f.DownBytes, &f.UpPackets, &f.DownPackets); err != nil {
			return nil, archive.Wrap("count "+table, err)
		}
		found[day] = f
	}
	if err := rows.Err(); err != nil {
		return nil, archive.Wrap("count "+table, err)
	}
	return found, nil
}

// read adds up a part by day, and sums up its table, each on a connection of its own.
func (j *job) read(ctx context.Context, p archive.Part) (found sums, sum uint64, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		found, err = j.count(ctx, p)
		return err
	})
	group.Go(func() (err error) {
		sum, err = j.a.Checksum(ctx, p.Table)
		return err
	})
	return found, sum, group.Wait()
}

// booked is what books say was loaded of a day.
type booked struct{ rows, flows, bytes uint64 }

// books are those of the month's days.
func (j *job) books(ctx context.Context) (map[archive.Day]booked, error) {
	rows, err := j.a.DB().QueryContext(ctx, "SELECT books.day, "+sum("loaded_rows")+", "+sum("loaded_records")+", "+sum("loaded_bytes")+`
FROM books JOIN imports ON imports.id = books.import WHERE imports.state = 'loaded' AND books.day BETWEEN ? AND ? GROUP BY books.day`, j.month.First(), j.month.Last())
	if err != nil {
		return nil, archive.Wrap("read books", err)
	}
	defer rows.Close()
	books := map[archive.Day]booked{}
	for rows.Next() {
		var day archive.Day
		var b booked
		if err := rows.Scan(&day, &b.rows, &b.flows, &b.bytes); err != nil {
			return nil, archive.Wrap("read books", err)
		}
		books[day] = b
	}
	return books, archive.Wrap("read books", rows.Err())
}

// against tells which days hold something else than the books say.
func (j *job) against(s sums, books map[archive.Day]booked) (problems []string) {
	days := map[archive.Day]bool{}
	for day := range s {
		days[day] = true
	}
	for day := range books {
		days[day] = true
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), archive.Day.Compare) {
		is, should := s[day], books[day]
		if is.Rows == should.rows && is.Flows == should.flows && plus(is.UpBytes, is.DownBytes) == should.bytes {
			continue
		}
		if archive.MonthOf(day) != j.month {
			problems = append(problems, fmt.Sprintf("%d rows are of %s, which is no day of the month: loading any of its days again takes them out", is.Rows, day))
			continue
		}
		problems = append(problems, fmt.Sprintf("%s has %d rows of %d flows and %d bytes, but its books say %d rows of %d flows and %d bytes",
			day, is.Rows, is.Flows, plus(is.UpBytes, is.DownBytes), should.rows, should.flows, should.bytes))
	}
	const most = 10
	if more := len(problems) - most; more > 0 {
		problems = append(problems[:most], fmt.Sprintf("and so have %d more days", more))
	}
	return problems
}

// verify compares the staging table with the live one, row by row as far as a
// checksum can, and day by day.
func (j *job) verify(ctx context.Context) error {
	table := j.month.StagingTable()
	said, err := j.check(ctx, table)
	if err != nil {
		return err
	}
	if said != "" {
		return fmt.Errorf("verify: the packed table is not sound: %s; the month stays as it is", said)
	}
	found, sum, err := j.read(ctx, j.whole(table))
	if err != nil {
		return err
	}
	if sum != j.sum || !maps.Equal(found, j.before) {
		// Most likely an import into the month; if not, it is said again.
		return fmt.Errorf("verify: %w, or the packed table holds other rows than the live one: %+v and %+v; the month stays as it is", archive.ErrDisturbed, found.total(), j.before.total())
	}
	if j.result.Packed, err = j.size(ctx, table); err != nil {
		return err
	}
	j.progress(stepVerify)
	return nil
}

// check returns what CHECK TABLE finds wrong with a table, "" if nothing.
func (j *job) check(ctx context.Context, table string) (string, error) {
	return j.maintain(ctx, "CHECK TABLE "+table)
}

// maintain runs one of the statements that answer with a table of messages.
func (j *job) maintain(ctx context.Context, statement string) (string, error) {
	rows, err := j.a.DB().QueryContext(ctx, statement)
	if err != nil {
		return "", archive.Wrap(strings.ToLower(statement), err)
	}
	defer rows.Close()
	var said []string
	good := false
	for rows.Next() {
		var name, op, kind, text string
		if err := rows.Scan(&name, &op, &kind, &text); err != nil {
			return "", archive.Wrap(strings.ToLower(statement), err)
		}
		switch kind {
		case "status":
			good = text == "OK" || strings.HasPrefix(text, "Table is already up to date")
			if good {
				continue
			}
		case "info", "note":
			continue
		}
		said = append(said, text)
	}
	if err := rows.Err(); err != nil {
		return "", archive.Wrap(strings.ToLower(statement), err)
	}
	if good {
		return "", nil
	}
	if said == nil {
		said = []string{"no verdict"}
	}
	return strings.Join(said[:min(len(said), 3)], "; "), nil
}

// sizes are the bytes of a table's rows and keys.
func (j *job) sizes(ctx context.Context, table string) (data, keys uint64, err error) {
	err = j.a.DB().QueryRowContext(ctx, "SELECT COALESCE(DATA_LENGTH, 0), COALESCE(INDEX_LENGTH, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", table).Scan(&data, &keys)
	return data, keys, archive.Wrap("size of "+table, err)
}

func (j *job) size(ctx context.Context, table string) (uint64, error) {
	data, keys, err := j.sizes(ctx, table)
	return data + keys, err
}

// wanted names the right that a given server's user lacks for copying.
func wanted(err error) error {
	var answer *mysql.MySQLError
	if errors.As(err, &answer) && (answer.Number == 1227 || answer.Number == 1044 || answer.Number == 1142) {
		return fmt.Errorf("%w; as an administrator run: GRANT RELOAD ON *.* TO the user, and GRANT SELECT, LOCK TABLES on the database", err)
	}
	return err
}
