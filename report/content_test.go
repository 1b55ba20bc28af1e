package report

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nfacct/archive"
	"nfacct/report/phrase"
)

var sunday = archive.Day{Year: 2026, Month: time.November, Day: 8}

// after is a time at which the days of these tests are long over.
var after = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// rowsOf makes a row in each of the hours of a day, from router 1; sizes are
// bytes down an hour by host.
func rowsOf(day archive.Day, hours []int, sizes map[string]uint64) (rows []archive.Row) {
	for _, hour := range hours {
		for host, size := range sizes {
			rows = append(rows, archive.Row{
				Day: day, Slot: archive.Slot(4 * hour), Router: 1, WAN: 1, Host: netip.MustParseAddr(host), Peer: netip.MustParseAddr("93.0.0.1"),
				HostPort: 1024, PeerPort: 443, Proto: 6, DownPackets: 1, DownBytes: size, Flows: 1,
			})
		}
	}
	return rows
}

func hoursTo(n int) (hours []int) {
	for hour := range n {
		hours = append(hours, hour)
	}
	return hours
}

func usageOf(t *testing.T, a *archive.Archive, cfg Config, q Request) *Usage {
	t.Helper()
	reporter, err := New(cfg, a, time.UTC, discard)
	if err != nil {
		t.Fatal(err)
	}
	if q.Now.IsZero() {
		q.Now = after
	}
	u, err := reporter.Usage(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Departments and quotas, by networks, ranges, files and routers' address lists.
func TestGroups(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	sizes := map[string]uint64{"10.0.0.1": 100, "10.0.0.2": 10, "10.0.1.1": 1, "10.0.9.9": 1000, "2001:db8::5": 5}
	loadRows(t, a, "saturday", rowsOf(sunday.Add(-1), hoursTo(24), sizes), nil)
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), sizes), nil)
	if err := a.Routers().NoteLists(t.Context(), "gw-1", map[string][]string{"lab": {"10.0.9.0-10.0.9.255", "a.example.net"}}, after); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("# of people\n2001:db8::/64 # all\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	off := false
	cfg.Departments = []Group{
		{Name: "sales", Members: Members{Hosts: []string{"10.0.0.0/24"}}},
		{Name: "six", Members: Members{List: list}},
		{Name: "lab", Members: Members{AddressList: "lab"}},
		{Name: "nobody", Members: Members{Hosts: []string{"10.77.0.0/16"}}},
	}
	cfg.Quotas = []Quota{
		{Name: "all", Each: "host", Period: "day", Soft: 2000, Hard: 20000},
		{Name: "sales", Each: "department", Period: "month", Soft: 2640 * 2, Departments: []string{"sales"}}, // exactly kept
		{Name: "labs", Each: "list", Period: "month", Hard: 40000, Members: Members{AddressList: "lab"}},
		{Name: "off", Each: "host", Period: "day", Hard: 1, Enabled: &off},
	}
	u := usageOf(t, a, cfg, Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}})
	var departments []string
	for _, d := range u.Departments {
		departments = append(departments, fmt.Sprintf("%s %d %d", d.Name, d.Hosts, d.DownBytes))
	}
	if diff := gocmp.Diff([]string{"lab 1 24000", "sales 2 2640", "six 1 120", " 1 24", "nobody 0 0"}, departments); diff != "" {
		t.Error(diff)
	}
	var over []string
	for _, o := range u.Offenders {
		over = append(over, fmt.Sprintf("%s %s %s %d %s", o.Subject, o.Name, o.Quota, o.Used, o.State))
	}
	want := []string{"host 10.0.9.9 all 24000 hard", "list labs labs 48000 hard", "host 10.0.0.1 all 2400 soft"}
	slices.Sort(over[:2])
	if diff := gocmp.Diff(want, over); diff != "" {
		t.Error(diff)
	}
	if h := u.Hosts[0]; h.Host != "10.0.9.9" || *h.Group != "lab" || h.Quota.State != QuotaHard {
		t.Errorf("%+v", h)
	}

	// A department's report has its own hosts alone, and nothing of the others.
	u = usageOf(t, a, cfg, Request{Period: DayPeriod(sunday, time.UTC), Group: "sales", Routers: []string{"gw-1"}})
	if len(u.Hosts) != 2 || u.Totals.DownBytes != 2640 || len(u.Books) != 0 || len(u.Departments) != 1 || u.Before.DownBytes != 2640 {
		t.Errorf("%d hosts, %+v, %d books, %+v, before %+v", len(u.Hosts), u.Totals, len(u.Books), u.Departments, u.Before)
	}
	for _, o := range u.Offenders {
		if o.Name != "10.0.0.1" {
			t.Errorf("the head of sales is told of %s", o.Name)
		}
	}

	// A range of days: the worst day, and how many.
	u = usageOf(t, a, cfg, Request{Period: NewPeriod(KindRange, sunday.Add(-1), sunday, time.UTC), Routers: []string{"gw-1"}})
	if q := u.Hosts[0].Quota; q.Days != 2 || q.Day != sunday.Add(-1).String() || q.Used != 24000 {
		t.Errorf("%+v", q)
	}
}

// Names by the order of trust, strangers, and hosts without a lease.
func TestNames(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	ctx := t.Context()
	loadRows(t, a, "first", rowsOf(sunday.Add(-7), hoursTo(24), map[string]uint64{"10.0.0.1": 1}), nil)
	loadRows(t, a, "saturday", rowsOf(sunday.Add(-1), hoursTo(24), map[string]uint64{"10.0.0.1": 1, "10.0.0.3": 1}), nil)
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), map[string]uint64{"10.0.0.1": 3, "10.0.0.2": 2, "172.16.0.1": 1}), nil)
	start := time.Date(2026, 11, 8, 0, 0, 0, 0, time.UTC)
	note := func(source, host, name string, at time.Time) {
		t.Helper()
		if err := a.Routers().NoteHostNames(ctx, source, map[netip.Addr]string{netip.MustParseAddr(host): name}, at); err != nil {
			t.Fatal(err)
		}
	}
	note("lease", "10.0.0.1", "long-ago", start.Add(-48*time.Hour))
	note("lease", "10.0.0.1", "before", start.Add(-24*time.Hour))
	note("lease", "10.0.0.1", "noon\x1b[31m\u202e", start.Add(12*time.Hour))
	note("lease", "10.0.0.1", "tomorrow", start.Add(25*time.Hour))
	note("comment", "10.0.0.1", "boss", start.Add(-24*time.Hour))
	cfg := DefaultConfig()
	cfg.Names = []string{"comment", "lease", "file"}
	cfg.HostsFile = filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(cfg.HostsFile, []byte("# office\n10.0.0.1 boss-pc boss # first\n172.16.0.1\tnas\n::ffff:10.0.0.2 mapped\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u := usageOf(t, a, cfg, Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}})
	got := map[string]string{}
	for _, h := range u.Hosts {
		got[h.Host] = fmt.Sprintf("%q new %v no lease %v", h.Names, h.New, h.NotInDHCP)
	}
	want := map[string]string{
		"10.0.0.1": fmt.Sprintf("%q new false no lease false", []string{"boss", Clean("noon\x1b[31m\u202e"), "before", "boss-pc"}),
		"10.0.0.2": `["mapped"] new true no lease true`, "172.16.0.1": `["nas"] new true no lease false`,
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if u.Totals.NewHosts != 2 || u.Totals.NotInDHCP != 1 {
		t.Errorf("%+v", u.Totals)
	}
	if n := u.NewHosts; n == nil || n.DataSince != sunday.Add(-7).String() || n.TooEarly {
		t.Errorf("%+v", n)
	}
	// In the first week nobody is new, and it is said from when on.
	u = usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday.Add(-1), time.UTC)})
	if n := u.NewHosts; u.Totals.NewHosts != 0 || n == nil || !n.TooEarly || n.From != sunday.String() {
		t.Errorf("%d new hosts in the first week, %+v", u.Totals.NewHosts, n)
	}
	var early bytes.Buffer
	if err := u.WriteText(&early, phrase.English(), 0, 0); err != nil || !strings.Contains(strings.Join(strings.Fields(early.String()), " "), "Hosts are marked new from 2026-11-08 on, a week after the first data (2026-11-01).") {
		t.Errorf("%v %s", err, early.String())
	}
	// On the first day of all nobody is new.
	if u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday.Add(-7), time.UTC)}); u.Totals.NewHosts != 0 {
		t.Errorf("%d new hosts on the first day", u.Totals.NewHosts)
	}
	// A wrong line costs its own name alone.
	for text, line := range map[string]int{"10.0.0.1\n10.0.0.9 x": 1, "a b\n10.0.0.9 x": 1, "\n10.0.0.9 x\nx\n": 3} {
		if err := os.WriteFile(cfg.HostsFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		names := map[string]string{}
		err := readHostsFile(cfg.HostsFile, slog.New(slog.NewTextHandler(&said, nil)), func(addr netip.Addr, name string) { names[addr.String()] = name })
		if err != nil || len(names) != 1 || names["10.0.0.9"] != "x" || !strings.Contains(said.String(), fmt.Sprintf("line=%d", line)) {
			t.Errorf("%q: %v, %v, %s", text, err, names, &said)
		}
	}
}

// spooled loads rows as the spool files of quarter-hours, all but those that leave out says.
func spooled(t *testing.T, a *archive.Archive, day archive.Day, leaveOut func(slot int) bool, change func(*archive.Book)) {
	t.Helper()
	start := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC)
	for slot := 0; slot < 96; slot++ {
		if leaveOut != nil && leaveOut(slot) {
			continue
		}
		rows := rowsOf(day, []int{slot / 4}, map[string]uint64{"10.0.0.1": 100})
		rows[0].Slot = archive.Slot(slot)
		loadRows(t, a, start.Add(time.Duration(slot)*15*time.Minute).Format("2006-01-02/20060102T150405Z")+".pcapng.zst", rows, change)
	}
}

// Whatever makes figures less than whole is said, and only that.
func TestDoubts(t *testing.T) {
	end := time.Date(2026, 11, 9, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		load   func(t *testing.T, a *archive.Archive)
		q      Request
		want   []string // English, or its beginning
		nobody bool
	}{
		{name: "complete", load: func(t *testing.T, a *archive.Archive) { spooled(t, a, sunday, nil, nil) }},
		{name: "nothing", want: []string{"Nothing of this period"}, nobody: true},
		{name: "future", q: Request{Now: end.Add(-48 * time.Hour)}, want: []string{"The period has not begun", "Nothing of this period"}, nobody: true},
		{
			name: "running", q: Request{Now: end.Add(-6 * time.Hour)}, want: []string{"The period is not over"},
			load: func(t *testing.T, a *archive.Archive) {
				spooled(t, a, sunday, func(slot int) bool { return slot >= 72 }, nil)
			},
		},
		{
			name: "late", q: Request{Pending: []string{"b", "a"}}, want: []string{"2 files are not imported yet, the first is a:"},
			load: func(t *testing.T, a *archive.Archive) { spooled(t, a, sunday, nil, nil) },
		},
		{
			name: "silent", want: []string{"No flows from gw-1 between 03:15 and 04:30:", "No flows from gw-1 between 23:00 and 24:00:"},
			load: func(t *testing.T, a *archive.Archive) {
				spooled(t, a, sunday, func(slot int) bool { return slot >= 13 && slot < 18 || slot == 40 || slot >= 92 }, nil)
			},
		},
		{
			name: "another router is silent", q: Request{Routers: []string{"gw-1", "gw-2", "gw-3"}}, want: []string{"No flows from gw-2 between 00:00 and 24:00:"},
			load: func(t *testing.T, a *archive.Archive) {
				spooled(t, a, sunday, nil, nil)
				rows := rowsOf(sunday.Add(-9), []int{5}, map[string]uint64{"10.0.0.9": 1})
				rows[0].Router = 2
				loadRows(t, a, "old", rows, nil)
				rows[0].Day, rows[0].Router = sunday.Add(1), 3 // which comes later
				loadRows(t, a, "new", rows, nil)
			},
		},
		{
			name: "from a table of an old database", // in which a silent router and a quiet night look alike
			load: func(t *testing.T, a *archive.Archive) {
				loadRows(t, a, archive.TablePrefix+"2026_11/2026-11-08", rowsOf(sunday, []int{10}, map[string]uint64{"10.0.0.1": 100}), func(b *archive.Book) { b.Datagrams = 0 })
			},
		},
		{
			name: "lost", want: []string{"gw-1: about 50", "96 datagrams were dropped on arrival", "192 datagrams were received and not kept"},
			load: func(t *testing.T, a *archive.Archive) {
				spooled(t, a, sunday, nil, func(b *archive.Book) { b.LostRecords, b.KernelDropped, b.SpoolLost = 1, 1, 2 })
			},
		},
		{
			name: "quiet, but heard", // nobody worked at night, and the router said so
			load: func(t *testing.T, a *archive.Archive) {
				spooled(t, a, sunday, func(slot int) bool { return slot < 8 }, nil)
				for slot := range 8 {
					loadBook(t, a, time.Date(2026, 11, 8, 0, 15*slot, 0, 0, time.UTC).Format("2006-01-02/20060102T150405Z")+".pcapng.zst",
						archive.Book{Day: sunday, Router: "gw-1", Datagrams: 1, Records: 1, Bytes: 60, Classes: archive.Classes{RouterLocal: archive.Counts{Records: 1, Bytes: 60}}})
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := openArchive(t)
			routerIDs(t, a, 3)
			if c.load != nil {
				c.load(t, a)
			}
			c.q.Period = DayPeriod(sunday, time.UTC)
			if c.q.Routers == nil {
				c.q.Routers = []string{"gw-1"}
			}
			u := usageOf(t, a, DefaultConfig(), c.q)
			ok := len(u.Incomplete) == len(c.want) && u.Complete == (len(c.want) == 0) && (len(u.Hosts) == 0) == c.nobody
			for i := range min(len(u.Incomplete), len(c.want)) {
				ok = ok && strings.HasPrefix(u.Incomplete[i], c.want[i])
			}
			if !ok {
				t.Errorf("complete %v, %d hosts, %q", u.Complete, len(u.Hosts), u.Incomplete)
			}
			old := len(u.OldTables) == 1 && u.OldTables[0] == OldTable{Router: "gw-1", Days: "2026-11-08"}
			if old != strings.HasPrefix(c.name, "from a table") || !old && u.OldTables != nil {
				t.Errorf("old tables %+v", u.OldTables)
			}
			if c.name == "quiet, but heard" && !slices.Equal(u.QuietHours, []int{0, 1}) {
				t.Errorf("quiet hours %v", u.QuietHours)
			}
		})
	}
}

// Days of which something is missing are not compared, nor averaged.
func TestNotCompared(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	full := func(n int, size uint64) {
		loadRows(t, a, fmt.Sprint("day ", n), rowsOf(sunday.Add(n), hoursTo(24), map[string]uint64{"10.0.0.1": size}), nil)
	}
	full(0, 200)
	loadRows(t, a, "evening", rowsOf(sunday.Add(-1), []int{23}, map[string]uint64{"10.0.0.1": 1}), nil)
	full(-7, 100)
	loadRows(t, a, "morning", rowsOf(sunday.Add(-14), hoursTo(9), map[string]uint64{"10.0.0.1": 7}), nil)
	full(-21, 300)
	u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}})
	if b := u.Before; b == nil || b.NotComplete != "2026-11-07" || b.Change != nil || b.UpChange != nil || b.DownChange != nil || b.DownBytes != 1 {
		t.Errorf("before %+v", b)
	}
	if w := u.Weekday; w == nil || w.Days != 2 || w.DownBytes != 200*24 || w.Change == nil || *w.Change != 0 {
		t.Errorf("weekday %+v", w)
	}
	// A day that is itself not complete.
	u = usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday.Add(-14), time.UTC), Routers: []string{"gw-1"}})
	if w := u.Weekday; w == nil || w.NotComplete != "2026-10-25" || w.Change != nil {
		t.Errorf("weekday of a morning %+v", w)
	}
	full(-2, 100)
	u = usageOf(t, a, DefaultConfig(), Request{Period: NewPeriod(KindRange, sunday, sunday.Add(1), time.UTC), Routers: []string{"gw-1"}})
	if b := u.Before; b == nil || b.NotComplete == "" || b.Days != 2 {
		t.Errorf("before a range %+v", b)
	}
}

// Peers of several days are counted exactly; sums of the biggest say what they are.
func TestTops(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	loadRows(t, a, "few", rowsOf(sunday, hoursTo(24), map[string]uint64{"10.0.0.1": 5}), nil)
	loadRows(t, a, "few too", rowsOf(sunday.Add(1), hoursTo(24), map[string]uint64{"10.0.0.1": 5}), nil)
	loadRows(t, a, "many", officeRows(rand.New(rand.NewPCG(3, 4)), sunday.Add(2), 96, 2000, 3), nil)
	for days, want := range map[int]bool{1: false, 2: false, 3: true} {
		p := DayPeriod(sunday.Add(2), time.UTC)
		if days > 1 {
			p = NewPeriod(KindRange, sunday, sunday.Add(days-1), time.UTC)
		}
		if u := usageOf(t, a, DefaultConfig(), Request{Period: p}); u.TopsAtLeast != want {
			t.Errorf("%d days: %v", days, u.TopsAtLeast)
		}
	}
}

// Flows stand beside the counters of routers that have any.
func TestCoverage(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 2)
	spooled(t, a, sunday, nil, nil)
	loadBook(t, a, "2026-11-07/20261107T234500Z.pcapng.zst", archive.Book{Day: sunday.Add(-1), Router: "gw-1", Datagrams: 1})
	start := time.Date(2026, 11, 8, 0, 0, 0, 0, time.UTC)
	for n := range uint64(97) {
		if err := a.Routers().NoteCounters(t.Context(), "gw-1", start.Add(time.Duration(n)*15*time.Minute), 0, []archive.Counter{{Index: 1, RxBytes: 80 * n, TxBytes: 45 * n}}); err != nil {
			t.Fatal(err)
		}
	}
	q := Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1", "gw-2"}}
	want := []RouterCoverage{{Router: "gw-1", From: start, To: start.Add(24 * time.Hour), FlowBytes: 9600, CounterBytes: 96 * 125, Share: 0.8,
		Reasons: []Reason{{Key: "coverage.layer2", Text: "counters also have layer 2, and what the router itself sends and receives"}}}}
	if diff := gocmp.Diff(want, usageOf(t, a, DefaultConfig(), q).Coverage, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
}

// A DNS server that takes questions and never answers costs a report two seconds and no
// more.
func TestDNSIsBounded(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	hosts := map[string]uint64{} // without the deadline they take over a minute, eight at once
	for i := range 7 * dnsAtOnce {
		hosts[fmt.Sprintf("192.0.2.%d", i+1)] = 1
	}
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), hosts), nil)
	resolver := net.DefaultResolver
	defer func() { net.DefaultResolver = resolver }()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", silent.LocalAddr().String())
	}}
	cfg := DefaultConfig()
	cfg.DNS = true
	began := time.Now()
	defer func() {
		if took := time.Since(began); took < time.Second || took > 15*time.Second { // busy machines are slow
			t.Errorf("it took %v", took)
		}
	}()
	if u := usageOf(t, a, cfg, Request{Period: DayPeriod(sunday, time.UTC)}); len(u.Hosts) != len(hosts) {
		t.Errorf("%d hosts", len(u.Hosts))
	}
}
