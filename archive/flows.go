package archive

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// FlowQuery is a question about flows of some days, whichever tables hold them. A
// day has a table of its own until its month is packed, and which of them hold it
// changes while readers go on: QueryFlows finds out, so that nobody else names a
// table of flows. Each is grouped by itself and the groups are grouped again: over
// days that takes 3.7 s where a MERGE table takes 6.3 and a view 18.
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

// MonthsOf are the months that days lie in.
func MonthsOf(from, to Day) []Month {
	var months []Month
	for m := MonthOf(from); m.Compare(MonthOf(to)) <= 0; m = MonthOf(m.Last().Add(1)) {
		months = append(months, m)
	}
	return months
}

// SQL is the question as one statement over parts, of which there is at least one.
func (q *FlowQuery) SQL(parts []Part) (query string, args []any) {
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
	var selects []string
	for _, p := range parts {
		part := "SELECT " + strings.Join(inner, ", ") + " FROM " + p.Table + " WHERE " + p.Where()
		if q.Where != "" {
			part += " AND (" + q.Where + ")"
			args = append(args, q.Args...)
		}
		selects = append(selects, part+by)
	}
	query = selects[0]
	if len(selects) > 1 {
		query = "SELECT " + strings.Join(outer, ", ") + " FROM (" + strings.Join(selects, " UNION ALL ") + ") AS tables_of_flows" + by
	}
	if q.Around != nil {
		query = q.Around("(" + query + ")")
		args = append(args, q.AroundArgs...)
	}
	return query, args
}

func quoteColumn(name string) string { return "`" + strings.Trim(name, "`") + "`" }

// switches is how often a table may vanish under a reader: when a month is packed, its
// days are dropped one after the other, and each may be just the one that he comes to.
const switches = 64

// QueryFlows asks a question. nil rows mean that no table holds any of the days.
func (r Reader) QueryFlows(ctx context.Context, q FlowQuery) (*sql.Rows, error) {
	var rows *sql.Rows
	err := r.a.onParts(ctx, q.From, q.To, func(parts []Part) (err error) {
		query, args := q.SQL(parts)
		rows, err = r.a.reading.QueryContext(ctx, query, args...)
		return wrap("ask for flows", err)
	})
	return rows, err
}

// onParts does something with the tables that hold days, again when one of them
// vanishes meanwhile. Without any it does nothing.
func (a *Archive) onParts(ctx context.Context, from, to Day, do func([]Part) error) error {
	var last error
	for range switches {
		parts, err := a.Reader().Parts(ctx, from, to)
		if err != nil || len(parts) == 0 {
			return err
		}
		if last = do(parts); !isError(last, errNoTable) {
			break
		}
	}
	return last
}

// Part is what a table holds of some days.
type Part struct {
	Table    string
	From, To Day
	Without  []Day // these are in tables of their own
}

// Where selects the part's rows.
func (p *Part) Where() string {
	if p.From == p.To {
		return "`day` = " + quoteText(p.From.String())
	}
	text := "`day` BETWEEN " + quoteText(p.From.String()) + " AND " + quoteText(p.To.String())
	if p.Without != nil {
		var days []string
		for _, day := range p.Without {
			days = append(days, quoteText(day.String()))
		}
		text += " AND `day` NOT IN (" + strings.Join(days, ", ") + ")"
	}
	return text
}

// Parts lists the tables that hold the flows of days, the oldest month first. A
// month that is packed, or that has one table for all its days from before days had
// theirs, holds those days that have none; of late rows both count. By the time they
// are read, a table may have taken the place of another: onParts sees to that.
func (r Reader) Parts(ctx context.Context, from, to Day) ([]Part, error) {
	if to.Before(from) {
		return nil, fmt.Errorf("list tables: %s is before %s", to, from)
	}
	// A list made while one table takes the place of another can miss both.
	for try := 0; ; try++ {
		i, err := r.a.inventory(ctx)
		if err != nil {
			return nil, err
		}
		known, err := r.a.days(ctx, "SELECT day FROM day_tables WHERE day BETWEEN ? AND ?", from, to)
		if err != nil {
			return nil, err
		}
		missed := slices.ContainsFunc(known, func(day Day) bool {
			_, stands := i.days[day]
			return !stands
		})
		if !missed || try == 2 {
			return i.parts(from, to), nil
		}
	}
}

func (i *inventory) parts(from, to Day) (parts []Part) {
	for _, m := range MonthsOf(from, to) {
		p := Part{From: m.First(), To: m.Last()}
		if p.From.Before(from) {
			p.From = from
		}
		if to.Before(p.To) {
			p.To = to
		}
		var days []Part
		for _, day := range i.daysOf(m) {
			if day.Before(p.From) || p.To.Before(day) {
				continue
			}
			days = append(days, Part{Table: day.Table(), From: day, To: day})
			if i.days[day] {
				p.Without = append(p.Without, day)
			}
		}
		// Where both stand, while one replaces the other, they hold the same rows; and
		// who drops the live one need not wait for new readers of it.
		switch {
		case i.packed[m]:
			p.Table = m.PackedTable()
		case i.old[m]:
			p.Table = m.Table()
		}
		if p.Table != "" && !(p.From == p.To && p.Without != nil) {
			parts = append(parts, p)
		}
		parts = append(parts, days...)
	}
	return parts
}

// FlowTables names the tables of Parts.
func (r Reader) FlowTables(ctx context.Context, from, to Day) ([]string, error) {
	parts, err := r.Parts(ctx, from, to)
	names := []string{}
	for _, p := range parts {
		names = append(names, p.Table)
	}
	return names, err
}
