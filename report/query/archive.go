package query

import (
	"context"
	"fmt"

	"nfacct/archive"
)

// Of makes questions go to an archive.
func Of(a *archive.Archive, asker *archive.Asker) Asker { return ofArchive{a, asker} }

type ofArchive struct {
	archive *archive.Archive
	*archive.Asker
}

// FlowTables lists the tables that hold the flows of days, and the months' names for
// people.
func (o ofArchive) FlowTables(ctx context.Context, from, to archive.Day) (read, named []Table, err error) {
	names, err := o.archive.FlowTables(ctx, from, to)
	for _, name := range names {
		read = append(read, Table{Name: name, Where: fmt.Sprintf("`day` BETWEEN '%s' AND '%s'", from, to)})
	}
	return read, read, err
}
