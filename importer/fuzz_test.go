package importer

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// FuzzBooks: whatever datagrams come from whichever of three exporters, in
// whatever order and at whatever time, every record is in exactly one class, and
// the rows hold what the books say was loaded.
func FuzzBooks(f *testing.F) {
	// A datagram of the input: exporter, seconds since the one before, length, bytes.
	add := func(datagrams ...[]byte) {
		var in []byte
		for i, d := range datagrams {
			in = append(in, byte(i%3), byte(i))
			in = binary.BigEndian.AppendUint16(in, uint16(len(d)))
			in = append(in, d...)
		}
		f.Add(in)
	}
	names, err := filepath.Glob(filepath.Join("testdata", "mikrotik", "*.dat"))
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	var all [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, b, b)
		add(b)
	}
	add(all...)
	add(v5(at, 0, half{host: 1, peer: 1, port: 5000}, half{up: true, host: 1, peer: 1, port: 5000}, half{host: 2, peer: 1, port: 6000}).payload)

	routers := []Router{ipfixOffice(), masquerade(), ipfixOffice()}
	for i := range routers {
		routers[i].Name = string(rune('a' + i))
		routers[i].Export = []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)})}
	}
	routers[2].WAN = nil
	im := newImporter(f, "", routers...)
	f.Fuzz(func(t *testing.T, in []byte) {
		source := newSource(routers, newCalendar(time.UTC), anyDay)
		source.begin(context.Background(), netflow.NewDecoder(netflow.Limits{}))
		a := newAccountant(newCalendar(time.UTC), routers, im.rules, anyDay)
		a.table = newTable()
		account := func(full *batch) (*batch, error) {
			for i := range full.records {
				if err := a.record(context.Background(), &input{path: os.DevNull}, full.router, &full.records[i]); err != nil {
					return nil, err
				}
			}
			return full, nil
		}
		source.batch, source.next = new(batch), account
		now := at
		for len(in) >= 4 {
			router, n := int(in[0]%3), min(int(binary.BigEndian.Uint16(in[2:])), len(in)-4)
			now = now.Add(time.Duration(in[1]) * time.Second)
			packet := spool.Packet{Received: now.UnixNano(), Src: netip.AddrPortFrom(routers[router].Export[0], 2055), Payload: in[4 : 4+n]}
			in = in[4+n:]
			if err := source.datagram(router, &packet); err != nil {
				t.Fatal(err)
			}
		}
		if err := source.flush(); err != nil {
			t.Fatal(err)
		}
		source.books.settleLosses()
		source.books.add(a.books)
		var loaded counts
		for p, tally := range source.books.all {
			book := im.book(p, tally)
			if err := book.Check(); err != nil {
				t.Fatal(err)
			}
			loaded.add(book.Loaded.Records, book.Loaded.Bytes)
			if book.LostRecords > 1<<40 || book.NoTemplate > 1<<20 {
				t.Fatalf("%+v", book)
			}
		}
		var rows counts
		for i := range a.table.n {
			b := a.table.at(i)
			rows.add(uint64(b.flows), b.upBytes+b.downBytes)
			if b.last < b.first {
				t.Fatalf("a row ends before it begins: %+v", b)
			}
		}
		if rows != loaded {
			t.Fatalf("rows hold %+v, books say %+v", rows, loaded)
		}
	})
}
