package archive

import (
	"context"
	"fmt"
	"slices"
)

// Audit is Books compared with the rows of the month tables as well, so that it
// notices rows that came or went behind our back. It reads all rows of the days:
// some seconds for a month. A router's day that has rows but no book is given an
// empty one, whose Difference says so.
func (r Reader) Audit(ctx context.Context, from, to Day) ([]Book, error) {
	books, err := r.Books(ctx, from, to)
	if err != nil {
		return nil, err
	}
	rows, err := r.a.rowSums(ctx, from, to)
	if err != nil {
		return nil, err
	}
	dropped, err := r.a.dropped(ctx)
	if err != nil {
		return nil, err
	}
	for i := range books {
		b := &books[i]
		if dropped[MonthOf(b.Day)] {
			continue // on purpose
		}
		key := routerDay{b.Day, b.Router}
		if sum := rows[key]; sum != b.Loaded.Counts {
			b.differ(fmt.Sprintf("the rows hold %v, but books say %v were loaded: %s; load the day again (nfacct import --day %s)",
				sum, b.Loaded.Counts, difference(sum, b.Loaded.Counts), b.Day), Imbalance{"rows", sum, b.Loaded.Counts})
		}
		delete(rows, key)
	}
	for key, sum := range rows {
		books = append(books, Book{Day: key.day, Router: key.router,
			Difference: fmt.Sprintf("the rows hold %v, but no book knows of them", sum), Imbalances: []Imbalance{{Kind: "rows", Is: sum}}})
	}
	slices.SortFunc(books, byRouter)
	return books, nil
}

type routerDay struct {
	day    Day
	router string
}

// rowSums sums the rows of days, by day and router.
func (a *Archive) rowSums(ctx context.Context, from, to Day) (map[routerDay]Counts, error) {
	names, err := a.Routers().Names(ctx)
	if err != nil {
		return nil, err
	}
	sums := map[routerDay]Counts{}
	rows, err := a.Reader().QueryFlows(ctx, FlowQuery{
		From: from, To: to, Group: []string{"`day`", "`router`"}, Sum: []string{"`flows`", "`up_bytes`", "`down_bytes`"},
	})
	if err != nil || rows == nil {
		return sums, err
	}
	defer rows.Close()
	for rows.Next() {
		key := routerDay{}
		var router uint16
		var flows, up, down held
		if err := rows.Scan(&key.day, &router, &flows, &up, &down); err != nil {
			return nil, wrap("sum rows", err)
		}
		if key.router = names[router]; key.router == "" {
			key.router = fmt.Sprintf("(router %d)", router)
		}
		sums[key] = sums[key].Plus(Counts{uint64(flows), plus(uint64(up), uint64(down))})
	}
	return sums, wrap("sum rows", rows.Err())
}
