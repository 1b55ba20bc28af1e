package archive

import (
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// hostDays are the sums of a day by host, as kept and as the rows have them.
func hostDays(t *testing.T, a *Archive, day Day) (kept, rows map[netip.Addr][3]uint64) {
	t.Helper()
	if err := a.RefreshDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, rows = map[netip.Addr][3]uint64{}, map[netip.Addr][3]uint64{}
	if err := a.Reader().HostDays(t.Context(), day, day, func(d *HostDay) { kept[d.Host] = [3]uint64{d.UpBytes, d.DownBytes, d.Flows} }); err != nil {
		t.Fatal(err)
	}
	found, err := a.db.Query("SELECT host, SUM(up_bytes), SUM(down_bytes), SUM(flows) FROM "+MonthOf(day).Table()+" WHERE day = ? GROUP BY host", day)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var address []byte
		var sums [3]uint64
		if err := found.Scan(&address, &sums[0], &sums[1], &sums[2]); err != nil {
			t.Fatal(err)
		}
		host, _ := netip.AddrFromSlice(address)
		rows[host] = sums
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	// By router they are the same.
	parts := map[netip.Addr][3]uint64{}
	if err := a.Reader().RouterHosts(t.Context(), day, day, func(h *RouterHost) {
		sums := parts[h.Host]
		parts[h.Host] = [3]uint64{sums[0] + h.UpBytes, sums[1] + h.DownBytes, rows[h.Host][2]}
	}); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(rows, parts, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("by router: %s", diff)
	}
	return kept, rows
}

// What is kept of days follows what is loaded, and what is taken away again.
func TestDayStates(t *testing.T) {
	a := open(t)
	lock(t, a)
	ctx := t.Context()
	addrs := cmpopts.EquateComparable(netip.Addr{})
	peers := func() []HostPeers {
		t.Helper()
		hosts, err := a.Reader().HostPeers(ctx, monday)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(hosts, func(a, b HostPeers) int { return a.Host.Compare(b.Host) })
		return hosts
	}
	check := func(hosts int) {
		t.Helper()
		kept, rows := hostDays(t, a, monday)
		if diff := gocmp.Diff(rows, kept, addrs); diff != "" || len(kept) != hosts {
			t.Errorf("%d hosts, want %d; from rows (-) and kept (+): %s", len(kept), hosts, diff)
		}
		// First found, then read as kept.
		found := peers()
		if err := a.KeepPeers(ctx, monday); err != nil {
			t.Fatal(err)
		}
		var stamps int
		if err := a.db.QueryRow("SELECT COUNT(*) FROM day_states WHERE day = ? AND peers_stamp <> '' AND usage_stamp = peers_stamp", monday).Scan(&stamps); err != nil || stamps != 1 {
			t.Errorf("%d days are marked, %v", stamps, err)
		}
		if diff := gocmp.Diff(found, peers(), addrs, gocmp.AllowUnexported(HostPeers{}), cmpopts.EquateEmpty()); diff != "" || len(found) != hosts {
			t.Errorf("%d hosts, want %d; peers found (-) and kept (+): %s", len(found), hosts, diff)
		}
		for i := range found {
			if set, err := found[i].Set(); err != nil || uint64(len(set)) != found[i].Peers {
				t.Errorf("%s: %d peers in the set, %d counted, %v", found[i].Host, len(set), found[i].Peers, err)
			}
		}
	}
	mustLoad(t, a, newFile(t, a, 1, 30, monday))
	check(30)
	mustLoad(t, a, newFile(t, a, 2, 50, monday))
	check(80)
	first := map[netip.Addr]Day{}
	err := a.Reader().FirstSeen(ctx, func(host netip.Addr, day Day) { first[host] = day })
	if err != nil || len(first) != 80 || first[netip.MustParseAddr("10.2.0.7")] != monday {
		t.Errorf("first days of %d hosts, %v", len(first), err)
	}

	// While something is being loaded nothing is kept, but all is answered.
	run(t, a, "INSERT INTO imports (id, file, size, digest, rules, problem, state, started) VALUES (77, 'f', 1, UNHEX(SHA2('f', 256)), '{}', '', 'loading', NOW())")
	run(t, a, "UPDATE day_states SET peers_stamp = ''")
	if err := a.KeepPeers(ctx, monday); err != nil {
		t.Fatal(err)
	}
	if hosts := peers(); len(hosts) != 80 {
		t.Errorf("%d hosts while a file is loaded", len(hosts))
	}
	var stamp string
	if err := a.db.QueryRow("SELECT peers_stamp FROM day_states").Scan(&stamp); err != nil || stamp != "" {
		t.Errorf("peers are kept while a file is loaded: %q, %v", stamp, err)
	}
	run(t, a, "DELETE FROM imports WHERE id = 77")

	// The first file is taken away, as when its day is loaded again.
	run(t, a, "DELETE FROM books WHERE import = (SELECT id FROM imports WHERE file = 'spool/file-1')")
	for _, table := range []string{"usage_hourly", MonthOf(monday).Table()} {
		run(t, a, "DELETE FROM "+table+" WHERE HEX(host) LIKE '0A01%'")
	}
	check(50)
	run(t, a, "DELETE FROM books")
	run(t, a, "DELETE FROM usage_hourly")
	if err := a.RefreshDays(ctx); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"host_days", "host_day_peers", "day_states"} {
		var n int
		if err := a.db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s still has %d rows of a day without files, %v", table, n, err)
		}
	}
}

// Sets of peers come back as they were, of both families, far and near.
func TestPeerSet(t *testing.T) {
	for _, set := range [][]netip.Addr{
		nil,
		{netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("0.0.0.1"), netip.MustParseAddr("255.255.255.255")},
		{netip.MustParseAddr("93.0.0.1"), netip.MustParseAddr("::"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")},
	} {
		got, err := PeerSet(nil, peerSet(nil, set))
		if err != nil || !slices.Equal(got, set) {
			t.Errorf("%v became %v, %v", set, got, err)
		}
	}
}
