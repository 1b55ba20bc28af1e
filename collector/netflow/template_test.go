package netflow

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"nfacct/collector/flow"
)

func TestTemplates(t *testing.T) {
	data := set(256, simpleRecord(1))
	tests := []struct {
		name     string
		version  flow.Version
		limits   Limits
		messages [][][]byte // sets of each datagram
		want     string     // of the last one
	}{
		{"v9 several in a set", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...), templateRecord(257, simple...))}, {data, set(257, simpleRecord(2), simpleRecord(3))}}, "records=3"},
		{"set padded to 32 bits", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...), []byte{0, 0}), data}}, "records=1 templates=1"},
		{"data padded with rubbish", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...)), set(256, simpleRecord(1), []byte{0x6b, 0xab})}}, "records=1 templates=1"},
		{"data padded with many zeros", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...)), set(256, simpleRecord(1), make([]byte, 11))}}, "records=1 templates=1"},
		{"records longer than the template", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...)), set(256, make([]byte, 12), make([]byte, 14), []byte("\x01\x02\x03\x04\x05"))}}, "templates=1 set_mismatch=1"},
		{"one record longer than the template", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...)), set(256, simpleRecord(9), []byte("\x01\x02\x03\x04\x05"))}}, "records=1 templates=1 set_mismatch=1"},
		{"data shorter than a record", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, f{1, 1000, 0}, f{8, 4, 0})), set(256, make([]byte, 32))}}, "templates=1 set_shorter_than_record=1 field_length=1"},
		{"zeros after the last set", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...)), data, make([]byte, 40)}}, "records=1 templates=1"},
		{"rubbish after the last set", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...)), data, {1, 2, 3}}}, "records=1 templates=1"},
		{"withdraw one", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...), templateRecord(257, simple...))}, {set(2, []byte{1, 0, 0, 0})}, {data, set(257, simpleRecord(1))}}, "records=1 no_template=1"},
		{"withdraw one that is not there", flow.IPFIX, Limits{}, [][][]byte{{set(2, []byte{1, 9, 0, 0})}}, "withdrawn=1"},
		{"withdraw below 256", flow.IPFIX, Limits{}, [][][]byte{{set(2, []byte{0, 9, 0, 0})}}, "template_id=1"},
		{"withdraw all templates, not options", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...)), set(3, values(n{2, 300}, n{2, 1}, n{2, 1}, n{2, 149}, n{2, 4}))},
			{set(2, []byte{0, 2, 0, 0})}, {data, set(300, values(n{4, 1}))}}, "options=1 no_template=1"},
		{"withdraw all options templates", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...)), set(3, values(n{2, 300}, n{2, 1}, n{2, 1}, n{2, 149}, n{2, 4}))},
			{set(3, []byte{0, 3, 0, 0})}, {data, set(300, values(n{4, 1}))}}, "records=1 no_template=1"},
		{"withdraw and define again in one set", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...))}, {set(2, []byte{1, 0, 0, 0}, templateRecord(256, simple...)), data}}, "records=1 templates=1 withdrawn=1"},
		{"v9 knows no withdrawal", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...))}, {set(0, []byte{1, 0, 0, 0}), data}}, "records=1 template_empty=1"},
		{"redefined alike", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...))}, {set(0, templateRecord(256, simple...)), data}}, "records=1 templates=1"},
		{"redefined otherwise", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, simple...))}, {set(0, templateRecord(256, f{8, 4, 0})), set(256, values("10.0.0.1", "10.0.0.2"))}}, "records=2 templates=1 template_changed=1"},
		{"v9 and IPFIX numbers of sets differ", flow.V9, Limits{}, [][][]byte{{set(2, templateRecord(256, simple...)), set(3, []byte{0, 0, 0, 0})}}, "set_id=2"},
		{"too many fields", flow.V9, Limits{Fields: 2}, [][][]byte{{set(0, templateRecord(256, simple...), templateRecord(257, f{8, 4, 0}))}}, "templates=1 template_fields=1"},
		{"length that no set holds", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, f{300, 60000, 0}, f{301, 60000, 0}))}}, "template_length=1"},
		{"options template without a field", flow.V9, Limits{}, [][][]byte{{set(1, values(n{2, 256}, n{2, 0}, n{2, 0}, n{2, 257}, n{2, 0}, n{2, 4}, n{2, 41}, n{2, 8}))}}, "templates=1 template_empty=1"},
		{"options template cut off", flow.IPFIX, Limits{}, [][][]byte{{set(3, values(n{2, 256}, n{2, 3}))}}, "template_beyond_set=1"},
		{"NAT event with counters", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, f{230, 1, 0}, f{8, 4, 0}, f{1, 4, 0})), set(256, values(n{1, 1}, "10.0.0.1", n{4, 1}))}}, "records=1 templates=1"},
		{"NAT event without", flow.V9, Limits{}, [][][]byte{{set(0, templateRecord(256, f{230, 1, 0}, f{8, 4, 0}, f{225, 4, 0}, f{323, 8, 0})), set(256, values(n{1, 1}, "10.0.0.1", "203.0.113.1", n{8, 1}))}}, "nat_events=1 templates=1"},
		{"lengths of a number", flow.IPFIX, Limits{}, [][][]byte{{set(2, templateRecord(256, f{1, 9, 0}, f{1, 8, 0}, f{8, 5, 0}, f{56, 8, 0}, f{4, variable, 0}))}}, "templates=1 field_length=4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(test.version)
			d := NewDecoder(test.limits)
			var g Datagram
			for _, sets := range test.messages {
				_, g = d.take(s, s.message(sets...))
				s.sequence++
			}
			if got := summary(&g); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestFields reads one record of odd templates.
func TestFields(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		name    string
		version flow.Version
		fields  []f
		record  []byte
		want    flow.Record
	}{
		{"reduced sizes", flow.IPFIX, []f{{1, 3, 0}, {2, 1, 0}, {10, 1, 0}, {14, 2, 0}, {16, 2, 0}, {17, 3, 0}}, values(n{3, 0x123456}, n{1, 7}, n{1, 2}, n{2, 300}, n{2, 64496}, n{3, 70000}),
			flow.Record{Has: flow.HasBytes | flow.HasPackets | flow.HasInIf | flow.HasOutIf | flow.HasSrcAS | flow.HasDstAS, Bytes: 0x123456, Packets: 7, InIf: 2, OutIf: 300, SrcAS: 64496, DstAS: 70000}},
		{"eight bytes", flow.V9, []f{{1, 8, 0}, {2, 8, 0}, {7, 4, 0}}, values(n{8, 1<<64 - 1}, n{8, 1 << 40}, n{4, 443}),
			flow.Record{Has: flow.HasBytes | flow.HasPackets | flow.HasSrcPort, Bytes: 1<<64 - 1, Packets: 1 << 40, SrcPort: 443}},
		{"out counters alone", flow.V9, []f{{23, 4, 0}, {24, 4, 0}}, values(n{4, 900}, n{4, 3}), flow.Record{Has: flow.HasBytes | flow.HasPackets, Bytes: 900, Packets: 3}},
		{"out counters stand in for zeros", flow.V9, []f{{24, 4, 0}, {23, 4, 0}, {2, 4, 0}, {1, 4, 0}}, values(n{4, 3}, n{4, 900}, n{4, 0}, n{4, 0}), flow.Record{Has: flow.HasBytes | flow.HasPackets, Bytes: 900, Packets: 3}},
		{"out counters are not added", flow.V9, []f{{24, 4, 0}, {23, 4, 0}, {2, 4, 0}, {1, 4, 0}}, values(n{4, 3}, n{4, 900}, n{4, 2}, n{4, 800}), flow.Record{Has: flow.HasBytes | flow.HasPackets, Bytes: 800, Packets: 2}},
		{"totals alone", flow.IPFIX, []f{{85, 8, 0}, {86, 8, 0}}, values(n{8, 900}, n{8, 3}), flow.Record{Has: flow.HasBytes | flow.HasPackets, Bytes: 900, Packets: 3}},
		{"totals beside deltas", flow.IPFIX, []f{{85, 8, 0}, {1, 4, 0}}, values(n{8, 900}, n{4, 0}), flow.Record{Has: flow.HasBytes}},
		{"another enterprise's 1", flow.IPFIX, []f{{1, 4, 14988}, {1, 4, 0}}, values(n{4, 5}, n{4, 6}), flow.Record{Has: flow.HasBytes, Bytes: 6}},
		{"variable lengths before and between", flow.IPFIX, []f{{82, variable, 0}, {1, 4, 0}, {96, variable, 0}, {8, 4, 0}},
			values([]byte("\x03lan"), n{4, 77}, append([]byte{255, 1, 0}, make([]byte, 256)...), "10.0.0.1"), flow.Record{Has: flow.HasBytes, Bytes: 77, Src: addr("10.0.0.1")}},
		{"both families, one of zeros", flow.IPFIX, []f{{27, 16, 0}, {8, 4, 0}, {12, 4, 0}, {28, 16, 0}}, values("::", "10.0.0.1", "0.0.0.0", "2001:db8::1"), flow.Record{Src: addr("10.0.0.1"), Dst: addr("2001:db8::1")}},
		{"mapped addresses", flow.IPFIX, []f{{27, 16, 0}, {28, 16, 0}}, values("::ffff:10.0.0.1", "2001:db8::1"), flow.Record{Src: addr("10.0.0.1"), Dst: addr("2001:db8::1")}},
		{"NAT to IPv6", flow.IPFIX, []f{{8, 4, 0}, {281, 16, 0}, {282, 16, 0}, {227, 2, 0}, {228, 2, 0}}, values("10.0.0.1", "2001:db8::1", "2001:db8::2", n{2, 1}, n{2, 2}),
			flow.Record{Has: flow.HasPostNATSrcPort | flow.HasPostNATDstPort, Src: addr("10.0.0.1"), PostNATSrc: addr("2001:db8::1"), PostNATDst: addr("2001:db8::2"), PostNATSrcPort: 1, PostNATDstPort: 2}},
		{"ICMP in one", flow.V9, []f{{32, 2, 0}, {4, 1, 0}}, values(n{2, 0x0b01}, n{1, 1}), flow.Record{Has: flow.HasICMP | flow.HasProto, ICMPType: 11, ICMPCode: 1, Proto: 1}},
		{"ICMPv6 in one", flow.IPFIX, []f{{139, 2, 0}}, values(n{2, 0x8001}), flow.Record{Has: flow.HasICMP, ICMPType: 128, ICMPCode: 1}},
		{"ICMP in two", flow.IPFIX, []f{{176, 1, 0}, {177, 1, 0}}, values(n{1, 3}, n{1, 4}), flow.Record{Has: flow.HasICMP, ICMPType: 3, ICMPCode: 4}},
		{"ICMPv6 in two", flow.IPFIX, []f{{178, 1, 0}, {179, 1, 0}}, values(n{1, 135}, n{1, 0}), flow.Record{Has: flow.HasICMP, ICMPType: 135}},
		{"TCP flags in two bytes", flow.IPFIX, []f{{6, 2, 0}}, values(n{2, 0x0112}), flow.Record{Has: flow.HasTCPFlags, TCPFlags: 0x12}},
		{"ports by protocol", flow.IPFIX, []f{{180, 2, 0}, {181, 2, 0}, {182, 2, 0}, {183, 2, 0}}, values(n{2, 0}, n{2, 0}, n{2, 5}, n{2, 6}), flow.Record{Has: flow.HasSrcPort | flow.HasDstPort, SrcPort: 5, DstPort: 6}},
		{"MACs after the router", flow.V9, []f{{81, 6, 0}, {57, 6, 0}}, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, flow.Record{Has: flow.HasSrcMAC | flow.HasDstMAC, SrcMAC: [6]byte{1, 2, 3, 4, 5, 6}, DstMAC: [6]byte{7, 8, 9, 10, 11, 12}}},
		{"elements twice", flow.IPFIX, []f{{8, 4, 0}, {8, 4, 0}, {1, 4, 0}, {1, 4, 0}}, values("10.0.0.1", "10.0.0.2", n{4, 1}, n{4, 2}), flow.Record{Has: flow.HasBytes, Bytes: 1, Src: addr("10.0.0.1")}},
		{"v9 fields of no length", flow.V9, []f{{0, 0, 0}, {1, 0, 0}, {8, 4, 0}, {2, 4, 0}}, values("10.0.0.1", n{4, 2}), flow.Record{Has: flow.HasPackets, Packets: 2, Src: addr("10.0.0.1")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(test.version)
			records, g := NewDecoder(Limits{}).take(s, s.message(s.template(256, test.fields...), set(256, test.record, test.record)))
			if g.Records != 2 || len(records) != 2 || g.Rejects.Total() != 0 {
				t.Fatal(summary(&g))
			}
			want := test.want
			want.Has |= flow.HasSequence | flow.EstimatedTime
			want.Version, want.Exporter, want.Received = test.version, testSource.Addr(), s.received()
			want.Start, want.End = s.received(), s.received()
			for _, r := range records {
				r.Has &^= flow.NarrowBytes // see TestNarrowBytes
				if r != want {
					t.Errorf("\n got %+v\nwant %+v", r, want)
				}
			}
		})
	}
}

// Templates belong to an address, a version and a domain. Of the port see
// TestBorrowed.
func TestTemplateScope(t *testing.T) {
	s := newSender(flow.V9)
	d := NewDecoder(Limits{})
	d.take(s, s.message(s.template(256, simple...)))
	payload := s.message(set(256, simpleRecord(1)))
	if _, g := d.Decode(nil, testSource, 0, payload); g.Records != 1 {
		t.Error("its own data do not decode")
	}
	other := netip.MustParseAddrPort("192.0.2.2:2055")
	if _, g := d.Decode(nil, other, 0, payload); g.NoTemplate != 1 {
		t.Errorf("%v uses another's template", other)
	}
	s.domain = 1
	if _, g := d.take(s, s.message(set(256, simpleRecord(1)))); g.NoTemplate != 1 {
		t.Error("another domain uses the template")
	}
	s.domain, s.version = 0, flow.IPFIX
	if _, g := d.take(s, s.message(set(256, simpleRecord(1)))); g.NoTemplate != 1 {
		t.Error("IPFIX uses a v9 template")
	}
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.1]:2055")
	if records, _ := d.Decode(nil, mapped, 0, payload); len(records) != 1 || records[0].Exporter != testSource.Addr() {
		t.Error("the same exporter seen through an IPv6 socket is another")
	}
}

func TestTemplateAge(t *testing.T) {
	s := newSender(flow.V9)
	d := NewDecoder(Limits{Age: time.Hour})
	d.take(s, s.message(s.template(256, simple...)))
	payload := set(256, simpleRecord(1))
	for _, pause := range []uint32{3500, 3500, 3500} { // used again and again
		s.export, s.uptime = s.export+pause, s.uptime+1000*pause
		if _, g := d.take(s, s.message(payload)); g.Records != 1 {
			t.Fatal("aged while in use")
		}
	}
	s.export, s.uptime = s.export+3601, s.uptime+3_601_000
	if _, g := d.take(s, s.message(payload)); g.NoTemplate != 1 || len(d.last.templates) != 0 {
		t.Error("does not age")
	}
}

// The least recently used template makes room.
func TestTemplateEviction(t *testing.T) {
	s := newSender(flow.V9)
	d := NewDecoder(Limits{Templates: 3})
	for id := uint16(256); id < 259; id++ {
		d.take(s, s.message(s.template(id, simple...)))
	}
	d.take(s, s.message(set(256, simpleRecord(1))))
	if _, g := d.take(s, s.message(s.template(300, simple...))); g.Rejects[TemplateEvicted] != 1 {
		t.Error(summary(&g))
	}
	for id, want := range map[uint16]int{256: 1, 257: 0, 258: 1, 300: 1} {
		if _, g := d.take(s, s.message(set(id, simpleRecord(1)))); g.Records != want {
			t.Errorf("template %d: %s", id, summary(&g))
		}
	}
}

// Whatever one exporter sends, another's templates stay.
func TestFloodByOneExporter(t *testing.T) {
	d := NewDecoder(Limits{})
	honest, hostile := newSender(flow.V9), newSender(flow.V9)
	d.take(honest, honest.message(honest.template(256, simple...)))
	bad := netip.MustParseAddr("198.51.100.66")
	for i := range 20_000 {
		hostile.domain = uint32(i)
		src := netip.AddrPortFrom(bad, uint16(i))
		d.Decode(nil, src, hostile.received(), hostile.message(hostile.template(uint16(256+i%1000), simple...), honest.options(300, 1, f{1, 4, 0}, f{34, 4, 0})))
	}
	if n, limit := len(d.streams), 1+DefaultLimits().Streams; n != limit || len(d.exporters) != 2 || len(d.exporters[bad].streams) != limit-1 {
		t.Errorf("%d streams, %d exporters", n, len(d.exporters))
	}
	if _, g := d.take(honest, honest.message(set(256, simpleRecord(1)))); g.Records != 1 {
		t.Error("the honest one's template is gone")
	}
}

// Nor do many exporters: the known ones stay while they are heard.
func TestFloodByManyExporters(t *testing.T) {
	d := NewDecoder(Limits{Exporters: 10, Age: time.Hour})
	honest, hostile := newSender(flow.V9), newSender(flow.V9)
	d.take(honest, honest.message(honest.template(256, simple...), set(256, simpleRecord(1))))
	rejected := 0
	flood := func() {
		for i := range uint32(100) {
			src := netip.AddrPortFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0xc6336400+i))), 1)
			_, g := d.Decode(nil, src, hostile.received(), hostile.message(hostile.template(256, simple...)))
			rejected += int(g.Rejects[TooManyExporters])
		}
	}
	flood()
	if rejected != 0 || len(d.exporters) != 10 { // each in the place of one that sent nothing
		t.Errorf("%d rejected, %d exporters", rejected, len(d.exporters))
	}
	if _, g := d.take(honest, honest.message(set(256, simpleRecord(1)))); g.Records != 1 {
		t.Error("the honest one's template is gone")
	}
	hostile.export += 3000
	honest.export += 3000
	d.take(honest, honest.message(set(256, simpleRecord(1))))
	hostile.export += 700 // now those of the first flood are old
	flood()
	if len(d.exporters) != 10 || d.exporters[testSource.Addr()] == nil {
		t.Errorf("%d exporters", len(d.exporters))
	}
}

func TestStreams(t *testing.T) {
	d := NewDecoder(Limits{})
	v5, v9 := newSender(flow.V5), newSender(flow.V9)
	v9.domain = 3
	d.take(v9, v9.message(v9.template(256, simple...), v9.options(257, 1, f{1, 4, 0}, f{34, 4, 0}), set(257, values(n{4, 0}, n{4, 100}))))
	v9.sequence = 3
	d.take(v9, v9.message(set(256, simpleRecord(1), simpleRecord(1)), set(999, simpleRecord(1))))
	d.take(v5, v5.v5(30))
	v5.sequence = 90
	d.take(v5, v5.v5(30))
	v5.sequence = 30
	d.take(v5, v5.v5(30))
	got := d.Streams()
	want := []StreamState{
		{Exporter: testSource, Version: flow.V5, Received: v5.received(), Export: v5.received(), Datagrams: 3, Records: 90, Lost: 30, Reordered: 1},
		{Exporter: testSource, Version: flow.V9, Domain: 3, Received: v9.received(), Export: v9.received(), Templates: 2, Sampling: 100, Datagrams: 2, Records: 2, NoTemplate: 1, Lost: 2},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}
