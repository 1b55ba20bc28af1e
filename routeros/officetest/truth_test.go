package officetest

import (
	"net/netip"
	"testing"
	"time"
)

func TestTruthAddsUp(t *testing.T) {
	o := newOffice(t, Config{IPv6: true})
	truth := o.NewTruth()
	var records, bytes uint64
	for r := range o.Records(monday.Add(-2*time.Minute), monday.AddDate(0, 0, 1).Add(2*time.Minute)) {
		truth.Add(r)
		records++
		bytes += r.Bytes
	}
	var dayRecords, dayBytes, hostBytes, upDown uint64
	for _, name := range []string{"2026-11-22", "2026-11-23", "2026-11-24"} {
		day := truth.Day(name)
		for _, c := range day.Classes {
			dayRecords += c.Records
			dayBytes += c.Bytes
		}
		upDown += day.Classes[Up].Bytes + day.Classes[Down].Bytes
		for _, h := range day.Hosts {
			u, _ := h.Usage(Direct, DNS, ICMP, Multicast, Broadcast, Proxy, ProxyDNS)
			hostBytes += u.UpBytes + u.DownBytes
		}
	}
	if records != dayRecords || bytes != dayBytes || hostBytes != upDown {
		t.Errorf("%d records and %d bytes became %d and %d; hosts have %d of %d", records, bytes, dayRecords, dayBytes, hostBytes, upDown)
	}
}

func TestTruthDividesAtMidnight(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	havana, err := time.LoadLocation("America/Havana")
	if err != nil {
		t.Fatal(err)
	}
	host, peer := netip.MustParseAddr("10.2.214.50"), netip.MustParseAddr("192.0.2.1")
	for _, test := range []struct {
		name     string
		midnight time.Time
		before   string
		after    string
	}{
		{"winter", time.Date(2026, 11, 23, 0, 0, 0, 0, berlin), "2026-11-22", "2026-11-23"},
		{"after the day of 23 hours", time.Date(2026, 3, 30, 0, 0, 0, 0, berlin), "2026-03-29", "2026-03-30"},
		{"after the day of 25 hours", time.Date(2026, 10, 26, 0, 0, 0, 0, berlin), "2026-10-25", "2026-10-26"},
		{"midnight that clocks jump over", time.Date(2026, 3, 8, 5, 0, 0, 0, time.UTC).In(havana), "2026-03-07", "2026-03-08"},
		{"midnight that comes twice", time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC).In(havana), "2026-10-31", "2026-11-01"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOffice(t, Config{Location: test.midnight.Location()})
			truth := o.NewTruth()
			at := test.midnight.UnixMilli()
			truth.Add(&Record{Class: Up, Host: host, Peer: peer, Start: at - 1000, End: at + 2000, Bytes: 100, Packets: 4})
			truth.Add(&Record{Class: Down, Host: host, Peer: peer, Start: at - 500, End: at - 1, Bytes: 7, Packets: 2})
			truth.Add(&Record{Class: Down, Host: host, Peer: peer, Start: at, End: at, Bytes: 9, Packets: 2})
			before, n := truth.Day(test.before).Hosts[host].Usage(Direct)
			if want := (Usage{UpBytes: 33, UpPackets: 1, DownBytes: 7, DownPackets: 2, Flows: 1}); before != want || n != 1 {
				t.Errorf("before midnight %+v, %d peers", before, n)
			}
			after, _ := truth.Day(test.after).Hosts[host].Usage(Direct)
			if want := (Usage{UpBytes: 67, UpPackets: 3, DownBytes: 9, DownPackets: 2, Flows: 2}); after != want {
				t.Errorf("after midnight %+v", after)
			}
		})
	}
}
