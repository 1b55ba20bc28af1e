package pack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"nfacct/archive"
)

// sums are the figures of each day.
type sums map[archive.Day]archive.Figures

func (s sums) total() (t archive.Figures) {
	for _, f := range s {
		t = t.Plus(f)
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

// whole is all of a table.
func (j *job) whole(table string) archive.Part {
	return archive.Part{Table: table, From: j.month.First(), To: j.month.Last()}
}

// read adds up a part by day, and sums up its table, each on a connection of its own.
func (j *job) read(ctx context.Context, p archive.Part) (found sums, sum uint64, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		found, err = j.lock.Figures(ctx, p)
		return err
	})
	group.Go(func() (err error) {
		sum, err = j.lock.Checksum(ctx, p.Table)
		return err
	})
	return found, sum, group.Wait()
}

// against tells which days hold something else than the books say.
func (j *job) against(s sums, books map[archive.Day]archive.Loaded) (problems []string) {
	days := map[archive.Day]bool{}
	for day := range s {
		days[day] = true
	}
	for day := range books {
		days[day] = true
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), archive.Day.Compare) {
		is, should := s[day], books[day]
		if is.Is(should) {
			continue
		}
		if archive.MonthOf(day) != j.month {
			problems = append(problems, fmt.Sprintf("%d rows are of %s, which is no day of the month: loading any of its days again takes them out", is.Rows, day))
			continue
		}
		problems = append(problems, fmt.Sprintf("%s has %d rows of %d flows and %d bytes, but its books say %d rows of %d flows and %d bytes",
			day, is.Rows, is.Flows, is.Bytes(), should.Rows, should.Records, should.Bytes))
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
	said, err := j.lock.Check(ctx, table)
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

// size is the bytes of a table.
func (j *job) size(ctx context.Context, table string) (uint64, error) {
	size, err := j.a.Reader().SizeOf(ctx, table)
	return size.Data + size.Keys, err
}
