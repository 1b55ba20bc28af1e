package archive

import (
	"context"
	"database/sql"
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
func (a *Archive) SharedHosts(ctx context.Context, day Day) ([]RouterHost, error) {
	const doing = "hosts of several routers"
	rows, err := a.db.QueryContext(ctx, "SELECT hours.host, COALESCE(MAX(routers.name), CONCAT('(router ', hours.router, ')')), "+sumOf("up_bytes")+", "+sumOf("down_bytes")+`
FROM usage_hourly AS hours
JOIN (SELECT host FROM usage_hourly WHERE day = ? GROUP BY host HAVING MIN(router) <> MAX(router)) AS shared ON shared.host = hours.host
LEFT JOIN routers ON routers.id = hours.router
WHERE hours.day = ? GROUP BY hours.host, hours.router ORDER BY hours.host, hours.router`, day, day)
	if err != nil {
		return nil, wrap(doing, err)
	}
	defer rows.Close()
	var hosts []RouterHost
	var address sql.RawBytes
	for rows.Next() {
		var h RouterHost
		if err := rows.Scan(&address, &h.Router, &h.UpBytes, &h.DownBytes); err != nil {
			return nil, wrap(doing, err)
		}
		var ok bool
		if h.Host, ok = netip.AddrFromSlice(address); ok {
			hosts = append(hosts, h)
		}
	}
	return hosts, wrap(doing, rows.Err())
}
