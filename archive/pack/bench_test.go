package pack

import (
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/importer/migrate/migratetest"
	"nfacct/routeros/officetest"
)

// BenchmarkSizes measures what a flow record takes: in the predecessor's table,
// live and packed as its script does it, and in ours, from the same office.
// NFACCT_OFFICE_DAYS sets how many days it works.
func BenchmarkSizes(b *testing.B) {
	days := 1
	if text := os.Getenv("NFACCT_OFFICE_DAYS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		days = n
	}
	office, err := officetest.New(officetest.Config{Hosts: 60, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	from := time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 0, days)
	a := open(b)
	for b.Loop() {
		b.Run("predecessor", func(b *testing.B) {
			db := a.DB()
			if err := migratetest.Create(b.Context(), db, "2026_10", migratetest.Text2018); err != nil {
				b.Fatal(err)
			}
			defer db.Exec("DROP TABLE `2026_10c`")
			if err := migratetest.Fill(b.Context(), db, "2026_10", migratetest.Text2018, theirs(office.Records(from, to))); err != nil {
				b.Fatal(err)
			}
			size := func(name, what string) {
				rows, data, keys, err := migratetest.Size(b.Context(), db, name)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(data+keys)/float64(rows), what+"-B/flow")
				b.ReportMetric(float64(rows), "flows")
			}
			size("2026_10", "live")
			place, err := a.Place(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			if err := migratetest.Pack(b.Context(), db, place.Folder, "2026_10"); err != nil {
				b.Fatal(err)
			}
			size("2026_10c", "packed")
		})
		b.Run("nfacct", func(b *testing.B) {
			wipe(b, a)
			importOffice(b, a, office, from, to)
			began := time.Now()
			r, err := packer(a).Pack(b.Context(), october, Options{Wait: time.Minute})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(r.Live)/float64(r.Flows), "live-B/flow")
			b.ReportMetric(float64(r.Packed)/float64(r.Flows), "packed-B/flow")
			b.ReportMetric(float64(r.Packed)/float64(r.Rows), "packed-B/row")
			b.ReportMetric(float64(r.Flows), "flows")
			b.ReportMetric(time.Since(began).Seconds(), "s")
		})
	}
}

// theirs are the rows that the predecessor's script makes of records.
func theirs(records iter.Seq[*officetest.Record]) iter.Seq[migratetest.Row] {
	return func(yield func(migratetest.Row) bool) {
		for r := range records {
			if !r.Src.Is4() {
				continue // NetFlow 5 has no others
			}
			row, ok := migratetest.Enter(migratetest.Flow{
				Src: r.Src, Dst: r.Dst, SrcPort: r.SrcPort, DstPort: r.DstPort, Proto: r.Proto,
				Packets: r.Packets, Bytes: r.Bytes, File: time.Unix(r.Export, 0).UTC().Truncate(15 * time.Minute),
			}, migratetest.Text2018)
			if ok && !yield(row) {
				return
			}
		}
	}
}

// importOffice imports what the office's router exports as NetFlow 9.
func importOffice(b *testing.B, a *archive.Archive, o *officetest.Office, from, to time.Time) {
	b.Helper()
	gateway, ours := netip.MustParseAddrPort("192.168.88.1:2055"), netip.MustParseAddrPort("192.168.88.10:8787")
	folder := b.TempDir()
	w, err := spool.NewWriter(spool.Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	var blocks []byte
	var slot time.Time
	flush := func() error {
		if len(blocks) == 0 {
			return nil
		}
		err := w.Write(blocks)
		blocks = blocks[:0]
		return err
	}
	send := func(at int64, payload []byte) error {
		now := time.Unix(at, 0)
		if start := now.Truncate(spool.SlotLength); start != slot || len(blocks) > 1<<20 {
			if err := flush(); err != nil {
				return err
			}
			if start != slot {
				if !slot.IsZero() {
					if err := w.Close(); err != nil {
						return err
					}
				}
				slot = start
				if err := w.Begin(start, nil); err != nil {
					return err
				}
			}
		}
		blocks = spool.AppendPacket(blocks, spool.Live, now.UnixNano(), gateway, ours, payload)
		return nil
	}
	e, err := officetest.NewExporter(officetest.V9, officetest.Boot(from), send)
	if err != nil {
		b.Fatal(err)
	}
	for r := range o.Records(from, to) {
		if err := e.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	if err := flush(); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	im, err := importer.New(importer.Config{Spool: folder}, []importer.Router{{
		Name: "gw", Export: []netip.Addr{gateway.Addr()}, Router: attribution.Router{
			WAN: []uint32{officetest.WAN, officetest.WAN2}, Inside: append(o.Inside, o.Server),
			Own: []netip.Addr{o.Gateway, o.Public}, Proxies: []netip.Addr{o.Proxy},
		}}}, time.UTC, a, testLog())
	if err != nil {
		b.Fatal(err)
	}
	s, err := im.Import(b.Context(), nil, importer.Options{Wait: time.Minute})
	if err != nil {
		b.Fatal(fmt.Sprintf("%+v", s), err)
	}
}
