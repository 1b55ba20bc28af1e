package demo

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"nfacct/archive"
	"nfacct/cmd/internal/terminal"
	"nfacct/report"
	"nfacct/routeros/officetest"
)

// Accounted is what the default rules leave of the office's traffic.
var Accounted = []officetest.Cause{officetest.Direct, officetest.ICMP}

// RuleCauses is what each default rule leaves out of it.
var RuleCauses = map[string][]officetest.Cause{
	"dns":       {officetest.DNS, officetest.ProxyDNS},
	"multicast": {officetest.Multicast},
	"broadcast": {officetest.Broadcast},
	"proxy":     {officetest.Proxy},
}

// comparison compares figures with the truth.
type comparison struct {
	figures   int
	different []string
	exported  uint64 // datagrams in the books
	scope     string
}

// equal compares one figure.
func (c *comparison) equal(what string, is, truth uint64) {
	c.figures++
	if is != truth {
		c.different = append(c.different, fmt.Sprintf("%s%s: %s, in truth %s", c.scope, what, terminal.Number(is), terminal.Number(truth)))
	}
}

// day compares a day's report, and the packets that it does not show.
func (c *comparison) day(u *report.Usage, packets map[string]packetCounts, truth *officetest.DayTruth) {
	hosts := map[string]*report.Host{}
	for i := range u.Hosts {
		hosts[u.Hosts[i].Host] = &u.Hosts[i]
	}
	inTruth := 0
	for _, addr := range slices.SortedFunc(maps.Keys(truth.Hosts), netip.Addr.Compare) {
		want, peers := truth.Hosts[addr].Usage(Accounted...)
		host := hosts[addr.String()]
		if peers == 0 {
			if host == nil {
				continue
			}
		} else {
			inTruth++
		}
		if host == nil {
			host = &report.Host{}
		}
		p := packets[addr.String()]
		c.scope = fmt.Sprintf("%s %s ", u.Day, addr)
		c.equal("bytes up", host.UpBytes, want.UpBytes)
		c.equal("bytes down", host.DownBytes, want.DownBytes)
		c.equal("packets up", p.up, want.UpPackets)
		c.equal("packets down", p.down, want.DownPackets)
		c.equal("flows", host.Flows, want.Flows)
		c.equal("peers", host.Peers, uint64(peers))
	}
	c.scope = u.Day + " "
	c.equal("hosts", uint64(len(u.Hosts)), uint64(inTruth))
	var book archive.Book
	for i := range u.Books {
		book.Add(u.Books[i])
		c.equal("differences in the books", uint64(len(u.Books[i].Difference)), 0)
	}
	c.books(&book, truth)
}

// books compares classes and excluded rules.
func (c *comparison) books(b *archive.Book, truth *officetest.DayTruth) {
	both := func(what string, is archive.Counts, truth officetest.Counts) {
		c.equal(what+" records", is.Records, truth.Records)
		c.equal(what+" bytes", is.Bytes, truth.Bytes)
	}
	sum := func(causes []officetest.Cause) (n officetest.Counts) {
		for _, cause := range causes {
			n.Records += truth.Causes[cause].Records
			n.Bytes += truth.Causes[cause].Bytes
		}
		return n
	}
	classes := &b.Classes
	var all officetest.Counts
	for class, is := range [...]archive.Counts{
		officetest.Up: classes.Up, officetest.Down: classes.Down, officetest.RouterLocal: classes.RouterLocal,
		officetest.Internal: classes.Internal, officetest.Transit: classes.Transit, officetest.Unattributed: classes.Unattributed,
	} {
		both("class "+officetest.Class(class).String(), is, truth.Classes[class])
		all.Records += truth.Classes[class].Records
		all.Bytes += truth.Classes[class].Bytes
	}
	both("all", archive.Counts{Records: b.Records, Bytes: b.Bytes}, all)
	for _, rule := range slices.Sorted(maps.Keys(RuleCauses)) {
		both("rule "+rule, b.Excluded[rule], sum(RuleCauses[rule]))
	}
	for _, rule := range slices.Sorted(maps.Keys(b.Excluded)) {
		if RuleCauses[rule] == nil {
			both("rule "+rule, b.Excluded[rule], officetest.Counts{})
		}
	}
	both("accounted", b.Loaded.Counts, sum(Accounted))
	c.equal("records lost", b.LostRecords, 0)
	c.equal("datagrams lost", b.LostDatagrams, 0)
	c.equal("datagrams dropped by the kernel", b.KernelDropped, 0)
	c.equal("datagrams not kept for want of disk", b.SpoolLost, 0)
	c.equal("data sets without template", b.NoTemplate, 0)
	var rejected uint64
	for _, n := range b.Rejected {
		rejected += n
	}
	c.equal("datagrams rejected", rejected, 0)
	c.exported += b.Datagrams
}

// finish compares what is known of both days together.
func (c *comparison) finish(r *Result) {
	c.scope = ""
	c.equal("datagrams in the books", c.exported, r.Datagrams)
	r.Figures, r.Differences, r.Equal = c.figures, append([]string{}, c.different...), len(c.different) == 0
}

// packetCounts are a host's packets of a day.
type packetCounts struct{ up, down uint64 }

// packetsOf asks for the packets of a day, which reports do not show.
func packetsOf(ctx context.Context, db *sql.DB, day archive.Day) (map[string]packetCounts, error) {
	rows, err := db.QueryContext(ctx, "SELECT INET6_NTOA(host), SUM(up_packets), SUM(down_packets) FROM usage_hourly WHERE day = ? GROUP BY host", day)
	if err != nil {
		return nil, fmt.Errorf("packets of %s: %w", day, err)
	}
	defer rows.Close()
	packets := map[string]packetCounts{}
	for rows.Next() {
		var host string
		var n packetCounts
		if err := rows.Scan(&host, &n.up, &n.down); err != nil {
			return nil, fmt.Errorf("packets of %s: %w", day, err)
		}
		packets[host] = n
	}
	return packets, rows.Err()
}
