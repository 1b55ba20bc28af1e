package archive

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
)

// RouterHost is what one router charged to a host.
type RouterHost struct {
	Host               netip.Addr
	Router             string
	UpBytes, DownBytes uint64
	// WeakBytes are those of DownBytes in rows that rest on WeakRules.
	WeakBytes uint64
}

// WeakRules are the rules of package attribution, as rows keep them, by which a
// download may be another host's: next hop and answer to an upload, be interfaces
// known or not, and the next hop that sent nothing. Books name them by these words.
var WeakRules = [...]uint8{5, 6, 7, 8, 10}

const weakBooks = "(rules LIKE '%\"next hop%' OR rules LIKE '%\"answer to an upload%')"

// RouterHosts calls take with what every router charged to every host on the days
// from..to, of one host after the other. RefreshDays is to be called before.
func (r Reader) RouterHosts(ctx context.Context, from, to Day, take func(*RouterHost)) error {
	return each(ctx, r.a.db, "hosts by router", "SELECT host, COALESCE(routers.name, CONCAT('(router ', router, ')')), up, down, weak\nFROM (SELECT host, router, "+
		sumOf("up_bytes")+" AS up, "+sumOf("down_bytes")+" AS down, "+sumOf("weak_bytes")+` AS weak FROM host_day_routers WHERE day BETWEEN ? AND ? GROUP BY host, router) AS parts
LEFT JOIN routers ON routers.id = parts.router ORDER BY host, router`, func(h *RouterHost) []any {
		return []any{(*address)(&h.Host), &h.Router, &h.UpBytes, &h.DownBytes, &h.WeakBytes}
	}, func(h *RouterHost) error { take(h); return nil }, from, to)
}

// sumRouters writes host_day_routers of a day. As with host_days, who reads meanwhile
// finds every host.
func (a *Archive) sumRouters(ctx context.Context, day Day) error {
	err := a.exec(ctx, "sum up routers", "REPLACE INTO host_day_routers (day, router, host, up_bytes, down_bytes) SELECT ?, router, host, "+
		sumOf("up_bytes")+", "+sumOf("down_bytes")+" FROM usage_hourly WHERE day = ? GROUP BY router, host", day, day)
	if err != nil {
		return err
	}
	if err := a.exec(ctx, "sum up routers", `DELETE host_day_routers FROM host_day_routers LEFT JOIN (SELECT DISTINCT router, host FROM usage_hourly WHERE day = ?) AS hours
ON hours.router = host_day_routers.router AND hours.host = host_day_routers.host WHERE host_day_routers.day = ? AND hours.host IS NULL`, day, day); err != nil {
		return err
	}
	var weak bool
	if err := a.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM books WHERE day = ? AND "+weakBooks+")", day).Scan(&weak); err != nil {
		return wrap("read books", err)
	}
	if !weak { // the rows of a day need not be read for those of version 9
		return nil
	}
	var rules []string
	for _, rule := range WeakRules {
		rules = append(rules, strconv.Itoa(int(rule)))
	}
	q := FlowQuery{
		From: day, To: day, Group: []string{"`day`", "`router`", "`host`"}, Sum: []string{"`down_bytes`"},
		Where: "`attribution` >> 4 IN (" + strings.Join(rules, ", ") + ")",
		Around: func(groups string) string {
			return mark + "INSERT INTO host_day_routers (day, router, host, up_bytes, down_bytes, weak_bytes) SELECT `day`, `router`, `host`, 0, 0, LEAST(`down_bytes`, 18446744073709551615) FROM " + groups +
				" AS part ON DUPLICATE KEY UPDATE weak_bytes = VALUES(weak_bytes)"
		},
	}
	return a.onParts(ctx, day, day, func(parts []Part) error {
		query, args := q.SQL(parts)
		return a.exec(ctx, "sum up routers", query, args...)
	})
}
