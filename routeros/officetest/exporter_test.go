package officetest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"
)

// download is a record with a different value in every field.
var download = Record{
	Export: 1_790_000_100,
	Start:  1_790_000_080_500, End: 1_790_000_084_700,
	Src: netip.MustParseAddr("93.184.255.7"), SrcPort: 443,
	Dst: netip.MustParseAddr("198.51.100.2"), DstPort: 50001,
	NextHop: netip.MustParseAddr("10.2.214.50"),
	PostSrc: netip.MustParseAddr("93.184.255.7"), PostSrcPort: 443,
	PostDst: netip.MustParseAddr("10.2.214.50"), PostDstPort: 50002,
	InIf: 2, OutIf: 7, Packets: 11, Bytes: 13000,
	Proto: 6, TOS: 0x28, TCPFlags: 0x12,
	SrcMAC: [6]byte{1, 1, 1, 1, 1, 1}, DstMAC: [6]byte{2, 2, 2, 2, 2, 2},
	PostSrcMAC: [6]byte{3, 3, 3, 3, 3, 3}, PostDstMAC: [6]byte{4, 4, 4, 4, 4, 4},
}

var boot = time.Unix(1_790_000_000, 0)

// exported is what a fresh exporter sends for some records.
func exported(t *testing.T, f Format, records ...*Record) (datagrams [][]byte) {
	t.Helper()
	e, err := NewExporter(f, boot, func(_ int64, payload []byte) error {
		datagrams = append(datagrams, bytes.Clone(payload))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := e.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Flush(download.Export); err != nil {
		t.Fatal(err)
	}
	return datagrams
}

// TestWire compares datagrams with bytes put together by hand from the formats'
// definitions. The header's time is 1790000100 = 6ab13be4, the uptime 100 s =
// 000186a0, first 80.5 s = 00013a74, last 84.7 s = 00014adc.
func TestWire(t *testing.T) {
	const (
		src, dst, hop = "5db8ff07", "c6336402", "0a02d632"
		first, last   = "00013a74", "00014adc"
		times         = last + first
		if4           = "00000002 00000007"
		ports         = "01bb c351"
		nat           = src + hop + "01bb c352"
	)
	for _, test := range []struct {
		format Format
		data   string
	}{
		{V5, "0005 0001 000186a0 6ab13be4 00000000 00000000 00000000" +
			src + dst + hop + "0002 0007 0000000b 000032c8" + first + last + ports +
			"00 12 06 28 0000 0000 00 00 0000"},
		{V9, "0009 0001 000186a0 6ab13be4 00000001 00000000 0100 0058" +
			times + "0000000b 000032c8" + if4 + src + dst + "06 28" + ports + hop + "00 00 12" +
			"020202020202 030303030303 010101010101 040404040404" + nat + "000000"},
		{V9With64Bit, "0009 0001 000186a0 6ab13be4 00000001 00000000 0100 0064" +
			times + "000000000000000b 00000000000032c8" + if4 + src + dst + "06 28" + ports + hop + "00 00 12" +
			"020202020202 030303030303 010101010101 040404040404" + nat + "00000000 00" + "0000"},
		{V9Old, "0009 0001 000186a0 6ab13be4 00000001 00000000 0100 0050" +
			times + "0000000b 000032c8" + if4 + src + dst + "06 28" + ports + hop + "00 00 12" +
			"020202020202 030303030303 010101010101" + nat + "00"},
		{IPFIX, "000a 0054 6ab13be4 00000000 00000000 0102 0044" +
			"04" + first + last + "000001a0c4506c00" + "0000000b 000032c8" + ports + if4 + "06 12" +
			src + dst + hop + src + hop + "01bb c352" + "00"},
		{IPFIXOld, "000a 0048 6ab13be4 00000000 00000000 0102 0038" +
			"04" + first + last + "0000000b 000032c8" + ports + if4 + "06 12" +
			src + dst + hop + src + hop + "00"},
	} {
		t.Run(test.format.String(), func(t *testing.T) {
			datagrams := exported(t, test.format, &download)
			want, err := hex.DecodeString(strings.ReplaceAll(test.data, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := datagrams[len(datagrams)-1]; !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
			templates := 1
			if test.format == V5 {
				templates = 0
			}
			if len(datagrams) != templates+1 {
				t.Errorf("%d datagrams", len(datagrams))
			}
		})
	}
}

// TestRecordLengths holds the lengths seen on captures (reconstruction of the
// field lists, see the package comment).
func TestRecordLengths(t *testing.T) {
	for format, want := range map[Format]int{V9Old: 75, V9With64Bit: 94, V9: 81, IPFIXOld: 51} {
		if four, _ := format.layouts(); size(four) != want {
			t.Errorf("%v: a record of %d bytes, not %d", format, size(four), want)
		}
	}
}

// TestTemplateOf6392 compares the template set with a captured one.
func TestTemplateOf6392(t *testing.T) {
	captured, err := os.ReadFile("testdata/ipfix_test_mikrotik_tpl.dat")
	if err != nil {
		t.Fatal(err)
	}
	if got := exported(t, IPFIXOld, &download)[0]; !bytes.Equal(got[ipfixHeader:], captured[ipfixHeader:]) {
		t.Errorf("got  %x\nwant %x", got, captured)
	}
}

// TestSequence: v9 counts datagrams, the others records; every 21st datagram of
// v9 and IPFIX holds templates.
func TestSequence(t *testing.T) {
	o := newOffice(t, Config{IPv6: true})
	for f := range formats {
		t.Run(f.String(), func(t *testing.T) {
			var datagrams, records uint32
			at := map[uint16]int{5: 16, 9: 12, 10: 8}[f.Version()]
			err := o.Datagrams(f, monday.Add(9*time.Hour), 200, func(_ int64, b []byte) error {
				sequence := binary.BigEndian.Uint32(b[at:])
				want := records
				if f.Version() == 9 {
					want = datagrams
				}
				if sequence != want {
					t.Fatalf("datagram %d has sequence %d, not %d", datagrams, sequence, want)
				}
				template := f != V5 && datagrams%(templateRefresh+1) == 0
				if f != V5 {
					header := map[uint16]int{9: v9Header, 10: ipfixHeader}[f.Version()]
					if set := binary.BigEndian.Uint16(b[header:]); (set < 256) != template {
						t.Fatalf("datagram %d has set %d", datagrams, set)
					}
				}
				datagrams++
				if !template {
					records += countRecords(f, b)
				}
				if len(b) > maxPayload+3 {
					t.Fatalf("%d bytes", len(b))
				}
				return nil
			})
			if err != nil || datagrams != 200 {
				t.Errorf("%d datagrams, %v", datagrams, err)
			}
		})
	}
}

// countRecords computes a data datagram's records from its lengths.
func countRecords(f Format, b []byte) uint32 {
	four, six := f.layouts()
	switch f.Version() {
	case 5, 9:
		return uint32(binary.BigEndian.Uint16(b[2:]))
	}
	n := int(binary.BigEndian.Uint16(b[ipfixHeader+2:])) - 4
	if binary.BigEndian.Uint16(b[ipfixHeader:]) == 258 {
		return uint32(n / size(four))
	}
	return uint32(n / size(six))
}

// TestGoflow2 decodes an hour of traffic with another program's decoder and
// compares every field with the record that went in.
func TestGoflow2(t *testing.T) {
	o := newOffice(t, Config{IPv6: true})
	from := monday.Add(9 * time.Hour)
	for f := range formats {
		t.Run(f.String(), func(t *testing.T) {
			var sent4, sent6 []Record
			var got int
			templates := netflow.CreateTemplateSystem()
			take := func(six bool) Record {
				list := &sent4
				if six {
					list = &sent6
				}
				r := (*list)[0]
				*list = (*list)[1:]
				got++
				return r
			}
			e, err := NewExporter(f, Boot(from), func(_ int64, payload []byte) error {
				if f == V5 {
					compareV5(t, payload, Boot(from), take)
					return nil
				}
				var v9 netflow.NFv9Packet
				var v10 netflow.IPFIXPacket
				if err := netflow.DecodeMessageVersion(bytes.NewBuffer(payload), templates, &v9, &v10); err != nil {
					t.Fatal(err)
				}
				for _, set := range append(v9.FlowSets, v10.FlowSets...) {
					if data, ok := set.(netflow.DataFlowSet); ok {
						for _, values := range data.Records {
							r := take(data.Id%2 == 1)
							compareFields(t, values.Values, &r, Boot(from))
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var n int
			for r := range o.Records(from, from.Add(10*time.Minute)) {
				switch {
				case r.Src.Is4():
					sent4 = append(sent4, *r)
				case f != V5:
					sent6 = append(sent6, *r)
				}
				n++
				if err := e.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Flush(from.Add(time.Hour).Unix()); err != nil {
				t.Fatal(err)
			}
			if len(sent4)+len(sent6) != 0 || uint64(got) != e.Records || got+int(e.Skipped) != n || got == 0 {
				t.Errorf("of %d records %d came out, %d were skipped, %d are missing", n, got, e.Skipped, len(sent4)+len(sent6))
			}
		})
	}
}

func compareV5(t *testing.T, payload []byte, boot time.Time, take func(bool) Record) {
	t.Helper()
	var p netflowlegacy.PacketNetFlowV5
	if err := netflowlegacy.DecodeMessageVersion(bytes.NewBuffer(payload), &p); err != nil {
		t.Fatal(err)
	}
	if booted := int64(p.UnixSecs)*1000 - int64(p.SysUptime); booted != boot.UnixMilli() {
		t.Fatalf("header says boot at %d", booted)
	}
	number := func(a netip.Addr) netflowlegacy.IPAddress {
		four := a.As4()
		return netflowlegacy.IPAddress(binary.BigEndian.Uint32(four[:]))
	}
	for _, got := range p.Records {
		r := take(false)
		want := netflowlegacy.RecordsNetFlowV5{
			SrcAddr: number(r.Src), DstAddr: number(r.Dst), NextHop: number(r.NextHop),
			Input: uint16(r.InIf), Output: uint16(r.OutIf),
			DPkts: uint32(r.Packets), DOctets: uint32(r.Bytes),
			First: uint32(r.Start - boot.UnixMilli()), Last: uint32(r.End - boot.UnixMilli()),
			SrcPort: r.SrcPort, DstPort: r.DstPort,
			TCPFlags: r.TCPFlags, Proto: r.Proto, Tos: r.TOS,
		}
		if got != want {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
	}
}

func compareFields(t *testing.T, values []netflow.DataField, r *Record, boot time.Time) {
	t.Helper()
	for _, v := range values {
		got := v.Value.([]byte)
		var want any
		switch v.Type {
		case 1:
			want = r.Bytes
		case 2:
			want = r.Packets
		case 4:
			want = uint64(r.Proto)
		case 5:
			want = uint64(r.TOS)
		case 6:
			want = uint64(r.TCPFlags)
		case 7:
			want = uint64(r.SrcPort)
		case 11:
			want = uint64(r.DstPort)
		case 10:
			want = uint64(r.InIf)
		case 14:
			want = uint64(r.OutIf)
		case 21:
			want = uint64(r.End - boot.UnixMilli())
		case 22:
			want = uint64(r.Start - boot.UnixMilli())
		case 227:
			want = uint64(r.PostSrcPort)
		case 228:
			want = uint64(r.PostDstPort)
		case 160:
			want = uint64(boot.UnixMilli())
		case 60:
			want = uint64(6)
			if r.Src.Is4() {
				want = uint64(4)
			}
		case 8, 27:
			want = r.Src
		case 12, 28:
			want = r.Dst
		case 15, 62:
			want = r.NextHop
		case 225:
			want = r.PostSrc
		case 226:
			want = r.PostDst
		case 56:
			want = r.SrcMAC
		case 80:
			want = r.DstMAC
		case 81:
			want = r.PostSrcMAC
		case 57:
			want = r.PostDstMAC
		case 9, 13, 29, 30, 31, 34, 35:
			want = uint64(0)
		default:
			t.Fatalf("field %d", v.Type)
		}
		var ok bool
		switch want := want.(type) {
		case uint64:
			var n uint64
			for _, b := range got {
				n = n<<8 | uint64(b)
			}
			ok = n == want
		case netip.Addr:
			a, _ := netip.AddrFromSlice(got)
			ok = a == want
		case [6]byte:
			ok = bytes.Equal(got, want[:])
		}
		if !ok {
			t.Fatalf("field %d is %x, not %v of %+v", v.Type, got, want, r)
		}
	}
}

// TestPatience: a datagram that is not full does not wait longer than patience.
func TestPatience(t *testing.T) {
	var at []int64
	e, err := NewExporter(V5, boot, func(now int64, _ []byte) error {
		at = append(at, now)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, second := range []int64{100, 103, 120, 121} {
		r := download
		r.Export = boot.Unix() + second
		if err := e.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Flush(boot.Unix() + 122); err != nil {
		t.Fatal(err)
	}
	if len(at) != 2 || at[0] != boot.Unix()+105 || at[1] != boot.Unix()+122 {
		t.Errorf("sent at %v", at)
	}
	if _, err := NewExporter(V9, boot.Add(time.Millisecond), nil); err == nil {
		t.Error("a boot time with milliseconds is accepted")
	}
}

func TestNoAllocations(t *testing.T) {
	for f := range formats {
		e, err := NewExporter(f, boot, func(int64, []byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		r := download
		if n := testing.AllocsPerRun(50, func() {
			for range 100 {
				r.Export++
				if e.Add(&r) != nil {
					t.Fatal("add")
				}
			}
		}); n != 0 {
			t.Errorf("%v: %g allocations in 100 records", f, n)
		}
	}
}

func BenchmarkRecords(b *testing.B) {
	o := newOffice(b, Config{Hosts: 500})
	b.ReportAllocs()
	n := 0
	for range o.Records(monday.Add(9*time.Hour), monday.AddDate(1, 0, 0)) {
		if n++; n >= b.N {
			break
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkTruth(b *testing.B) {
	o := newOffice(b, Config{Hosts: 500})
	truth := o.NewTruth()
	n := 0
	for r := range o.Records(monday.Add(9*time.Hour), monday.AddDate(1, 0, 0)) {
		truth.Add(r)
		if n++; n >= b.N {
			break
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkExport(b *testing.B) {
	o := newOffice(b, Config{Hosts: 500})
	for f := range formats {
		b.Run(f.String(), func(b *testing.B) {
			e, err := NewExporter(f, Boot(monday), func(int64, []byte) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			n := 0
			for r := range o.Records(monday.Add(9*time.Hour), monday.AddDate(1, 0, 0)) {
				if err := e.Add(r); err != nil {
					b.Fatal(err)
				}
				if n++; n >= b.N {
					break
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
