package importer

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nfacct/archive"
	"nfacct/importer/attribution"
	"nfacct/routeros/officetest"
)

// truthRouters are the routers of a truthDay as they are configured or, the first,
// as it described itself a day before and a quarter past noon.
func truthRouters(from time.Time) []Router {
	var routers []Router
	for i, r := range []attribution.Router{
		pppoe:    {WAN: []uint32{0xF00007}, Inside: []netip.Prefix{prefix("10.1.0.0/16")}, Own: []netip.Addr{ip("10.1.0.254"), ip("198.51.100.10")}},
		failover: {WAN: []uint32{1}, Inside: []netip.Prefix{prefix("10.2.0.0/16")}, Own: []netip.Addr{ip("10.2.0.254"), ip("198.51.100.20")}},
		inner:    {WAN: []uint32{1}, Inside: []netip.Prefix{prefix("10.3.0.0/16"), prefix("2001:db8:300::/40")}, Own: []netip.Addr{ip("10.3.0.253"), ip("198.51.100.30")}},
		branch:   {WAN: []uint32{1}, Inside: []netip.Prefix{prefix("10.4.0.0/16"), prefix("10.1.0.0/16")}, Own: []netip.Addr{ip("198.51.100.40")}},
	} {
		routers = append(routers, Router{Name: [...]string{"pppoe", "failover", "inner", "branch"}[i], Export: []netip.Addr{exporterOf(i).Addr()}, Router: r})
	}
	later := routers[pppoe].Router
	later.WAN, later.Own = []uint32{0xF00008}, []netip.Addr{ip("10.1.0.254"), ip("198.51.100.77")}
	asked := from.Add(12*time.Hour + 15*time.Minute)
	told := Told{
		Routers: []Since{{From: from.AddDate(0, 0, -1), Router: routers[pppoe].Router}, {From: asked, Router: later}},
		Names:   []Named{{from.AddDate(0, 0, -1), 2, "bridge"}, {from.AddDate(0, 0, -1), 0xF00007, "pppoe-out1"}, {asked, 0xF00008, "pppoe-out1"}},
	}
	routers[pppoe].History = told.History([]attribution.Uplink{{Name: "pppoe-out1"}})
	return routers
}

// TestTruth: every class, rule and host of a day is what the generator made it, to
// the byte. Version 5 does not say whose a download is: where masquerade changed the
// port of a host behind an inner router that nobody listed, its bytes are charged to
// that router, and the books say how many they are. It carries no IPv6. Some datagrams come twice, and
// the clock of one router is nine minutes ahead.
func TestTruth(t *testing.T) {
	from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, version := range []officetest.Format{officetest.V5, officetest.V9, officetest.IPFIX} {
		t.Run(version.String(), func(t *testing.T) {
			day := newTruthDay(version, from)
			folder := t.TempDir()
			day.spool(t, folder)
			im := newImporter(t, folder, truthRouters(from)...)
			var l ledger
			summary := load(t, im, &l, anyDay)
			books := map[string]archive.Book{}
			for _, b := range summary.Books {
				switch {
				case b.Day == archive.DayOf(from):
					books[b.Router] = b
				case b.Records > 0: // it has datagrams, of records that ended the day before
					t.Errorf("%s has %d records of %s", b.Router, b.Records, b.Day)
				}
			}
			for i, r := range im.routers {
				compareTruth(t, &day.truth[i], books[r.Name], l.rows, i)
				var copies, lost uint64
				for _, b := range summary.Books { // some came after midnight
					if b.Router == r.Name {
						copies, lost = copies+b.Rejected["duplicate"], lost+b.LostRecords+b.LostDatagrams
					}
				}
				// Templates of IPFIX have no number of their own: sent again they are no copy.
				if sent := day.copies[i]; copies > sent || copies < sent && version != officetest.IPFIX || copies < 20 || lost > 0 {
					t.Errorf("%s: %d copies of %d found, %d records lost", r.Name, copies, sent, lost)
				}
			}
		})
	}
}

func compareTruth(t *testing.T, want *truth, book archive.Book, rows []archive.Row, router int) {
	t.Helper()
	c := book.Classes
	got := [attribution.Classes]archive.Counts{
		attribution.Up: c.Up, attribution.Down: c.Down, attribution.RouterLocal: c.RouterLocal,
		attribution.Internal: c.Internal, attribution.Transit: c.Transit, attribution.Unattributed: c.Unattributed,
	}
	for class := range got {
		if got[class] != want.classes[class] {
			t.Errorf("%s: %s is %v, want %v", book.Router, attribution.Class(class), got[class], want.classes[class])
		}
	}
	hosts := map[netip.Addr]archive.Counts{}
	for i := range rows {
		if r := &rows[i]; int(r.Router) == router {
			hosts[r.Host] = hosts[r.Host].Plus(archive.Counts{Records: r.UpBytes, Bytes: r.DownBytes})
		}
	}
	if diff := gocmp.Diff(want.hosts, hosts, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("%s: hosts, up as records, down as bytes: %s", book.Router, diff)
	}
	if !maps.Equal(want.excluded, book.Excluded) {
		t.Errorf("%s: left out %v, want %v", book.Router, book.Excluded, want.excluded)
	}
	unlisted, silent := map[string]archive.Counts{}, archive.Counts{}
	for _, f := range book.Findings {
		switch f.Kind {
		case archive.FoundUnlisted:
			unlisted[f.Example] = f.Counts
		case archive.FoundSilentHop:
			silent = f.Counts
		case archive.FoundWeak:
		case archive.FoundClock:
			if f.Seconds != wrong(router) {
				t.Errorf("%s: %+v", book.Router, f)
			}
		default:
			t.Errorf("%s: %+v", book.Router, f)
		}
	}
	if delete(unlisted, "0"); !maps.Equal(unlisted, want.unlisted) || silent != want.silent {
		t.Errorf("%s: unlisted %v, want %v; silent %v, want %v", book.Router, unlisted, want.unlisted, silent, want.silent)
	}
	if book.UplinkLocalBytes != want.uplinkLocal {
		t.Errorf("%s: %d bytes of its own by uplinks, want %d", book.Router, book.UplinkLocalBytes, want.uplinkLocal)
	}
	var ruled archive.Counts
	for _, n := range book.Rules {
		ruled = ruled.Plus(n)
	}
	if ruled != (archive.Counts{Records: book.Records, Bytes: book.Bytes}) {
		t.Errorf("%s: rules have %v of %d records, %d bytes", book.Router, ruled, book.Records, book.Bytes)
	}
}
