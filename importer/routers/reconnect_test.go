package routers

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/routeros"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

var discard = slog.New(slog.DiscardHandler)

// life is a router over an hour: it exports, its files are imported at each
// quarter-hour, and now and then it is asked.
type life struct {
	t        *testing.T
	device   *routerostest.Device
	api      routeros.Config
	keeper   Keeper
	router   Router
	clock    atomic.Int64 // Unix seconds
	folder   string
	file     time.Time // when the file at hand begins
	blocks   []byte
	template []byte // blocks that each file begins with
	hosts    map[netip.Addr][2]uint64
	classes  [6]officetest.Counts
}

// TestReconnect: a PPPoE uplink gets a new ifIndex and address between two readings of
// the router, while files are collected and imported. What of the old number comes
// after, what of the new one before anybody asked, and what after that is charged to
// its hosts to the byte, by the router's own word, a name or a list.
func TestReconnect(t *testing.T) {
	const index = 0xF00011
	for name, uplinks := range map[string]string{"the router's own word": "", "by name": "ether1", "by list": "WAN"} {
		for _, version := range []string{"9", "ipfix"} {
			t.Run(name+" "+version, func(t *testing.T) {
				l := begin(t, version, uplinks)
				from := time.Unix(l.clock.Load(), 0).UTC()
				l.read()
				at := map[int64]func(){
					20: func() { l.device.Reconnect(index, netip.MustParseAddr("198.51.100.99")) },
					35: l.read,
				}
				l.play(from, time.Hour, at)
				l.compare(archive.DayOf(from))
			})
		}
	}
}

func begin(t *testing.T, version, uplink string) *life {
	t.Helper()
	office, err := officetest.New(officetest.Config{Hosts: 12})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	l := &life{t: t, folder: t.TempDir(), file: from, hosts: map[netip.Addr][2]uint64{}}
	l.clock.Store(from.Unix())
	if l.device, err = routerostest.NewDevice(routerostest.DeviceConfig{Office: office, Password: "secret", Now: func() time.Time { return time.Unix(l.clock.Load(), 0) }}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.device.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for _, command := range [][]string{
		{"/ip/traffic-flow/target/add", "dst-address", "192.0.2.9", "port", "8787", "version", version},
		{"/ip/traffic-flow/set", "interfaces", "all", "active-flow-timeout", "1m", "enabled", "yes"},
	} {
		if _, err := l.device.Do(command[0], command[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(l.device.Password()), 0o600); err != nil {
		t.Fatal(err)
	}
	l.api = routeros.Config{Name: "gw", Address: l.device.AddrTLS().String(), User: "admin", PasswordFile: secret, Fingerprint: l.device.Fingerprint()}
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(t.TempDir(), "database")
	db, err := archive.Open(t.Context(), cfg, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	l.keeper = Keeper{Archive: db, Parallel: 1, Deadline: time.Minute, Log: discard}
	l.router = Router{API: l.api, Accounted: importer.Router{Name: "gw", Export: []netip.Addr{exporter.Addr()}}}
	if uplink != "" {
		l.router.Accounted.Uplinks = []attribution.Uplink{{Name: uplink}}
	}
	return l
}

var exporter, ours = netip.MustParseAddrPort("192.0.2.1:2055"), netip.MustParseAddrPort("192.0.2.9:8787")

// read asks the router, as of its own clock.
func (l *life) read() {
	l.t.Helper()
	err := routeros.Use(l.t.Context(), l.api, discard, func(ctx context.Context, d *routeros.Device) error {
		facts, err := d.Facts(ctx)
		if err != nil {
			return err
		}
		facts.Read = time.Unix(l.clock.Load(), 0).UTC()
		return l.keeper.Keep(ctx, l.router.Accounted, facts)
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// play lets the router work, does what is to be done in a minute, and imports each file
// when it is sealed.
func (l *life) play(from time.Time, length time.Duration, at map[int64]func()) {
	l.t.Helper()
	err := l.device.Play(from, from.Add(length), routerostest.Playing{
		Second: func(now int64) error {
			l.clock.Store(now)
			if time.Unix(now, 0).Sub(l.file) >= spool.SlotLength {
				l.seal()
				l.load()
			}
			if do := at[(now-from.Unix())/60]; do != nil && (now-from.Unix())%60 == 0 {
				do()
			}
			return nil
		},
		Record: func(r *officetest.Record) {
			c := &l.classes[r.Class]
			c.Records, c.Bytes = c.Records+1, c.Bytes+r.Bytes
			switch r.Cause {
			case officetest.DNS, officetest.Multicast, officetest.Broadcast, officetest.ProxyDNS:
				return // rules leave it out
			}
			h := l.hosts[r.Host]
			switch r.Class {
			case officetest.Up:
				h[0] += r.Bytes
			case officetest.Down:
				h[1] += r.Bytes
			default:
				return
			}
			l.hosts[r.Host] = h
		},
		Send: func(g routerostest.Datagram) error {
			if l.template == nil {
				l.template = spool.AppendPacket(nil, spool.Carried, g.At*int64(time.Second), exporter, ours, g.Payload)
			}
			l.blocks = spool.AppendPacket(l.blocks, spool.Live, g.At*int64(time.Second), exporter, ours, g.Payload)
			return nil
		},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.seal()
	l.load()
}

func (l *life) seal() {
	l.t.Helper()
	w, err := spool.NewWriter(spool.Config{Folder: l.folder}, discard)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { return w.Begin(l.file, nil) },
		func() error { return w.Write(append(l.template[:len(l.template):len(l.template)], l.blocks...)) },
		w.Close,
	} {
		if err := do(); err != nil {
			l.t.Fatal(err)
		}
	}
	l.file, l.blocks = l.file.Add(spool.SlotLength), l.blocks[:0]
}

// load imports what is new, by what is known of the router by now.
func (l *life) load() {
	l.t.Helper()
	router, err := l.keeper.Router(l.t.Context(), l.router)
	if err != nil {
		l.t.Fatal(err)
	}
	im, err := importer.New(importer.Config{Spool: l.folder}, []importer.Router{router}, time.UTC, l.keeper.Archive, discard)
	if err != nil {
		l.t.Fatal(err)
	}
	s, err := im.Import(l.t.Context(), nil, importer.Options{})
	if err != nil || len(s.Files) != 1 {
		l.t.Fatalf("%d files: %v", len(s.Files), err)
	}
}

func (l *life) compare(day archive.Day) {
	l.t.Helper()
	if err := l.keeper.Archive.RefreshDays(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	got := map[netip.Addr][2]uint64{}
	if err := l.keeper.Archive.Reader().HostDays(l.t.Context(), day, day, func(h *archive.HostDay) { got[h.Host] = [2]uint64{h.UpBytes, h.DownBytes} }); err != nil {
		l.t.Fatal(err)
	}
	if diff := gocmp.Diff(l.hosts, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		l.t.Errorf("hosts: %s", diff)
	}
	books, err := l.keeper.Archive.Reader().Books(l.t.Context(), day, day)
	if err != nil || len(books) != 1 {
		l.t.Fatal(books, err)
	}
	b := &books[0]
	if len(l.hosts) < 10 || l.hosts[exporter.Addr()] != [2]uint64{} {
		l.t.Errorf("%d hosts", len(l.hosts))
	}
	// Between the reconnect and the next reading addresses decide: announcements to a
	// multicast group, which rules leave out, count as internal then. And an uplink that
	// is named alone makes the other one's transit nobody's.
	c, want := b.Classes, func(classes ...officetest.Class) (sum archive.Counts) {
		for _, class := range classes {
			sum = sum.Plus(archive.Counts(l.classes[class]))
		}
		return sum
	}
	for name, is := range map[string]bool{
		"down":                  c.Down == want(officetest.Down),
		"router local":          c.RouterLocal == want(officetest.RouterLocal),
		"up and internal":       c.Up.Plus(c.Internal) == want(officetest.Up, officetest.Internal),
		"transit, unattributed": c.Transit.Plus(c.Unattributed) == want(officetest.Transit, officetest.Unattributed),
	} {
		if !is {
			l.t.Errorf("%s: %+v, want %+v", name, c, l.classes)
		}
	}
	for _, f := range b.Findings {
		l.t.Errorf("found %+v", f)
	}
}
