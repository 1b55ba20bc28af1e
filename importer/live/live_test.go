package live

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/routeros/officetest"
)

var (
	gateway = netip.MustParseAddrPort("192.0.2.1:2055")
	ours    = netip.MustParseAddrPort("192.0.2.9:8787")
	morning = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	monday  = archive.Day{Year: 2026, Month: 11, Day: 23}
)

type datagram struct {
	at      time.Time
	payload []byte
}

// place is a spool with its clock.
type place struct {
	folder string
	now    time.Time
	writer *spool.Writer
	im     *importer.Importer
	*Live
}

// office is a spool, and what an office of some hosts sends from the morning on.
func office(t testing.TB, format officetest.Format, hosts int, length time.Duration) (*place, []datagram) {
	t.Helper()
	o, err := officetest.New(officetest.Config{Hosts: hosts, Seed: 22})
	if err != nil {
		t.Fatal(err)
	}
	var sent []datagram
	e, err := officetest.NewExporter(format, officetest.Boot(morning), func(at int64, payload []byte) error {
		if now := time.Unix(at, 0); now.Before(morning.Add(length)) {
			sent = append(sent, datagram{now, slices.Clone(payload)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for r := range o.Records(morning, morning.Add(length)) {
		if err := e.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return newPlace(t, attribution.Router{
		WAN: []uint32{officetest.WAN, officetest.WAN2}, Inside: append(o.Inside, o.Server), Own: []netip.Addr{o.Gateway, o.Public}, Proxies: []netip.Addr{o.Proxy},
	}), sent
}

func newPlace(t testing.TB, router attribution.Router) *place {
	t.Helper()
	p := &place{folder: t.TempDir(), now: morning}
	var err error
	p.im, err = importer.New(importer.Config{Spool: p.folder}, []importer.Router{{Name: "gw", Export: []netip.Addr{gateway.Addr()}, Router: router}}, time.UTC, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p.Live = New(Config{Spool: p.folder, Location: time.UTC, Keep: 15 * time.Minute, Now: func() time.Time { return p.now }, Importer: func(context.Context) (*importer.Importer, error) { return p.im, nil }})
	if p.writer, err = spool.NewWriter(spool.Config{Folder: p.folder}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		if err := p.writer.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// write writes a second's datagrams.
func (p *place) write(t testing.TB, sent []datagram) {
	t.Helper()
	p.now = sent[0].at
	if p.writer.Due(p.now) {
		if err := p.writer.Begin(p.now, nil); err != nil {
			t.Fatal(err)
		}
	}
	var blocks []byte
	for _, g := range sent {
		blocks = spool.AppendPacket(blocks, spool.Live, g.at.UnixNano(), gateway, ours, g.payload)
	}
	if err := p.writer.Write(blocks); err != nil {
		t.Fatal(err)
	}
}

// seconds splits datagrams by the second that they came in.
func seconds(sent []datagram) (parts [][]datagram) {
	for from := 0; from < len(sent); {
		n := from
		for n < len(sent) && sent[n].at.Equal(sent[from].at) {
			n++
		}
		parts = append(parts, sent[from:n])
		from = n
	}
	return parts
}

type key struct {
	hour int
	host netip.Addr
}

func sumsOf(rest *Rest) map[key]sum {
	sums := map[key]sum{}
	for _, h := range rest.Hours {
		sums[key{h.Hour, h.Host}] = sums[key{h.Hour, h.Host}].plus(h.UpBytes, h.DownBytes, h.Flows)
	}
	return sums
}

// shown are the sums of sealed files as an import has them.
func (p *place) shown(t testing.TB, names ...string) map[key]sum {
	t.Helper()
	sums := map[key]sum{}
	if _, err := p.im.Show(t.Context(), names, func(piece *importer.Piece) {
		at := key{piece.Slot.Hour(), piece.Host}
		sums[at] = sums[at].plus(piece.Up, piece.Down, uint64(piece.Flows))
	}); err != nil {
		t.Fatal(err)
	}
	return sums
}

func same(t *testing.T, what string, got, want map[key]sum) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d sums, want %d", what, len(got), len(want))
	}
	for at, s := range want {
		if got[at] != s {
			t.Errorf("%s: %v has %v, want %v", what, at, got[at], s)
			return
		}
	}
}

// TestRest asks while 40 minutes are written, and compares what was said just before
// each file is sealed, and after, with what its import says. What is loaded is left out.
func TestRest(t *testing.T) {
	for _, format := range []officetest.Format{officetest.V5, officetest.V9, officetest.IPFIX} {
		t.Run(format.String(), func(t *testing.T) {
			p, sent := office(t, format, 40, 40*time.Minute)
			var loaded []string
			rest := &Rest{}
			for i, part := range seconds(sent) {
				if p.writer.Due(part[0].at) && i > 0 {
					p.now = p.now.Add(time.Minute) // past every pause
					before, err := p.Rest(t.Context(), loaded, monday)
					if err != nil {
						t.Fatal(err)
					}
					name := p.writer.Name()
					if err := p.writer.Begin(part[0].at, nil); err != nil {
						t.Fatal(err)
					}
					same(t, "before it was sealed", sumsOf(before), p.shown(t, name))
					if rest, err = p.Rest(t.Context(), loaded, monday); err != nil {
						t.Fatal(err)
					}
					same(t, "sealed", sumsOf(rest), p.shown(t, name))
					loaded = append(loaded, name)
				}
				p.write(t, part)
				if i%20 == 0 {
					var err error
					if rest, err = p.Rest(t.Context(), loaded, monday); err != nil || len(rest.Failed) > 0 {
						t.Fatal(rest, err)
					}
					if format != officetest.V5 && !rest.Until.Equal(part[0].at) {
						t.Errorf("until %v, and it is %v", rest.Until, part[0].at)
					}
				}
			}
			if len(loaded) != 2 || !slices.Equal(rest.Files, []string{p.writer.Name()}) {
				t.Errorf("%d files loaded, of the rest are %v, open is %s", len(loaded), rest.Files, p.writer.Name())
			}
		})
	}
}

// TestRows: the last minute is what came in it, over a border of files too.
func TestRows(t *testing.T) {
	p, sent := office(t, officetest.V9, 40, 16*time.Minute)
	for _, part := range seconds(sent) {
		p.write(t, part)
	}
	sumRows := func(since time.Time) (s sum) {
		t.Helper()
		if err := p.Rows(t.Context(), since, func() { s = sum{} }, func(router string, r *archive.Row) error {
			if router != "gw" || !r.Host.IsValid() || !r.Peer.IsValid() {
				t.Errorf("%s: %+v", router, r)
			}
			s = s.plus(r.UpBytes, r.DownBytes, r.Flows)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := func(since time.Time) (s sum) {
		t.Helper()
		take := func(piece *importer.Piece) {
			if piece.Received >= since.UnixNano() {
				s = s.plus(piece.Up, piece.Down, uint64(piece.Flows))
			}
		}
		sealed, err := spool.ListSealed(p.folder)
		if err != nil || len(sealed) != 1 {
			t.Fatal(sealed, err)
		}
		if _, err := p.im.Show(t.Context(), []string{sealed[0].Name}, take); err != nil {
			t.Fatal(err)
		}
		open, err := spool.ListOpen(p.folder)
		if err != nil || len(open) != 1 {
			t.Fatal(open, err)
		}
		f, err := p.im.Follow(t.Context(), open[0], take)
		if err == nil {
			err = errors.Join(f.More(t.Context()), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, minutes := range []int{1, 5, 14} {
		since := morning.Add(time.Duration(16-minutes) * time.Minute)
		if got, want := sumRows(since), want(since); got != want || want.flows == 0 {
			t.Errorf("%d minutes: %v, want %v", minutes, got, want)
		}
	}
	p.now = p.now.Add(20 * time.Minute) // all is forgotten
	if got := sumRows(p.now.Add(-15 * time.Minute)); got != (sum{}) {
		t.Errorf("after 20 minutes there is %v", got)
	}
}

// flood is a v5 datagram of 30 uploads, each of another host to another peer.
func flood(n uint32) []byte {
	b := make([]byte, 24+30*48)
	be := binary.BigEndian
	be.PutUint16(b, 5)
	be.PutUint16(b[2:], 30)
	be.PutUint32(b[4:], 3_600_000)
	be.PutUint32(b[8:], uint32(morning.Unix()))
	be.PutUint32(b[16:], 30*n)
	for i := range uint32(30) {
		r := b[24+48*i:]
		be.PutUint32(r, 10<<24|(30*n+i)&0xffffff)
		be.PutUint32(r[4:], 203<<24|(30*n+i)&0xffffff)
		be.PutUint16(r[12:], 2)
		be.PutUint16(r[14:], 1)
		be.PutUint32(r[16:], 1)
		be.PutUint32(r[20:], 1000)
		be.PutUint32(r[24:], 3_590_000)
		be.PutUint32(r[28:], 3_599_000)
		be.PutUint16(r[32:], 1024)
		be.PutUint16(r[34:], 443)
		r[38] = 6
	}
	return b
}

// TestFlood: 600,000 made-up hosts take no more memory than is stated, and no byte is
// lost.
func TestFlood(t *testing.T) {
	p := newPlace(t, attribution.Router{WAN: []uint32{1}, Inside: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	const datagrams = 20_000
	var before, after runtime.MemStats
	for n := range uint32(20) {
		var part []datagram
		for i := range uint32(datagrams / 20) {
			part = append(part, datagram{morning.Add(time.Duration(n) * time.Second), flood(n*datagrams/20 + i)})
		}
		p.write(t, part)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	var rows sum
	others := uint64(0)
	if err := p.Rows(t.Context(), morning, func() {}, func(_ string, r *archive.Row) error {
		rows = rows.plus(r.UpBytes, r.DownBytes, r.Flows)
		if !r.Host.IsValid() {
			others += r.Flows
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	rest, err := p.Rest(t.Context(), nil, monday)
	if err != nil {
		t.Fatal(err)
	}
	hours := sum{}
	for _, h := range rest.Hours {
		hours = hours.plus(h.UpBytes, h.DownBytes, h.Flows)
	}
	if all := (sum{30 * 1000 * datagrams, 0, 30 * datagrams}); rows != all || hours != all || others == 0 {
		t.Errorf("rows have %v, hours %v, want %v; %d flows of others", rows, hours, all, others)
	}
	rest = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	mib := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) >> 20
	t.Logf("%d MiB", mib)
	if mib > 80 {
		t.Errorf("a flood takes %d MiB", mib)
	}
}

// TestAddDoesNotAllocate: a record of who is known costs no memory.
func TestAddDoesNotAllocate(t *testing.T) {
	f := newFigures(room{10, 10, 10}, time.Unix(0, 0))
	p := importer.Piece{Day: monday, Received: morning.UnixNano(), Host: gateway.Addr(), Peer: ours.Addr(), Up: 1, Flows: 1}
	f.add(&p)
	if n := testing.AllocsPerRun(1000, func() { f.add(&p) }); n > 0 {
		t.Errorf("%v allocations a piece", n)
	}
}

// BenchmarkHour is an hour of an office that nobody has looked at: what opening the
// page for today costs. BenchmarkNow is what it costs to look again after a second.
func BenchmarkHour(b *testing.B) {
	for _, format := range []officetest.Format{officetest.V5, officetest.V9} {
		b.Run(format.String(), func(b *testing.B) {
			p, sent := office(b, format, 500, time.Hour)
			for _, part := range seconds(sent) {
				p.write(b, part)
			}
			flows := uint64(0)
			var began, ended syscall.Rusage
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &began); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				l := New(p.cfg)
				rest, err := l.Rest(b.Context(), nil, monday)
				if err != nil {
					b.Fatal(err)
				}
				flows = 0
				for _, h := range rest.Hours {
					flows += h.Flows
				}
				l.Close()
			}
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ended); err != nil {
				b.Fatal(err)
			}
			spent := ended.Utime.Nano() + ended.Stime.Nano() - began.Utime.Nano() - began.Stime.Nano()
			b.ReportMetric(float64(flows), "flows")
			b.ReportMetric(float64(spent)/float64(b.N)/1e9, "cpu-s/op")
		})
	}
}

func BenchmarkNow(b *testing.B) {
	p, sent := office(b, officetest.V9, 500, 14*time.Minute)
	parts := seconds(sent)
	for _, part := range parts {
		p.write(b, part)
	}
	look := func() {
		if err := p.Rows(b.Context(), p.now.Add(-time.Minute), func() {}, func(string, *archive.Row) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	look()
	for b.Loop() {
		p.write(b, parts[len(parts)-1])
		look()
	}
}
