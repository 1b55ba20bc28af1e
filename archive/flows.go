package archive

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// FlowQuery is a question about flows of some days, whichever tables hold them.
// A month is live (flows_2026_11) or packed (flows_2026_11c), and which of them
// changes while readers go on: QueryFlows finds out, so that nobody else names a
// month's table. Each table is grouped by itself and the groups are grouped
// again: over a live and a packed month that takes a quarter of the time of a
// view with UNION ALL, and about as much as a MERGE table, which would have to
// be made and kept.
type FlowQuery struct {
	// From and To are the first and the last day.
	From, To Day
	// Group are columns to group by, or expressions with a name, as in
	// "`slot` DIV 4 AS hour". There is at least one.
	Group []string
	// Sum are columns to add up, under their own names. "rows" counts rows.
	Sum []string
	// Where is a condition on the rows, with a ? for each of Args.
	Where string
	Args  []any
	// Around, if set, makes a statement around the answer, which it is given as a
	// SELECT in parentheses. AroundArgs are for what has a ? behind that.
	Around     func(groups string) string
	AroundArgs []any
}

// monthsOf are the months that days lie in.
func monthsOf(from, to Day) []Month {
	var months []Month
	for m := MonthOf(from); m.Compare(MonthOf(to)) <= 0; m = MonthOf(m.Last().Add(1)) {
		months = append(months, m)
	}
	return months
}

// SQL is the question as one statement over tables, of which there is at least one.
func (q *FlowQuery) SQL(tables []string) (query string, args []any) {
	var inner, outer, again []string
	for _, column := range q.Group {
		name := column
		if _, after, ok := strings.Cut(column, " AS "); ok {
			name = after
		}
		inner, outer, again = append(inner, column), append(outer, name), append(again, name)
	}
	for _, column := range q.Sum {
		if column == "rows" {
			inner = append(inner, "COUNT(*) AS `rows`")
		} else {
			inner = append(inner, "SUM("+column+") AS "+column)
		}
		outer = append(outer, "SUM("+quoteColumn(column)+") AS "+quoteColumn(column))
	}
	by := " GROUP BY " + strings.Join(again, ", ")
	var parts []string
	for _, table := range tables {
		part := "SELECT " + strings.Join(inner, ", ") + " FROM " + table + " WHERE `day` "
		if q.From == q.To {
			part += "= ?"
			args = append(args, q.From)
		} else {
			part += "BETWEEN ? AND ?"
			args = append(args, q.From, q.To)
		}
		if q.Where != "" {
			part += " AND (" + q.Where + ")"
			args = append(args, q.Args...)
		}
		parts = append(parts, part+by)
	}
	query = parts[0]
	if len(parts) > 1 {
		query = "SELECT " + strings.Join(outer, ", ") + " FROM (" + strings.Join(parts, " UNION ALL ") + ") AS months" + by
	}
	if q.Around != nil {
		query = q.Around("(" + query + ")")
		args = append(args, q.AroundArgs...)
	}
	return query, args
}

func quoteColumn(name string) string { return "`" + strings.Trim(name, "`") + "`" }

// switches is how often a table may vanish under a reader: packing or unpacking
// a month takes longer than a question.
const switches = 5

// QueryFlows asks a question. nil rows mean that no table holds any of the days.
func (a *Archive) QueryFlows(ctx context.Context, q FlowQuery) (*sql.Rows, error) {
	var last error
	for range switches {
		tables, err := a.FlowTables(ctx, q.From, q.To)
		if err != nil || len(tables) == 0 {
			return nil, err
		}
		query, args := q.SQL(tables)
		rows, err := a.reading.QueryContext(ctx, query, args...)
		if err == nil || !isError(err, errNoTable) {
			return rows, wrap("ask "+strings.Join(tables, ", "), err)
		}
		last = err
	}
	return nil, wrap("ask for flows", last)
}

// FlowTables lists the tables that hold the flows of days, one for each month
// that has any, the oldest first. By the time they are read, a month's table may
// have been replaced by its packed one, or the other way round: QueryFlows sees
// to that.
func (a *Archive) FlowTables(ctx context.Context, from, to Day) ([]string, error) {
	if to.Before(from) {
		return nil, fmt.Errorf("list tables: %s is before %s", to, from)
	}
	months := monthsOf(from, to)
	var found []string
	// A list made while one table replaces the other can miss both.
	for range 2 {
		tables, err := a.tables(ctx)
		if err != nil {
			return nil, err
		}
		found = found[:0]
		for _, m := range months {
			// Where both stand, while one replaces the other, they hold the
			// same rows; and who drops the live one need not wait for new
			// readers of it.
			if tables[m.PackedTable()] {
				found = append(found, m.PackedTable())
			} else if tables[m.Table()] {
				found = append(found, m.Table())
			}
		}
		if len(found) == len(months) {
			break
		}
	}
	return found, nil
}

// PackedTable is the name of the month's packed table, flows_2026_11c.
func (m Month) PackedTable() string { return m.Table() + "c" }
