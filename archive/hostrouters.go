package archive

import (
	"context"
	"net/netip"
)

// RouterHost is what one of several routers charged to a host.
type RouterHost struct {
	Host               netip.Addr
	Router             string
	UpBytes, DownBytes uint64
}

// SharedHosts are the hosts of a day that several routers charged, by host and
// router: two networks of the same addresses, or two routers that saw the same.
func (r Reader) SharedHosts(ctx context.Context, day Day) ([]RouterHost, error) {
	return collect(ctx, r.a.db, "hosts of several routers", "SELECT hours.host, COALESCE(MAX(routers.name), CONCAT('(router ', hours.router, ')')), "+sumOf("up_bytes")+", "+sumOf("down_bytes")+`
FROM usage_hourly AS hours
JOIN (SELECT host FROM usage_hourly WHERE day = ? GROUP BY host HAVING MIN(router) <> MAX(router)) AS shared ON shared.host = hours.host
LEFT JOIN routers ON routers.id = hours.router
WHERE hours.day = ? GROUP BY hours.host, hours.router ORDER BY hours.host, hours.router`, func(h *RouterHost) []any {
		return []any{(*address)(&h.Host), &h.Router, &h.UpBytes, &h.DownBytes}
	}, day, day)
}
