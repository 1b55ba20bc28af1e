package archive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// crowd makes a file of some days in which few hosts, of both families, talk with
// few peers over many services, and many sums are equal.
func crowd(t testing.TB, a *Archive, rng *rand.Rand, number, rows int, days ...Day) testFile {
	t.Helper()
	f := newFile(t, a, number, rows, days...)
	address := func(n int, net byte) netip.Addr {
		if n%3 == 0 {
			return netip.AddrFrom16([16]byte{0x20, 1, 2: net, 15: byte(n)})
		}
		return netip.AddrFrom4([4]byte{net, 0, 9, byte(n)})
	}
	for i := range f.rows {
		r := &f.rows[i]
		r.Host, r.Peer = address(rng.IntN(6), 10), address(rng.IntN(40), 93)
		r.PeerPort, r.Proto = uint16(rng.IntN(30)), []uint8{6, 17}[rng.IntN(2)]
		if rng.IntN(2) == 0 { // the books say how much it is in all
			r.UpBytes, r.DownBytes = r.DownBytes, r.UpBytes
		}
		if n := i % rows; n%2 == 1 { // so that many are as much as others
			p := &f.rows[i-1]
			sum := r.UpBytes + p.UpBytes
			p.UpBytes, r.UpBytes = sum/2, sum-sum/2
			sum = r.DownBytes + p.DownBytes
			p.DownBytes, r.DownBytes = sum/2, sum-sum/2
		}
	}
	return f
}

// grouped asks the server whom the hosts of a day talked with.
func grouped(t *testing.T, a *Archive, day Day) []HostPeers {
	t.Helper()
	by := map[netip.Addr]*HostPeers{}
	query := func(columns, order string, take func(h *HostPeers, key []byte, proto uint8, up, down uint64)) {
		t.Helper()
		rows, err := a.db.Query("SELECT host, "+columns+", SUM(up_bytes), SUM(down_bytes) FROM "+MonthOf(day).Table()+
			" WHERE day = ? GROUP BY host, "+columns+" ORDER BY host, SUM(up_bytes + down_bytes) DESC, "+order, day)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var host, key []byte
			var proto uint8
			var up, down uint64
			if err := rows.Scan(&host, &key, &proto, &up, &down); err != nil {
				t.Fatal(err)
			}
			addr, _ := netip.AddrFromSlice(host)
			if by[addr] == nil {
				by[addr] = &HostPeers{Host: addr}
			}
			take(by[addr], key, proto, up, down)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	sets := map[netip.Addr][]netip.Addr{}
	query("peer, proto * 0", "LENGTH(peer), peer", func(h *HostPeers, key []byte, _ uint8, up, down uint64) {
		peer, _ := netip.AddrFromSlice(key)
		sets[h.Host] = append(sets[h.Host], peer)
		if h.Peers++; h.Peers <= 10 {
			h.TopPeers = append(h.TopPeers, PeerUsage{peer, up, down})
		}
	})
	query("peer_port, proto", "proto, peer_port", func(h *HostPeers, key []byte, proto uint8, up, down uint64) {
		if len(h.Services) < 20 {
			var port uint16
			fmt.Sscan(string(key), &port)
			h.Services = append(h.Services, ServiceUsage{proto, port, up, down})
		}
	})
	var hosts []HostPeers
	for host, h := range by {
		slices.SortFunc(sets[host], netip.Addr.Compare)
		h.set = peerSet(nil, sets[host])
		hosts = append(hosts, *h)
	}
	return hosts
}

// Whom hosts talked with is what the server says when it groups the rows, whether
// it was summed while they were loaded or read from them; and it is found while they
// are loaded wherever the files of a day come in one session.
func TestLoadedPeers(t *testing.T) {
	a := open(t)
	ctx := t.Context()
	tuesday := monday.Add(1)
	compare := func(what string, hosts []HostPeers, err error, want []HostPeers) {
		t.Helper()
		byHost := cmpopts.SortSlices(func(a, b HostPeers) bool { return a.Host.Less(b.Host) })
		if diff := gocmp.Diff(want, hosts, byHost, cmpopts.EquateComparable(netip.Addr{}), gocmp.AllowUnexported(HostPeers{})); diff != "" || err != nil || len(hosts) == 0 {
			t.Errorf("%s: %v, grouped by the server (-) and found (+): %s", what, err, diff)
		}
	}
	check := func(what string, day Day, kept bool) {
		t.Helper()
		want := grouped(t, a, day)
		s, err := a.readDayStates(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if is := s.stamps[day] != "" && s.stored[day][1] == s.stamps[day]; is != kept {
			t.Errorf("%s: peers of %s are kept: %v, want %v", what, day, is, kept)
		} else if kept {
			hosts, err := a.storedPeers(ctx, day)
			compare(what+", kept", hosts, err, want)
		}
		read, err := a.findPeers(ctx, day)
		compare(what+", read", read, err, want)
		hosts, err := a.HostPeers(ctx, day)
		compare(what+", asked for", hosts, err, want)
	}
	session := func(do func()) {
		t.Helper()
		unlock, err := a.Lock(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		do()
		if err := a.Settle(ctx); err != nil {
			t.Fatal(err)
		}
	}
	abandon := func(f testFile) {
		t.Helper()
		l, err := a.BeginLoad(ctx, f.File)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.rows {
			if err := l.Append(&f.rows[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Abort(ctx); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(3, 5))
	one, two := crowd(t, a, rng, 1, 400, monday), crowd(t, a, rng, 2, 300, monday, tuesday)
	three := crowd(t, a, rng, 3, 200, tuesday)
	two.rows[0].Flows += 1 << 17 // rows of their own for what a column cannot hold
	two.books[0].Loaded.Records += 1 << 17
	two.books[0].Classes.Up.Records += 1 << 17
	two.books[0].Records += 1 << 17
	session(func() { mustLoad(t, a, one, two, three) })
	check("one session", monday, true)
	check("over midnight", tuesday, true)

	// Files from before are not in the sums of a session.
	session(func() { mustLoad(t, a, crowd(t, a, rng, 4, 100, tuesday)) })
	if days, err := a.DaysWithoutPeers(ctx, tuesday.Add(1)); err != nil || !slices.Equal(days, []Day{tuesday}) {
		t.Errorf("days without peers: %v, %v", days, err)
	}
	check("late file", tuesday, false)
	check("day without the late file", monday, true)

	session(func() {
		if err := reload(ctx, a, monday, one, two); err != nil {
			t.Fatal(err)
		}
	})
	check("loaded again", monday, true)
	session(func() { // of which the file's other day is no part
		files, err := a.FilesOfDay(ctx, monday)
		if err != nil {
			t.Fatal(err)
		}
		r, err := a.BeginReload(ctx, monday, files[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		l, err := r.BeginFile(ctx, two.File)
		if err == nil {
			err = two.finish(ctx, l)
		}
		if err := errors.Join(err, r.Commit(ctx)); err != nil {
			t.Fatal(err)
		}
	})
	check("file taken out", monday, true)
	check("its other day, for safety", tuesday, false)

	// What is given up is in no sums, be it as much as what is there.
	session(func() {
		again := two
		again.Digest[0]++
		again.rows = slices.DeleteFunc(slices.Clone(two.rows), func(r Row) bool { return r.Day != monday })
		for i := range again.rows {
			again.rows[i].Peer = netip.MustParseAddr("203.0.113.1")
		}
		abandon(again)
		mustLoad(t, a, crowd(t, a, rng, 5, 10, tuesday))
	})
	check("load given up", monday, true) // as it was kept before
	session(func() {
		r, err := a.BeginReload(ctx, monday)
		if err != nil {
			t.Fatal(err)
		}
		l, err := r.BeginFile(ctx, two.File)
		other := two
		other.rows = slices.Clone(two.rows)
		other.rows[1].Peer = netip.MustParseAddr("203.0.113.1")
		if err == nil {
			err = other.finish(ctx, l)
		}
		if err := errors.Join(err, r.Abort(context.WithoutCancel(ctx))); err != nil {
			t.Fatal(err)
		}
	})
	check("reload given up", monday, true)

	// Days that are over make room, and too many pairs are not summed at all.
	a.session.most = 500
	wednesday, thursday, friday := monday.Add(2), monday.Add(3), monday.Add(4)
	session(func() {
		mustLoad(t, a, crowd(t, a, rng, 6, 500, wednesday), crowd(t, a, rng, 7, 500, thursday))
		if a.session.held == 0 || a.session.held > 240 {
			t.Errorf("%d pairs are held, of the second day only", a.session.held)
		}
		mustLoad(t, a, crowd(t, a, rng, 8, 20, wednesday))
		many := newFile(t, a, 9, 400, friday)
		mustLoad(t, a, many)
	})
	check("day that went on", wednesday, false)
	check("day that was over", thursday, true)
	check("crowded day", friday, false)
}
