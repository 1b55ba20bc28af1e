package importer

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"nfacct/collector/spool"
)

// BenchmarkImport is four v5 spool files of a million records each, from the
// files to rows loaded, and the predecessor's way beside it: a prepared INSERT
// for each record, into its table with its indexes.
func BenchmarkImport(b *testing.B) {
	var ours float64
	b.Run("nfacct", func(b *testing.B) {
		var records uint64
		for b.Loop() {
			b.StopTimer()
			im := real(b, time.UTC, v5Office())
			for i := range 4 {
				start := at.Truncate(spool.SlotLength).Add(time.Duration(i) * spool.SlotLength)
				spoolFile(b, im.cfg.Spool, start, office(1_000_000/30, start)...)
			}
			b.StartTimer()
			s, err := im.Import(context.Background(), nil, Options{})
			if err != nil {
				b.Fatal(err)
			}
			records += s.Records
		}
		ours = float64(records) / b.Elapsed().Seconds()
		b.ReportMetric(ours, "records/s")
	})
	b.Run("predecessor", func(b *testing.B) {
		db := real(b, time.UTC, v5Office()).archive.DB()
		if _, err := db.Exec(`CREATE TABLE 2026_11 (ip_from varchar(255), s_port varchar(128), ip_to varchar(255), d_port varchar(128),
	proto varchar(32), packets int(8), bytes bigint(20) default 0, date_ins varchar(32), time_ins time, host varchar(128), interface varchar(8),
	KEY (ip_from), KEY (ip_to), KEY (proto), KEY (packets), KEY (bytes), KEY (host), KEY (time_ins), KEY (date_ins), KEY (interface)) ENGINE=MyISAM`); err != nil {
			b.Fatal(err)
		}
		insert, err := db.Prepare("INSERT INTO 2026_11 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'm', 'g')")
		if err != nil {
			b.Fatal(err)
		}
		defer insert.Close()
		var all [][]byte
		for _, d := range office(300, at) {
			for r := d.payload[24:]; len(r) > 0; r = r[48:] {
				all = append(all, r[:48])
			}
		}
		n := 0
		for b.Loop() {
			for range 1000 {
				r := all[n%len(all)]
				n++
				if _, err := insert.Exec(netip.AddrFrom4([4]byte(r[0:4])).String(), fmt.Sprint(binary.BigEndian.Uint16(r[32:])),
					netip.AddrFrom4([4]byte(r[4:8])).String(), fmt.Sprint(binary.BigEndian.Uint16(r[34:])), fmt.Sprint(r[38]),
					binary.BigEndian.Uint32(r[16:]), binary.BigEndian.Uint32(r[20:]), "23-11-2026", "19:15"); err != nil {
					b.Fatal(err)
				}
			}
		}
		theirs := float64(n) / b.Elapsed().Seconds()
		b.ReportMetric(theirs, "records/s")
		if ours > 0 {
			b.ReportMetric(ours/theirs, "times-slower")
		}
	})
}
