package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// columns are the figures of a book that add up, beside the name of each
// column.
func (b *Book) columns() ([]string, []*uint64) {
	names := []string{"datagrams", "records", "bytes", "lost_records", "lost_datagrams", "kernel_dropped", "spool_lost", "no_template"}
	figures := []*uint64{&b.Datagrams, &b.Records, &b.Bytes, &b.LostRecords, &b.LostDatagrams, &b.KernelDropped, &b.SpoolLost, &b.NoTemplate}
	for _, class := range []struct {
		name   string
		counts *Counts
	}{
		{"up", &b.Classes.Up}, {"down", &b.Classes.Down}, {"router_local", &b.Classes.RouterLocal},
		{"internal", &b.Classes.Internal}, {"transit", &b.Classes.Transit},
		{"unattributed", &b.Classes.Unattributed}, {"implausible", &b.Classes.Implausible}, {"loaded", &b.Loaded.Counts},
	} {
		names = append(names, class.name+"_records", class.name+"_bytes")
		figures = append(figures, &class.counts.Records, &class.counts.Bytes)
	}
	return append(names, "loaded_rows", "uplink_local_bytes"), append(figures, &b.Loaded.Rows, &b.UplinkLocalBytes)
}

// bookKeys are the other columns.
var bookKeys = []string{"import", "day", "router", "rejected", "excluded", "lost_estimated", "estimated", "findings", "rules", "heard_hours"}

// writeBook stores a file's book of a router's day.
func (a *Archive) writeBook(ctx context.Context, table string, importID uint32, router uint16, b Book) error {
	rejected, err := json.Marshal(b.Rejected)
	if err != nil {
		return err
	}
	excluded, err := json.Marshal(b.Excluded)
	if err != nil {
		return err
	}
	findings, err := json.Marshal(b.Findings)
	if err != nil {
		return err
	}
	rules, err := json.Marshal(b.Rules)
	if err != nil {
		return err
	}
	names, figures := b.columns()
	args := []any{importID, b.Day, router, rejected, excluded, b.LostEstimated, b.Estimated, findings, rules, b.HeardHours}
	for _, figure := range figures {
		args = append(args, *figure)
	}
	return a.exec(ctx, "write book", "INSERT INTO "+table+" ("+strings.Join(append(bookKeys[:len(bookKeys):len(bookKeys)], names...), ", ")+
		") VALUES (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
}

// Books are the balances of the days from..to, by day and router, summed over
// the files loaded. Difference is filled in where one does not balance, in
// itself or against the rollups. Audit looks at the rows too.
func (r Reader) Books(ctx context.Context, from, to Day) ([]Book, error) {
	books, err := r.a.readBooks(ctx, "books.day BETWEEN ? AND ?", from, to)
	if err != nil {
		return nil, err
	}
	var day Day
	var off map[string]Imbalance
	for i := range books {
		b := &books[i]
		if b.Day != day {
			if off, err = r.a.compareTables(ctx, b.Day, 0); err != nil {
				return nil, err
			}
			day = b.Day
		}
		if err := b.Check(); err != nil {
			b.differ(err.Error(), b.imbalances()...)
		}
		if b.saturated() {
			b.differ("sums are beyond 64 bits, so nobody knows how much it was", Imbalance{"saturated", Counts{b.Records, b.Bytes}, Counts{b.Records, b.Bytes}})
		}
		if i, wrong := off[b.Router]; wrong {
			b.differ(i.tables(), i)
		}
	}
	return books, nil
}

// tables says what of the rollups is off.
func (i Imbalance) tables() string {
	return fmt.Sprintf("the tables hold %v, but books say %v were loaded: %s", i.Is, i.Should, difference(i.Is, i.Should))
}

// differ adds to what does not balance.
func (b *Book) differ(what string, imbalances ...Imbalance) {
	b.Imbalances = append(b.Imbalances, imbalances...)
	if b.Difference != "" {
		b.Difference += "; "
	}
	b.Difference += what
}

// readBooks sums books by day and router.
func (a *Archive) readBooks(ctx context.Context, where string, args ...any) ([]Book, error) {
	names, _ := new(Book).columns()
	sums := map[routerDay]*Book{}
	err := each(ctx, a.db, "read books", "SELECT books.day, COALESCE(routers.name, CONCAT('(router ', books.router, ')')), rejected, excluded, lost_estimated, estimated, findings, books.rules, books."+strings.Join(names, ", books.")+
		" FROM books JOIN imports ON imports.id = books.import LEFT JOIN routers ON routers.id = books.router WHERE imports.state = 'loaded' AND "+where, func(b *Book) []any {
		into := []any{&b.Day, &b.Router, fromJSON(&b.Rejected), fromJSON(&b.Excluded), &b.LostEstimated, &b.Estimated, fromJSON(&b.Findings), fromJSON(&b.Rules)}
		_, figures := b.columns()
		for _, figure := range figures {
			into = append(into, figure)
		}
		return into
	}, func(b *Book) error {
		sum := sums[routerDay{b.Day, b.Router}]
		if sum == nil {
			sum = &Book{Day: b.Day, Router: b.Router}
			sums[routerDay{b.Day, b.Router}] = sum
		}
		sum.Add(*b)
		return nil
	}, args...)
	if err != nil {
		return nil, err
	}
	books := make([]Book, 0, len(sums))
	for _, b := range sums {
		books = append(books, *b)
	}
	slices.SortFunc(books, byRouter)
	return books, nil
}

// byRouter is the order of books: by day and router.
func byRouter(x, y Book) int {
	return cmp.Or(x.Day.Compare(y.Day), strings.Compare(x.Router, y.Router))
}

// compareTables compares a day's rollups, which are computed from the rows, with
// what books say was loaded, and tells by router's name what is off. The file
// being loaded counts as loaded.
func (a *Archive) compareTables(ctx context.Context, day Day, loading uint32) (map[string]Imbalance, error) {
	type row struct {
		router      string
		table, book Counts
	}
	off := map[string]Imbalance{}
	err := each(ctx, a.db, "compare books and tables", `SELECT COALESCE(routers.name, CONCAT('(router ', side.router, ')')),
	`+sumOf("side.table_records")+", "+sumOf("side.table_bytes")+", "+sumOf("side.book_records")+", "+sumOf("side.book_bytes")+`
FROM (
	SELECT router, SUM(flows) AS table_records, SUM(up_bytes) + SUM(down_bytes) AS table_bytes, 0 AS book_records, 0 AS book_bytes
	FROM usage_hourly WHERE day = ? GROUP BY router
	UNION ALL
	SELECT books.router, 0, 0, SUM(loaded_records), SUM(loaded_bytes)
	FROM books JOIN imports ON imports.id = books.import
	WHERE books.day = ? AND (imports.state = 'loaded' OR imports.id = ?) GROUP BY books.router
) AS side LEFT JOIN routers ON routers.id = side.router GROUP BY side.router, routers.name`, func(r *row) []any {
		return []any{&r.router, &r.table.Records, &r.table.Bytes, &r.book.Records, &r.book.Bytes}
	}, func(r *row) error {
		if r.table != r.book {
			off[r.router] = Imbalance{"tables", r.table, r.book}
		}
		return nil
	}, day, day, loading)
	return off, err
}

// rulesOf sums what rules left out of a file, as JSON.
func (a *Archive) rulesOf(ctx context.Context, importID uint32) ([]byte, error) {
	sum := Book{Excluded: map[string]Counts{}}
	err := each(ctx, a.db, "sum rules", "SELECT excluded FROM books WHERE import = ?", func(part *Book) []any { return []any{fromJSON(&part.Excluded)} }, func(part *Book) error {
		sum.Add(*part)
		return nil
	}, importID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sum.Excluded)
}
