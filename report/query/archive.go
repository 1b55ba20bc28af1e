package query

import (
	"context"

	"nfacct/archive"
)

// Of makes questions go to an archive.
func Of(a *archive.Archive, asker *archive.Asker) Asker { return ofArchive{a, asker} }

type ofArchive struct {
	archive *archive.Archive
	*archive.Asker
}

// FlowTables lists the tables that hold the flows of days, and the names that people
// read them under: all days of a month that is not packed have one.
func (o ofArchive) FlowTables(ctx context.Context, from, to archive.Day) (read, named []Table, err error) {
	parts, err := o.archive.Reader().Parts(ctx, from, to)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.Table)
	}
	rows, err := o.archive.Reader().RowsAbout(ctx, names)
	for _, p := range parts {
		read = append(read, Table{Name: p.Table, Where: p.Where(), Rows: rows[p.Table]})
	}
	for _, m := range archive.MonthsOf(from, to) {
		days := archive.Part{Table: m.Table(), From: later(m.First(), from), To: earlier(m.Last(), to)}
		whole := true // no table but those of days
		var own []Table
		for _, p := range parts {
			if archive.MonthOf(p.From) == m {
				whole = whole && p.Table == p.From.Table()
				own = append(own, Table{Name: p.Table, Where: p.Where()})
			}
		}
		if whole && own != nil {
			own = []Table{{Name: days.Table, Where: days.Where()}}
		}
		named = append(named, own...)
	}
	return read, named, err
}

func later(a, b archive.Day) archive.Day {
	if a.Before(b) {
		return b
	}
	return a
}

func earlier(a, b archive.Day) archive.Day {
	if b.Before(a) {
		return b
	}
	return a
}
