package report

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"nfacct/archive"
)

// figures are a report's figures by host, as the detail rows have them.
type figures struct {
	Up, Down, Flows, Peers, Busiest uint64
	BusiestAt                       time.Time
	Buckets                         []uint64
	TopPeers                        []Peer
	TopServices                     []Service
}

// detailRows reads every row of the period from whichever tables hold it, with
// nothing of the road that the report takes.
func detailRows(t *testing.T, a *archive.Archive, from, to archive.Day) []archive.Row {
	t.Helper()
	tables, err := a.Reader().FlowTables(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	var all []archive.Row
	for _, table := range tables {
		rows, err := a.DB().Query("SELECT day, slot, host, peer, host_port, peer_port, proto, up_bytes, down_bytes, flows FROM "+table+" WHERE day BETWEEN ? AND ?", from, to)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var r archive.Row
			var host, peer []byte
			if err := rows.Scan(&r.Day, &r.Slot, &host, &peer, &r.HostPort, &r.PeerPort, &r.Proto, &r.UpBytes, &r.DownBytes, &r.Flows); err != nil {
				t.Fatal(err)
			}
			r.Host, _ = netip.AddrFromSlice(host)
			r.Peer, _ = netip.AddrFromSlice(peer)
			all = append(all, r)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	return all
}

// fromRows computes the figures of hosts from rows.
func fromRows(rows []archive.Row, u *Usage, loc *time.Location) map[string]*figures {
	calendar := archive.NewCalendar(loc)
	hosts := map[string]*figures{}
	peers, services, hours := map[string]map[netip.Addr]Peer{}, map[string]map[[2]uint16]Service{}, map[string]map[time.Time]uint64{}
	for i := range rows {
		r := &rows[i]
		host := r.Host.String()
		f := hosts[host]
		if f == nil {
			f = &figures{Buckets: make([]uint64, len(u.Buckets))}
			hosts[host], peers[host], services[host], hours[host] = f, map[netip.Addr]Peer{}, map[[2]uint16]Service{}, map[time.Time]uint64{}
		}
		bytes := r.UpBytes + r.DownBytes
		f.Up += r.UpBytes
		f.Down += r.DownBytes
		f.Flows += r.Flows
		p := peers[host][r.Peer]
		peers[host][r.Peer] = Peer{Peer: r.Peer.String(), UpBytes: p.UpBytes + r.UpBytes, DownBytes: p.DownBytes + r.DownBytes}
		port := r.PeerPort
		if r.HostPort != 0 && r.HostPort < min(1024, r.PeerPort) { // of a published server
			port = r.HostPort
		}
		key := [2]uint16{uint16(r.Proto), port}
		s := services[host][key]
		services[host][key] = Service{Proto: r.Proto, Port: port, Name: serviceName(r.Proto, port), UpBytes: s.UpBytes + r.UpBytes, DownBytes: s.DownBytes + r.DownBytes}
		start := calendar.SlotStart(r.Day, r.Slot/4*4)
		hours[host][start] += bytes
		// The last bucket that does not begin after the row.
		at := 0
		for n := range u.Buckets {
			if !u.Buckets[n].Start.After(calendar.SlotStart(r.Day, r.Slot)) {
				at = n
			}
		}
		f.Buckets[at] += bytes
	}
	for host, f := range hosts {
		f.Peers = uint64(len(peers[host]))
		f.TopPeers = slices.SortedFunc(maps.Values(peers[host]), func(a, b Peer) int {
			return cmp.Or(cmp.Compare(b.Bytes(), a.Bytes()), netip.MustParseAddr(a.Peer).Compare(netip.MustParseAddr(b.Peer)))
		})
		f.TopServices = slices.SortedFunc(maps.Values(services[host]), func(a, b Service) int {
			return cmp.Or(cmp.Compare(b.Bytes(), a.Bytes()), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
		})
		for at, bytes := range hours[host] {
			if f.BusiestAt.IsZero() || bytes > f.Busiest || bytes == f.Busiest && at.Before(f.BusiestAt) {
				f.BusiestAt, f.Busiest = at, bytes
			}
		}
	}
	return hosts
}

// generate makes rows of days by many hosts of both families and both routers,
// with counters that a month table splits, in the day's first and last slots too.
func generate(rng *rand.Rand, loc *time.Location, days ...archive.Day) []archive.Row {
	calendar := archive.NewCalendar(loc)
	var rows []archive.Row
	for _, day := range days {
		slots := calendar.Slots(day)
		for n := range 400 {
			var host, peer netip.Addr
			if n%5 == 0 {
				var b [16]byte
				copy(b[:], []byte{0x20, 0x01, 0x0d, 0xb8})
				b[15] = byte(rng.IntN(12) + 1)
				host = netip.AddrFrom16(b)
				b[0], b[14] = 0x26, byte(rng.IntN(9))
				peer = netip.AddrFrom16(b)
			} else {
				var b [4]byte
				binary.BigEndian.PutUint32(b[:], 10<<24|uint32(rng.IntN(25)+1))
				host = netip.AddrFrom4(b)
				binary.BigEndian.PutUint32(b[:], 93<<24|uint32(rng.IntN(400)))
				peer = netip.AddrFrom4(b)
			}
			row := archive.Row{
				Day: day, Slot: archive.Slot(rng.IntN(slots)), Router: uint16(rng.IntN(2) + 1), WAN: 1, Host: host, Peer: peer,
				HostPort: uint16(rng.IntN(65536)), PeerPort: []uint16{443, 80, 53, 8443}[rng.IntN(4)], Proto: []uint8{6, 17}[rng.IntN(2)],
				UpPackets: 1, DownPackets: 2, UpBytes: uint64(rng.IntN(1 << 20)), DownBytes: uint64(rng.IntN(1 << 24)), Flows: uint64(rng.IntN(3) + 1),
				First: int32(rng.IntN(1000) - 50), Duration: uint32(rng.IntN(70000)),
			}
			switch n {
			case 0:
				row.Slot = 0
			case 1:
				row.Slot = archive.Slot(slots - 1)
			case 2:
				row.UpPackets, row.UpBytes, row.Flows = 5<<32, 3<<40, 200_000 // more than a row holds
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// Every figure of a report equals what the detail rows say, whatever the road.
func TestFigures(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 2)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 8))
	march := archive.Day{Year: 2026, Month: time.March, Day: 29}     // 23 hours
	october := archive.Day{Year: 2026, Month: time.October, Day: 25} // 25 hours
	edge := archive.Day{Year: 2026, Month: time.October, Day: 31}
	var days []archive.Day
	for _, first := range []archive.Day{march.Add(-7), march.Add(-1), october.Add(-2), edge} {
		for n := range 3 {
			if day := first.Add(n); !slices.Contains(days, day) {
				days = append(days, day)
			}
		}
	}
	// Several files, each of all days, so that hours are added to.
	for file := range 2 {
		loadRows(t, a, "file"+string(rune('0'+file)), generate(rng, berlin, days...), nil)
	}
	reporter, err := New(DefaultConfig(), a, berlin, discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, period := range []Period{
		DayPeriod(march, berlin), DayPeriod(october, berlin), DayPeriod(edge.Add(1), berlin),
		WeekPeriod(march, berlin), MonthPeriod(archive.MonthOf(edge), berlin), NewPeriod(KindRange, edge.Add(-1), edge.Add(2), berlin),
	} {
		t.Run(period.Kind+" "+period.From.String(), func(t *testing.T) {
			// Twice: what was kept must say the same.
			for range 2 {
				u, err := reporter.Usage(t.Context(), Request{Period: period, Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
				if err != nil {
					t.Fatal(err)
				}
				compareFigures(t, u, detailRows(t, a, period.From, period.To), berlin)
			}
		})
	}
	compareNeighbours(t, a, reporter, berlin, march)
}

func compareFigures(t *testing.T, u *Usage, rows []archive.Row, loc *time.Location) {
	t.Helper()
	want := fromRows(rows, u, loc)
	got := map[string]*figures{}
	var sum Totals
	buckets := make([]uint64, len(u.Buckets))
	var so float64
	for i := range u.Hosts {
		h := &u.Hosts[i]
		f := &figures{Up: h.UpBytes, Down: h.DownBytes, Flows: h.Flows, Peers: h.Peers, Busiest: h.BusiestHourBytes, BusiestAt: *h.BusiestHour, Buckets: h.Buckets}
		got[h.Host] = f
		compareTops(t, u, h, want[h.Host])
		sum.UpBytes += h.UpBytes
		sum.DownBytes += h.DownBytes
		sum.Flows += h.Flows
		for n, bytes := range h.Buckets {
			buckets[n] += bytes
		}
		if i > 0 && h.Bytes() > u.Hosts[i-1].Bytes() {
			t.Errorf("%s is behind a smaller one", h.Host)
		}
		so += h.Share
		if d := so - h.CumulativeShare; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: cumulative share %v, and the shares before sum up to %v", h.Host, h.CumulativeShare, so)
		}
	}
	for _, f := range want {
		f.TopPeers, f.TopServices = nil, nil // compared above
	}
	if diff := gocmp.Diff(want, got, gocmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
		t.Errorf("from rows (-) and from the report (+): %s", diff)
	}
	if u.Totals.UpBytes != sum.UpBytes || u.Totals.DownBytes != sum.DownBytes || u.Totals.Flows != sum.Flows || u.Totals.Hosts != len(want) {
		t.Errorf("totals %+v", u.Totals)
	}
	compareCourse(t, u, rows, loc)
	for n := range buckets {
		if buckets[n] != u.Buckets[n].Bytes() {
			t.Errorf("bucket %v: %d, and hosts have %d", u.Buckets[n].Start, u.Buckets[n].Bytes(), buckets[n])
		}
	}
	compareBooks(t, u)
	var loaded archive.Counts
	for i := range u.Books {
		loaded = loaded.Plus(u.Books[i].Loaded.Counts)
		if u.Books[i].Difference != "" {
			t.Error(u.Books[i].Difference)
		}
	}
	if loaded.Bytes != u.Totals.Bytes() || loaded.Records != u.Totals.Flows {
		t.Errorf("books say %v, hosts have %d bytes of %d flows", loaded, u.Totals.Bytes(), u.Totals.Flows)
	}
}

// compareTops checks all top peers and services of a host. Those of several days
// may be less than the truth where the report says so.
func compareTops(t *testing.T, u *Usage, h *Host, want *figures) {
	t.Helper()
	if want == nil {
		return // said elsewhere
	}
	if u.TopsAtLeast {
		for _, p := range h.TopPeers {
			at := slices.IndexFunc(want.TopPeers, func(w Peer) bool { return w.Peer == p.Peer })
			if at < 0 || p.UpBytes > want.TopPeers[at].UpBytes || p.DownBytes > want.TopPeers[at].DownBytes || p.Bytes() == 0 {
				t.Errorf("%s: peer %+v", h.Host, p)
			}
		}
		for _, s := range h.TopServices {
			at := slices.IndexFunc(want.TopServices, func(w Service) bool { return w.Proto == s.Proto && w.Port == s.Port })
			if at < 0 || s.UpBytes > want.TopServices[at].UpBytes || s.DownBytes > want.TopServices[at].DownBytes || s.Bytes() == 0 {
				t.Errorf("%s: service %+v", h.Host, s)
			}
		}
		return
	}
	cfg := DefaultConfig()
	if diff := gocmp.Diff(want.TopPeers[:min(cfg.TopPeers, len(want.TopPeers))], h.TopPeers); diff != "" {
		t.Errorf("%s: top peers from rows (-) and from the report (+): %s", h.Host, diff)
	}
	if diff := gocmp.Diff(want.TopServices[:min(cfg.TopServices, len(want.TopServices))], h.TopServices); diff != "" {
		t.Errorf("%s: top services from rows (-) and from the report (+): %s", h.Host, diff)
	}
}

// compareCourse checks the buckets in both directions, and the shares.
func compareCourse(t *testing.T, u *Usage, rows []archive.Row, loc *time.Location) {
	t.Helper()
	calendar := archive.NewCalendar(loc)
	buckets := make([]Bucket, len(u.Buckets))
	for i := range buckets {
		buckets[i] = Bucket{Start: u.Buckets[i].Start, NoData: u.Buckets[i].NoData}
	}
	for i := range rows {
		start := calendar.SlotStart(rows[i].Day, rows[i].Slot)
		at := 0
		for n := range buckets {
			if !buckets[n].Start.After(start) {
				at = n
			}
		}
		buckets[at].UpBytes += rows[i].UpBytes
		buckets[at].DownBytes += rows[i].DownBytes
		if buckets[at].NoData {
			t.Errorf("%v has rows, and is said to have no data", buckets[at].Start)
		}
	}
	if diff := gocmp.Diff(buckets, u.Buckets); diff != "" {
		t.Errorf("buckets from rows (-) and from the report (+): %s", diff)
	}
	for i := range u.Hosts {
		h := &u.Hosts[i]
		if d := h.Share - float64(h.Bytes())/float64(u.Totals.Bytes()); d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: share %v", h.Host, h.Share)
		}
	}
}

// compareBooks checks what no row is of: unattributed, transit, internal and
// router-local traffic, and what rules left out. The classes and rows sum up.
func compareBooks(t *testing.T, u *Usage) {
	t.Helper()
	var sum archive.Book
	for i := range u.Books {
		sum.Add(u.Books[i])
	}
	c, all := &sum.Classes, &u.Totals
	if all.Unattributed != c.Unattributed || all.Transit != c.Transit || all.Internal != c.Internal || all.RouterLocal != c.RouterLocal {
		t.Errorf("totals %+v, books %+v", all, c)
	}
	left := archive.Counts{}
	for _, e := range u.Excluded {
		if e.Counts != sum.Excluded[e.Rule] {
			t.Errorf("%s: %v, in books %v", e.Rule, e.Counts, sum.Excluded[e.Rule])
		}
		left = left.Plus(e.Counts)
	}
	if want := c.Up.Plus(c.Down); left.Plus(archive.Counts{Records: all.Flows, Bytes: all.Bytes()}) != want {
		t.Errorf("left out %v and %d flows with %d bytes, up and down %v", left, all.Flows, all.Bytes(), want)
	}
	border := c.Up.Bytes + c.Down.Bytes + c.Unattributed.Bytes
	if d := all.UnattributedShare - float64(all.Unattributed.Bytes)/float64(border); d > 1e-9 || d < -1e-9 {
		t.Errorf("unattributed share %v", all.UnattributedShare)
	}
}

// compareNeighbours checks the figures of other days.
func compareNeighbours(t *testing.T, a *archive.Archive, reporter *Reporter, loc *time.Location, day archive.Day) {
	t.Helper()
	u, err := reporter.Usage(t.Context(), Request{Period: DayPeriod(day, loc), Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	sum := func(days ...archive.Day) (up, down uint64, hosts int) {
		for _, day := range days {
			seen := map[netip.Addr]bool{}
			for _, r := range detailRows(t, a, day, day) {
				up += r.UpBytes
				down += r.DownBytes
				seen[r.Host] = true
			}
			hosts += len(seen)
		}
		return up, down, hosts
	}
	up, down, hosts := sum(day.Add(-1))
	if b := u.Before; b == nil || b.UpBytes != up || b.DownBytes != down || b.Hosts != hosts || b.Days != 1 {
		t.Errorf("before: %+v, want %d up %d down %d hosts", b, up, down, hosts)
	}
	up, down, hosts = sum(day.Add(-7)) // the other weeks are not known
	if w := u.Weekday; w == nil || w.UpBytes != up || w.DownBytes != down || w.Hosts != hosts || w.Days != 1 {
		t.Errorf("weekday: %+v, want %d up %d down %d hosts", w, up, down, hosts)
	}
	if c := u.Before.Change; c == nil || cmp.Compare(*c, 0) != cmp.Compare(u.Totals.Bytes(), u.Before.Bytes()) {
		t.Errorf("change %v", c)
	}
}
