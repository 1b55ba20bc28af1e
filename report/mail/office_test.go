package mail

import (
	"fmt"
	"math"
	"time"

	"nfacct/archive"
	"nfacct/report"
)

// office is a usage of so many hosts on a day, with all that a report can have.
func office(hosts int) *report.Usage {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	day := archive.Day{Year: 2026, Month: 11, Day: 22}
	start, end := archive.NewCalendar(loc).Bounds(day)
	u := &report.Usage{
		Day: day.String(), Timezone: "Europe/Berlin", Complete: true,
		Period: report.Period{Kind: report.KindDay, From: day, To: day, Days: 1, Start: start, End: end},
		Facts: report.Facts{Version: "nfacct 1.0.0", Generated: end.Add(6 * time.Hour), Routers: []string{"gw-1"}, Sources: []string{"lease", "comment", "dns"},
			Rules: []report.Rule{{Name: "dns", Text: "protocol udp, port 53"}, {Name: "proxy", Text: "the routers' proxies"}}},
		Excluded: []report.Exclusion{{Rule: "proxy", Counts: archive.Counts{Records: 91_211, Bytes: 9_123_456_789}}, {Rule: "dns", Counts: archive.Counts{Records: 45_678, Bytes: 5_123_456}}},
		Coverage: []report.RouterCoverage{{Router: "gw-1", Interface: "ether1", FlowBytes: 25_111_222_333, CounterBytes: 25_600_111_222, Share: 0.981}},
	}
	names := []string{"accounts", "boss", "warehouse", "reception", "design", "sales", "print", "camera", "meeting", "lab"}
	groups := []string{"Accounts", "Management", "Warehouse", "Design"}
	services := []string{"https", "quic", "imaps", "tcp/8443", "ssh"}
	buckets := 24
	for i := range buckets {
		u.Buckets = append(u.Buckets, report.Bucket{Start: start.Add(time.Duration(i) * time.Hour)})
	}
	departments := map[string]*report.Department{}
	for i := range hosts {
		h := report.Host{Host: fmt.Sprintf("192.168.%d.%d", 88+i/200, 10+i%200), Names: []string{fmt.Sprintf("%s-%d", names[i%len(names)], i/len(names)+1)},
			Flows: uint64(9000 / (i + 1)), Peers: uint64(400 / (i + 1)), New: i == 7 || i == 30, NotInDHCP: i == 11}
		if i%4 != 3 {
			h.Group = &groups[i%len(groups)]
		}
		size := 3e9 * math.Pow(0.86, float64(i))
		h.Buckets = make([]uint64, buckets)
		for hour := range buckets {
			part := math.Exp(-math.Pow(float64(hour)-11-float64(i%5), 2) / 18)
			if hour < 6 {
				part *= 0.05
			}
			n := uint64(size * part / 7)
			down := n * 5 / 6
			h.Buckets[hour] = n
			h.DownBytes += down
			h.UpBytes += n - down
			u.Buckets[hour].DownBytes += down
			u.Buckets[hour].UpBytes += n - down
			if n > h.BusiestHourBytes {
				at := u.Buckets[hour].Start
				h.BusiestHourBytes, h.BusiestHour = n, &at
			}
		}
		for n, part := range []uint64{70, 15, 6, 2} {
			h.TopServices = append(h.TopServices, report.Service{Proto: 6, Port: 443, Name: services[(i+n)%len(services)], DownBytes: h.DownBytes * part / 100})
			h.TopPeers = append(h.TopPeers, report.Peer{Peer: fmt.Sprintf("203.0.113.%d", 80+n), DownBytes: h.DownBytes * part / 120})
		}
		h.TopPeers[0].Name = "cdn.example.net"
		proxied, direct := uint64(size/3), float64(h.Bytes())/(float64(h.Bytes())+size/3)
		h.ProxiedBytes, h.DirectShare = &proxied, &direct
		u.Totals.UpBytes += h.UpBytes
		u.Totals.DownBytes += h.DownBytes
		u.Totals.Flows += h.Flows
		u.Hosts = append(u.Hosts, h)
	}
	var sum uint64
	for i := range u.Hosts {
		h := &u.Hosts[i]
		sum += h.Bytes()
		h.Share, h.CumulativeShare = float64(h.Bytes())/float64(u.Totals.Bytes()), float64(sum)/float64(u.Totals.Bytes())
		name := ""
		if h.Group != nil {
			name = *h.Group
		}
		d := departments[name]
		if d == nil {
			d = &report.Department{Name: name}
			departments[name] = d
		}
		d.Hosts++
		d.UpBytes += h.UpBytes
		d.DownBytes += h.DownBytes
	}
	for _, name := range append(groups[:3:3], "") {
		if d := departments[name]; d != nil {
			d.Share = float64(d.Bytes()) / float64(u.Totals.Bytes())
			u.Departments = append(u.Departments, *d)
		}
	}
	u.Totals.Hosts, u.Totals.NewHosts, u.Totals.NotInDHCP = hosts, 2, 1
	u.Totals.Unattributed = archive.Counts{Records: 230, Bytes: 12_345_678}
	u.Totals.UnattributedShare = 0.0006
	u.Totals.Internal.Bytes, u.Totals.RouterLocal.Bytes = 1_234_567, 234_567
	change, down, up := 0.12, 0.15, -0.031
	u.Before = &report.Comparison{From: day.Add(-1), To: day.Add(-1), Days: 1, UpBytes: 3e9, DownBytes: 15e9, Hosts: hosts - 2, Change: &change, DownChange: &down, UpChange: &up}
	less := -0.034
	u.Weekday = &report.Comparison{From: day.Add(-7), To: day.Add(-7), Days: 4, UpBytes: 4e9, DownBytes: 16e9, Hosts: hosts, Change: &less}
	if hosts > 2 {
		h := &u.Hosts[1]
		h.Quota = &report.QuotaState{Quota: "office", Period: "day", Day: u.Day, Used: h.Bytes(), Soft: 1 << 30, Hard: 2 << 30, Share: float64(h.Bytes()) / (2 << 30), State: report.QuotaHard}
		u.Offenders = []report.Offender{
			{Subject: "host", Name: h.Host, Names: h.Names, Group: h.Group, QuotaState: *h.Quota},
			{Subject: "department", Name: "Accounts", QuotaState: report.QuotaState{Quota: "accounts", Period: "month", Used: 5 << 30, Soft: 4 << 30, Hard: 6 << 30, Share: 0.83, State: report.QuotaSoft}},
		}
	}
	squid, share := uint64(9_876_543_210), 0.67
	u.Totals.ProxiedBytes, u.Totals.DirectShare = &squid, &share
	flows := uint64(9_555_444_333)
	u.Proxy = &report.Proxy{Bytes: squid, Requests: 123_456, Hosts: 50, OnlyHosts: 12, FlowBytes: &flows,
		Users: []report.ProxyUser{{User: "anna", Bytes: 7_654_321_000, Requests: 99_123}, {User: "boris", Bytes: 2_222_222_222, Requests: 24_333}},
		Only:  []report.ProxyHost{{Host: "192.168.88.201", Names: []string{"kiosk-1"}, Group: &groups[1], Bytes: 123_456_789}, {Host: "192.168.88.202", Bytes: 3_456_789}}}
	u.Books = []archive.Book{{Day: day, Router: "gw-1", Datagrams: 24_000, Records: 620_000, Bytes: 34e9, LostRecords: 3,
		Classes:  archive.Classes{Up: archive.Counts{Records: 300_000, Bytes: 10e9}, Down: archive.Counts{Records: 318_000, Bytes: 23e9}, Internal: archive.Counts{Records: 2000, Bytes: 1e6}},
		Excluded: map[string]archive.Counts{"proxy": {Records: 91_211, Bytes: 9e9}, "dns": {Records: 45_678, Bytes: 5e6}}, Loaded: archive.Loaded{Counts: archive.Counts{Records: 481_111, Bytes: 24e9}, Rows: 150_000}}}
	return u
}
