package archive

import (
	"context"
	"path/filepath"
	"strings"
)

// Place says where a server keeps the tables' files, for the tools that work on
// them.
type Place struct {
	Data    string // the data directory, as the server sees it
	Folder  string // of the database in it
	Work    string // a folder for copies, on the same disk; "" on a given server
	Private bool
	MariaDB bool
	// NoMyISAM says that month tables are InnoDB's, which cannot be packed by tools.
	NoMyISAM bool
}

// Place asks where the tables' files are.
func (a *Archive) Place(ctx context.Context) (Place, error) {
	p := Place{Private: a.server != nil, MariaDB: a.maria, NoMyISAM: a.noMyISAM}
	if a.server != nil {
		p.Data, p.Work = a.server.Path("data"), a.server.Path("pack")
		p.Folder = filepath.Join(p.Data, databaseName)
		return p, nil
	}
	var database string
	if err := a.db.QueryRowContext(ctx, "SELECT @@datadir, DATABASE()").Scan(&p.Data, &database); err != nil {
		return p, wrap("look at server", err)
	}
	p.Data = strings.TrimRight(p.Data, "/")
	p.Folder = p.Data + "/" + database
	return p, nil
}

// Months lists the months that have a table, the oldest first.
func (r Reader) Months(ctx context.Context) ([]Month, error) {
	i, err := r.a.inventory(ctx)
	if err != nil {
		return nil, err
	}
	return i.months(), nil
}
