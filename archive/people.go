package archive

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// People read a month under one name, flows_2026_11: a MERGE table over its days,
// without keys, for with them it fails as soon as one day has none (error 124), or a
// view where tables are not MyISAM's. Questions of nfacct name the days themselves.

// peopleWait is how many seconds a reader of the month's table is waited for. One
// who reads on sees the days that were there when he began; the next write tries
// again.
const peopleWait = 2

// showPeople makes what people read of a month name the days that have tables. That
// it cannot be done does not hold up a load.
func (a *Archive) showPeople(ctx context.Context, m Month) {
	if err := a.show(ctx, m); err != nil && ctx.Err() == nil {
		a.log.Debug("the table that people read does not name all days yet", "table", m.Table(), "err", err)
	}
}

func (a *Archive) show(ctx context.Context, m Month) error {
	i, err := a.inventory(ctx)
	if err != nil || i.old[m] {
		return err
	}
	days := i.daysOf(m)
	if i.packed[m] {
		days = nil // who reads a packed month names it, and its late days
	}
	if len(days) == 0 {
		if i.people[m] == "merge" || i.people[m] == "view" && !a.storage().merge {
			return a.drop(ctx, m.Table())
		}
		return nil
	}
	statement := a.peopleTable(m, days)
	if i.people[m] != "" {
		same, err := a.names(ctx, m, days)
		switch {
		case same:
			return nil
		case i.people[m] == "view" && a.storage().merge:
			return fmt.Errorf("%s is a view that somebody made", m.Table())
		case err != nil && i.people[m] == "merge": // a day that it names is gone
			if err := a.drop(ctx, m.Table()); err != nil {
				return err
			}
		case i.people[m] == "merge":
			statement = "ALTER TABLE " + m.Table() + " UNION=(" + tableNames(days) + ")"
		}
	}
	return a.patiently(ctx, "make "+m.Table(), peopleWait, statement)
}

// peopleTable is the statement that makes it.
func (a *Archive) peopleTable(m Month, days []Day) string {
	if a.storage().merge {
		return fmt.Sprintf(tableForm, m.Table()) + "\n) ENGINE=MERGE UNION=(" + tableNames(days) + ")"
	}
	var parts []string
	for _, day := range days {
		parts = append(parts, "SELECT "+columns+" FROM "+day.Table())
	}
	return "CREATE OR REPLACE VIEW " + m.Table() + " AS " + strings.Join(parts, " UNION ALL ")
}

func tableNames(days []Day) string {
	var names []string
	for _, day := range days {
		names = append(names, day.Table())
	}
	return strings.Join(names, ", ")
}

// names reports whether what people read of a month names just these days.
func (a *Archive) names(ctx context.Context, m Month, days []Day) (bool, error) {
	rows, err := a.db.QueryContext(ctx, "SHOW CREATE TABLE "+m.Table())
	if err != nil {
		return false, wrap("look at "+m.Table(), err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return false, wrap("look at "+m.Table(), err)
	}
	text := make([]string, len(columns)) // a view has more of them
	into := make([]any, len(columns))
	for i := range text {
		into[i] = &text[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, wrap("look at "+m.Table(), err)
		}
	}
	var named []Day
	for _, name := range dayNames.FindAllString(text[1], -1) {
		if day, err := parseDay(strings.ReplaceAll(name[len("flows_"):], "_", "-")); err == nil {
			named = append(named, day)
		}
	}
	slices.SortFunc(named, Day.Compare)
	return slices.Equal(slices.Compact(named), days), wrap("look at "+m.Table(), rows.Err())
}

// showAll does it for all months.
func (a *Archive) showAll(ctx context.Context) error {
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	months := i.months()
	for m := range i.people {
		months = append(months, m)
	}
	slices.SortFunc(months, Month.Compare)
	for _, m := range slices.Compact(months) {
		a.showPeople(ctx, m)
	}
	return nil
}
