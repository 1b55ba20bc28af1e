package archive

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestFacts(t *testing.T) {
	a := open(t)
	ctx := t.Context()
	at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	first := RouterFacts{
		ValidFrom: at, Version: "7.18.2 (stable)", WAN: []uint32{2, 9}, Sampling: 1.5,
		Inside:       []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16"), netip.MustParsePrefix("2001:db8::/64")},
		Own:          []netip.Addr{netip.MustParseAddr("198.51.100.2")},
		InnerRouters: []netip.Addr{netip.MustParseAddr("10.2.0.2")},
	}
	same, second := first, first
	same.ValidFrom = at.Add(time.Hour)
	second.ValidFrom, second.WAN, second.InnerRouters = at.Add(2*time.Hour), []uint32{2}, nil
	for _, f := range []RouterFacts{first, same, second} {
		if err := a.Routers().NoteFacts(ctx, "gw", f); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.Routers().FactsOf(ctx, "gw")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]RouterFacts{first, second}, got, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
		t.Error(diff)
	}

	names := map[netip.Addr]string{netip.MustParseAddr("10.2.0.50"): "pc-1", netip.MustParseAddr("10.2.0.51"): "\xff\xfe"}
	for hour, name := range []string{"pc-1", "pc-1", "pc-2"} {
		names[netip.MustParseAddr("10.2.0.50")] = name
		if err := a.Routers().NoteHostNames(ctx, "lease", names, at.Add(time.Duration(hour)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := a.Routers().NoteInterfaces(ctx, "gw", map[uint32]string{2: "ether1", 3: name}, at.Add(time.Duration(hour)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		query string
		want  int
	}{{"SELECT COUNT(*) FROM host_names", 3}, {"SELECT COUNT(*) FROM interfaces", 3}} {
		var n int
		if err := a.db.QueryRow(c.query).Scan(&n); err != nil || n != c.want {
			t.Errorf("%s: %d, %v", c.query, n, err)
		}
	}
}

// Readings and flows of quarter-hours are what was noted and loaded.
func TestReadings(t *testing.T) {
	a := open(t)
	ctx := t.Context()
	id, err := a.Routers().ID(ctx, "gw")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	for i := range 8 {
		at := start.Add(time.Duration(i) * 15 * time.Minute)
		run(t, a, "INSERT INTO imports (id, file, size, digest, rules, problem, state, started) VALUES (?, ?, 1, UNHEX(SHA2(?, 256)), '{}', '', 'loaded', NOW())",
			i+1, at.Format("2006-01-02/20060102T150405Z")+".pcapng.zst", i)
		book := Book{Day: DayOf(at), Router: "gw", Records: 10, Bytes: 1000, LostRecords: 1}
		book.Classes.Up, book.Classes.RouterLocal = Counts{9, 900}, Counts{1, 100}
		if err := a.writeBook(ctx, "books", uint32(i+1), id, book); err != nil {
			t.Fatal(err)
		}
	}
	since := start.Add(-time.Hour)
	if c, err := a.Routers().Readings(ctx, "gw", since, start.Add(24*time.Hour)); c != nil || err != nil {
		t.Errorf("without counters: %v %v", c, err)
	}
	uptimes := make([]time.Duration, 10)
	uptimes[6], uptimes[7] = 90*time.Minute, 2*time.Minute                                   // a second one, that counters do not show
	for i, rx := range []uint64{900_000, 0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000} { // a restart before the second
		err := a.Routers().NoteCounters(ctx, "gw", start.Add(time.Duration(i)*15*time.Minute+3*time.Second), uptimes[i], []Counter{{2, rx, rx}, {9, 7, 7}})
		if err != nil {
			t.Fatal(err)
		}
	}
	readings, err := a.Routers().Readings(ctx, "gw", since, start.Add(24*time.Hour))
	if err != nil || len(readings) != 10 {
		t.Fatal(readings, err)
	}
	if diff := cmp.Diff(Reading{At: start.Add(105*time.Minute + 3*time.Second), Uptime: 2 * time.Minute, Counted: map[uint32][2]uint64{2: {3000, 3000}, 9: {7, 7}}}, readings[7]); diff != "" {
		t.Error(diff)
	}
	slots, err := a.Routers().FlowSlots(ctx, "gw", since, start.Add(24*time.Hour))
	if err != nil || len(slots) != 8 {
		t.Fatal(slots, err)
	}
	if diff := cmp.Diff(&SlotFlows{Heard: true, Bytes: 900, Lost: 1}, slots[start.Unix()/SlotSeconds]); diff != "" {
		t.Error(diff)
	}
}

// Lists are noted when they change, and read as they were at a time.
func TestLists(t *testing.T) {
	a := open(t)
	ctx := t.Context()
	at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	for hour, lists := range []map[string][]string{
		{"sales": {"10.2.0.9", "10.2.0.7-10.2.0.8"}, "never": nil},
		{"sales": {"10.2.0.7-10.2.0.8", "10.2.0.9", "10.2.0.9"}},
		{"sales": {"10.3.0.0/24", "a.example.net", "a,b"}},
		{"sales": nil},
	} {
		if err := a.Routers().NoteLists(ctx, "gw", lists, at.Add(time.Duration(hour)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Routers().NoteLists(ctx, "gone", map[string][]string{"sales": {"10.9.0.1"}}, at); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := a.db.QueryRow("SELECT COUNT(*) FROM router_lists").Scan(&n); err != nil || n != 4 {
		t.Errorf("%d rows, %v", n, err)
	}
	for hour, want := range map[time.Duration][]string{
		-1: {"10.2.0.7-10.2.0.8", "10.2.0.9"}, 0: {"10.2.0.7-10.2.0.8", "10.2.0.9"}, 1: {"10.2.0.7-10.2.0.8", "10.2.0.9"},
		2: {"10.3.0.0/24", "a.example.net"}, 3: nil,
	} {
		lists, err := a.Routers().Lists(ctx, []string{"gw"}, at.Add(hour*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, lists["sales"], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after %d hours: %s", hour, diff)
		}
	}
}
