package report

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/routeros/officetest"
)

// The hours that are exported around the turns of clocks and of a month.
var turns = []struct {
	from     time.Time
	hours    int
	rebootAt int           // datagrams after which the router starts again
	jump     time.Duration // of its clock, from the middle on
}{
	{time.Date(2026, 3, 28, 22, 30, 0, 0, time.UTC), 4, 120, 0},              // 23 hours
	{time.Date(2026, 10, 24, 21, 30, 0, 0, time.UTC), 5, 0, time.Hour},       // 25 hours
	{time.Date(2026, 10, 31, 21, 30, 0, 0, time.UTC), 3, 90, -3 * time.Hour}, // a month's edge
}

// turnTruth is what rules leave out of what was exported around a turn, and what
// befell the router.
type turnTruth struct {
	rules                map[string]archive.Counts
	reboots, jumped, nat int // datagrams with the clock put, records translated
}

// spoolTurns exports an office with NAT, a proxy and IPv6 at those times, and
// returns the router that saw it and the truth.
func spoolTurns(t *testing.T, folder string, loc *time.Location) (importer.Router, []turnTruth) {
	t.Helper()
	office, err := officetest.New(officetest.Config{Hosts: 12, Seed: 3, Location: loc, IPv6: true})
	if err != nil {
		t.Fatal(err)
	}
	w, err := spool.NewWriter(spool.Config{Folder: folder}, discard)
	if err != nil {
		t.Fatal(err)
	}
	exporter, ours := netip.MustParseAddrPort("192.0.2.1:2055"), netip.MustParseAddrPort("192.0.2.9:8787")
	var truths []turnTruth
	for _, turn := range turns {
		truth := turnTruth{rules: map[string]archive.Counts{}}
		until := turn.from.Add(time.Duration(turn.hours) * time.Hour)
		middle := turn.from.Add(until.Sub(turn.from) / 2).Unix()
		slot, sent := time.Time{}, 0
		send := func(at int64, payload []byte) error {
			now := time.Unix(at, 0)
			if start := now.Truncate(spool.SlotLength); start != slot {
				slot = start
				if err := w.Begin(start, nil); err != nil {
					return err
				}
			}
			if at >= middle && turn.jump != 0 { // the clock
				truth.jumped++
			}
			if at >= middle { // the clock in the header of v9
				clock := binary.BigEndian.Uint32(payload[8:]) + uint32(int64(turn.jump/time.Second))
				binary.BigEndian.PutUint32(payload[8:], clock)
			}
			sent++
			return w.Write(spool.AppendPacket(nil, spool.Live, now.UnixNano(), exporter, ours, payload))
		}
		e, err := officetest.NewExporter(officetest.V9, officetest.Boot(turn.from), send)
		if err != nil {
			t.Fatal(err)
		}
		for r := range office.Records(turn.from, until) {
			if turn.rebootAt > 0 && sent > turn.rebootAt {
				turn.rebootAt = 0
				truth.reboots++
				if err := e.Flush(r.Export); err != nil { // what it had is not lost here
					t.Fatal(err)
				}
				if e, err = officetest.NewExporter(officetest.V9, time.Unix(r.End/1000-60, 0), send); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Add(r); err != nil {
				t.Fatal(err)
			}
			truth.add(r)
		}
		if err := e.Flush(until.Unix()); err != nil {
			t.Fatal(err)
		}
		truths = append(truths, truth)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return importer.Router{Name: "gw", Export: []netip.Addr{exporter.Addr()}, Router: attribution.Router{
		WAN: []uint32{officetest.WAN, officetest.WAN2}, Inside: append(office.Inside, office.Server),
		Own: []netip.Addr{office.Gateway, office.Public}, Proxies: []netip.Addr{office.Proxy},
	}}, truths
}

// add counts a record as the default rules judge it.
func (truth *turnTruth) add(r *officetest.Record) {
	n := archive.Counts{Records: 1, Bytes: r.Bytes}
	if r.PostSrc.IsValid() && r.PostSrc != r.Src || r.PostDst.IsValid() && r.PostDst != r.Dst {
		truth.nat++
	}
	if r.Class != officetest.Up && r.Class != officetest.Down {
		return
	}
	rule := map[officetest.Cause]string{
		officetest.DNS: "dns", officetest.ProxyDNS: "dns", officetest.Multicast: "multicast", officetest.Broadcast: "broadcast", officetest.Proxy: "proxy",
	}[r.Cause]
	if rule != "" {
		truth.rules[rule] = truth.rules[rule].Plus(n)
	}
}

// Reports agree with the rows after the whole road too: days of 23 and 25 hours and
// a month's edge, exported by a router behind NAT that starts again and whose clock
// jumps.
func TestFiguresOfTheRoad(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	a := openArchive(t)
	folder := t.TempDir()
	router, truths := spoolTurns(t, folder, berlin)
	im, err := importer.New(importer.Config{Spool: folder}, []importer.Router{router}, berlin, a, discard)
	if err != nil {
		t.Fatal(err)
	}
	summary, err := im.Import(t.Context(), nil, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d records in %d rows of %d files", summary.Records, summary.Rows, summary.Loaded)
	reporter, err := New(DefaultConfig(), a, berlin, discard)
	if err != nil {
		t.Fatal(err)
	}
	var families [2]bool
	for n, turn := range turns {
		truth := &truths[n]
		if truth.nat == 0 || (truth.reboots > 0) != (turn.rebootAt > 0) || (truth.jumped > 0) != (turn.jump != 0) || len(truth.rules) == 0 {
			t.Errorf("nothing befell the router: %+v", truth)
		}
		day := archive.DayOf(turn.from.In(berlin))
		for _, period := range []Period{
			DayPeriod(day, berlin), DayPeriod(day.Add(1), berlin), WeekPeriod(day, berlin), MonthPeriod(archive.MonthOf(day), berlin), NewPeriod(KindRange, day, day.Add(1), berlin),
		} {
			u, err := reporter.Usage(t.Context(), Request{Period: period, Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
			if err != nil {
				t.Fatal(err)
			}
			rows := detailRows(t, a, period.From, period.To)
			if len(rows) == 0 {
				t.Errorf("%s of %s: no rows", period.Kind, period.From)
			}
			for i := range rows {
				families[rows[i].Host.BitLen()/128] = true
			}
			compareFigures(t, u, rows, berlin)
		}
	}
	if families != [2]bool{true, true} {
		t.Error("rows of one family only")
	}
}
