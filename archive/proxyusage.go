package archive

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"strings"
	"time"
)

// ProxyUsage is what a client and user moved through the proxy in an hour.
type ProxyUsage struct {
	Day      Day
	Hour     int        // as usage_hourly counts
	Host     netip.Addr // not valid when the log has no address
	User     string     // at most 120 characters; empty when nobody said
	Bytes    uint64
	Requests uint64
	Denied   uint64 // requests that the proxy refused; they have no bytes here
}

// Usage calls take with all that is known of the days from..to, and says up
// to when the log has been read: the zero time when it never was.
func (proxy Proxy) Usage(ctx context.Context, from, to Day, take func(*ProxyUsage)) (until time.Time, err error) {
	const doing = "read usage of the proxy"
	if err := proxy.a.db.QueryRowContext(ctx, "SELECT MAX(last_entry) FROM proxy_parts WHERE state = 'loaded'").Scan((*moment)(&until)); err != nil || until.IsZero() {
		return time.Time{}, wrap(doing, err)
	}
	type row struct {
		ProxyUsage
		host sql.RawBytes
	}
	err = each(ctx, proxy.a.db, doing, `SELECT day, hour, host, user, SUM(bytes), SUM(requests), SUM(denied)
FROM proxy_usage_hourly JOIN proxy_parts ON proxy_parts.id = part
WHERE day BETWEEN ? AND ? AND state = 'loaded' GROUP BY day, hour, host, user`, func(r *row) []any {
		return []any{&r.Day, &r.Hour, &r.host, &r.User, &r.Bytes, &r.Requests, &r.Denied}
	}, func(r *row) error {
		r.Host = netip.Addr{} // of a log without addresses
		if len(r.host) > 0 {
			if err := (*address)(&r.Host).Scan([]byte(r.host)); err != nil {
				return wrap(doing, err)
			}
		}
		take(&r.ProxyUsage)
		return nil
	}, from, to)
	return until, err
}

// Begin is the hour of the first entry of the log that was ever read; known is
// false when none was.
func (proxy Proxy) Begin(ctx context.Context) (day Day, hour int, known bool, err error) {
	// By the table's primary key, so that the first row is all that is read.
	err = proxy.a.db.QueryRowContext(ctx, `SELECT STRAIGHT_JOIN day, hour FROM proxy_usage_hourly JOIN proxy_parts ON proxy_parts.id = part
WHERE state = 'loaded' ORDER BY day, hour LIMIT 1`).Scan(&day, &hour)
	if errors.Is(err, sql.ErrNoRows) {
		return Day{}, 0, false, nil
	}
	return day, hour, err == nil, wrap("find the first entry of the proxy's log", err)
}

// ProxyCut is where a log of the proxy was cut off after it was read: entries
// between the two times may be missing.
type ProxyCut struct{ From, Until time.Time }

// Cuts lists the places where logs were cut off that touch a span of time,
// which does not include its end, the first one first.
func (proxy Proxy) Cuts(ctx context.Context, from, end time.Time) ([]ProxyCut, error) {
	return collect(ctx, proxy.a.db, "read ledger of the proxy's logs", `SELECT cut_from, cut_until FROM proxy_parts
WHERE state = 'loaded' AND cut_until >= ? AND cut_from < ? ORDER BY cut_from, cut_until`, func(c *ProxyCut) []any { return []any{&c.From, &c.Until} }, from.UTC(), end.UTC())
}

// cutName makes a text one of UTF-8 and at most n characters.
func cutName(text string, n int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) > n {
		if runes := []rune(text); len(runes) > n {
			text = string(runes[:n])
		}
	}
	return text
}
