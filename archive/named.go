package archive

import (
	"context"
	"net/netip"
	"time"
)

// HostName is what a source called a host for some time.
type HostName struct {
	Host   netip.Addr
	Source string
	Name   string
	From   time.Time // UTC
}

// NamesDuring are the names that hosts had at any time from start up to, but not
// at, end: for each host and source the newest first. A name ends with the next one of
// the same source, or a day after it was last seen.
func (r Routers) NamesDuring(ctx context.Context, start, end time.Time) ([]HostName, error) {
	return collect(ctx, r.a.db, "names of hosts", `SELECT host, source, name, valid_from FROM host_names AS named
WHERE valid_from < ? AND (valid_to IS NULL OR valid_to >= ?) AND (valid_from >= ? OR valid_from =
	(SELECT MAX(valid_from) FROM host_names WHERE host = named.host AND source = named.source AND valid_from <= ?))
ORDER BY host, source, valid_from DESC`, func(n *HostName) []any { return []any{(*address)(&n.Host), &n.Source, &n.Name, &n.From} },
		end.UTC(), start.Add(-nameGrace).UTC(), start.UTC(), start.UTC())
}
