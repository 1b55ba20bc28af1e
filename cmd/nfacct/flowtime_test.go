package main

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/routeros"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

// v5 is a datagram with one record that ended when it was sent.
func v5(at time.Time, src, dst string, in, out uint16, bytes uint32) []byte {
	b := make([]byte, 72)
	put16, put32 := binary.BigEndian.PutUint16, binary.BigEndian.PutUint32
	const uptime = 3_600_000
	put16(b[0:], 5)
	put16(b[2:], 1)
	put32(b[4:], uptime)
	put32(b[8:], uint32(at.Unix()))
	r := b[24:]
	copy(r[0:], netip.MustParseAddr(src).AsSlice())
	copy(r[4:], netip.MustParseAddr(dst).AsSlice())
	put16(r[12:], in)
	put16(r[14:], out)
	put32(r[16:], 2)
	put32(r[20:], bytes)
	put32(r[24:], uptime-1000)
	put32(r[28:], uptime)
	put16(r[32:], 50000)
	put16(r[34:], 443)
	r[38] = 6
	return b
}

// What a router says of itself holds for the flows from then on: inside one file,
// and whatever it says by the time of the import.
func TestFactsOfTheFlowsTime(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, "127.0.0.1:8787", "", device.Addr().String())
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{log: slog.New(slog.DiscardHandler)}
	ctx := t.Context()
	db, err := archive.Open(ctx, cfg.Database, a.log)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	day := archive.DayOf(time.Now().In(cfg.Location())).Add(-1)
	start := time.Date(day.Year, time.Month(day.Month), day.Day, 10, 0, 0, 0, cfg.Location())
	change := start.Add(7 * time.Minute)
	told := func(at time.Time) {
		t.Helper()
		err := routeros.Use(ctx, cfg.Routers[0].Config, a.log, func(ctx context.Context, d *routeros.Device) error {
			facts, err := d.Facts(ctx)
			if err != nil {
				return err
			}
			facts.Read = at
			return stages.Keeper(cfg, db, a.log).Keep(ctx, stages.Router(cfg, &cfg.Routers[0]).Accounted, facts)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	do := func(command string, words ...string) {
		t.Helper()
		if _, err := device.Do(command, words...); err != nil {
			t.Fatal(err)
		}
	}
	told(start.Add(-10 * time.Minute))
	do("/interface/list/member/add", "list", "WAN", "interface", "ether2")
	do("/ip/address/add", "address", "10.77.0.1/24", "interface", "bridge")
	do("/ip/address/add", "address", "10.2.214.77/32", "interface", "bridge")
	do("/ip/traffic-flow/set", "packet-sampling", "yes", "sampling-interval", "1", "sampling-space", "1")
	told(change)
	// All of it is otherwise again before the import.
	do("/ip/traffic-flow/set", "packet-sampling", "yes", "sampling-interval", "1", "sampling-space", "9")
	for _, item := range device.Print("/ip/address") {
		if item["address"] == "10.77.0.1/24" || item["address"] == "10.2.214.77/32" {
			do("/ip/address/remove", ".id", item[".id"])
		}
	}
	for _, item := range device.Print("/interface/list/member") {
		if item["interface"] == "ether2" {
			do("/interface/list/member/remove", ".id", item[".id"])
		}
	}
	told(time.Now())

	w, err := spool.NewWriter(spool.Config{Folder: cfg.Spool.Folder}, a.log)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(start, nil); err != nil {
		t.Fatal(err)
	}
	const lan, ether2 = officetest.LAN, 3
	var blocks []byte
	from, to := netip.MustParseAddrPort("127.0.0.1:2055"), netip.MustParseAddrPort("127.0.0.1:8787")
	for _, at := range []time.Time{start.Add(time.Minute), change.Add(-time.Second), change, start.Add(14 * time.Minute)} {
		for _, datagram := range [][]byte{
			v5(at, "10.2.214.50", "192.0.2.1", lan, officetest.WAN, 1000),
			v5(at, "10.77.0.5", "192.0.2.1", lan, officetest.WAN, 10_000),
			v5(at, "10.2.214.51", "192.0.2.1", lan, ether2, 100_000),
			v5(at, "10.2.214.77", "192.0.2.1", lan, officetest.WAN, 1_000_000),
		} {
			blocks = spool.AppendPacket(blocks, spool.Live, at.UnixNano(), from, to, datagram)
		}
	}
	if err := w.Write(blocks); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	im, err := stages.Importer(ctx, cfg, db, a.log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Import(ctx, nil, importer.Options{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and when the day is loaded again
		usage, err := stages.Day(ctx, cfg, db, a.log, day, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]uint64{}
		for _, h := range usage.Hosts {
			got[h.Host] = h.UpBytes
		}
		// Twice before the change, twice after it with a sampling of 1 in 2.
		want := map[string]uint64{"10.2.214.50": 2*1000 + 4*1000, "10.77.0.5": 4 * 10_000, "10.2.214.51": 4 * 100_000, "10.2.214.77": 2 * 1_000_000}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		// By ether2 before it led outside nobody can have talked with the world inside.
		unattributed, internal := usage.Totals.Unattributed, usage.Totals.Internal
		if unattributed.Bytes != 2*10_000+4*1_000_000+2*100_000 || internal.Bytes != 0 {
			t.Errorf("unattributed %+v, internal %+v", unattributed, internal)
		}
		if _, err := im.ImportDay(ctx, day, importer.Options{Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
}
