package netflow

import (
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"

	"nfacct/collector/flow"
)

// script is a sequence of datagrams in one string of bytes: each with two bytes
// of length before it, whose two top bits say which of four streams sends it.
func script(datagrams ...[]byte) (all []byte) {
	for _, d := range datagrams {
		all = be.AppendUint16(all, uint16(len(d))&0x3fff)
		all = append(all, d[:len(d)&0x3fff]...)
	}
	return all
}

// FuzzDecode holds what must be true of any sequence of datagrams: nothing
// panics, Scan counts what Decode makes, records are in order, and what Carry
// writes is no traffic and brings another decoder to the same state.
func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob(logstash + "/golden/*.json")
	for _, file := range files {
		var all [][]byte
		for _, name := range inputs(f, file) {
			all = append(all, read(f, name))
		}
		f.Add(script(all...))
	}
	files, _ = filepath.Glob("testdata/*/*.bin")
	good := newSender(flow.V9)
	for _, file := range files {
		b := read(f, file)
		f.Add(script(b, good.message(good.template(256, simple...), set(256, simpleRecord(1))), b))
	}
	for _, version := range []flow.Version{flow.V9, flow.IPFIX} {
		s := newSender(version)
		first := s.message(s.options(256, 1, fieldsOf(1, 4, 48, 2, 50, 4)...), set(256, values(n{4, 0}, n{2, 1}, n{4, 100})),
			s.template(300, fieldsOf(8, 4, 48, 1, 22, 4, 21, 4, 82, variable)...), s.template(301, fieldsOf(27, 16, 28, 16, 62, 16, 230, 1, 1, 8)...))
		second := s.message(set(300, values("10.0.0.1", n{1, 2}, n{4, 1000}, n{4, 2000}, []byte("\x02lo"))), set(301, values("::1", "::1", "ff02::1", n{1, 0}, n{8, 1})))
		s.sequence += 9
		f.Add(script(first, second, s.message(set(301, values("::1", "::1", "ff02::1", n{1, 0}, n{8, 1}))), second))
	}
	v5 := newSender(flow.V5)
	f.Add(script(v5.v5(1), v5.v5(2), v5.v5(30)))

	files, _ = filepath.Glob("testdata/cases/*.pcap")
	for _, file := range files {
		var all []byte
		for i, p := range capture(f, file) {
			one := script(p.payload)
			one[0] |= byte(i%2) << 6 // by turns from two ports of one address
			all = append(all, one...)
		}
		f.Add(all)
	}
	for _, version := range []flow.Version{flow.V9, flow.IPFIX} {
		s := newSender(version)
		biflow := s.template(300, field2(1, 8, 0), field2(1, 8, reverseEnterprise), field2(8, 4, 0), field2(160, 8, 0), field2(22, 4, 0), field2(21, 4, 0))
		one := values(n{8, 1}, n{8, 2}, "10.0.0.1", n{8, uint64(testTime.UnixMilli() - 100_000)}, n{4, 5}, n{4, 6})
		first := s.message(set(300, one), biflow, set(300, one))
		s.export, s.uptime = s.export+100, 5
		f.Add(script(first, s.message(set(300, one)), first))
		scopes := s.message(set(301, values(n{4, 1})), s.options(256, 1, field2(10, 4, 0), field2(304, 1, 0), field2(311, 8, 0), field2(305, 4, 0)),
			set(256, values(n{4, 1}, n{1, 4}, n{8, 1 << 60}, n{4, 1})), s.template(301, field2(10, 4, 0)))
		f.Add(script(scopes, scopes))
		for jump := range uint32(40) {
			s.sequence = jump % 2 << 30
			s.sequence += jump
			first = append(first, script(s.message(set(300, one)))...)
		}
		f.Add(first)
	}

	sources := [4]netip.AddrPort{testSource, otherPort, netip.MustParseAddrPort("[::ffff:198.51.100.7]:9995"), netip.MustParseAddrPort("[2001:db8::1]:1")}
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := Limits{Exporters: 2, Streams: 3, Templates: 4, Fields: 40}
		d, scanner := NewDecoder(limits), NewDecoder(limits)
		var records []flow.Record
		received := testTime.UnixNano()
		for len(b) >= 2 {
			head := be.Uint16(b)
			length := min(int(head&0x3fff), len(b)-2)
			payload := b[2 : 2+length]
			b = b[2+length:]
			src := sources[head>>14]
			received += int64(head) * millisecond

			var g Datagram
			records, g = d.Decode(records[:0], src, received, payload)
			if s := scanner.Scan(src, received, payload); s != g {
				t.Fatalf("Scan: %+v\nDecode: %+v", s, g)
			}
			if len(records) != g.Records || g.Records+g.Options+g.NATEvents+g.Other > len(payload) {
				t.Fatalf("%d records of %d bytes: %+v", len(records), len(payload), g)
			}
			for i := range records {
				checkRecord(t, &records[i], &g)
			}
			if n := len(d.Unread()); n != g.NoTemplate {
				t.Fatalf("%d sets unread, %d counted", n, g.NoTemplate)
			}
			for _, u := range d.Unread() {
				if late, g := d.DecodeUnread(nil, &u); g.NoTemplate != 1 || len(late) != 0 {
					t.Fatalf("%d records of an unread set: %+v", len(late), g)
				}
			}
		}
		if len(d.exporters) > limits.Exporters || len(d.streams) > limits.Exporters*limits.Streams {
			t.Fatalf("%d exporters, %d streams", len(d.exporters), len(d.streams))
		}
		for _, s := range d.streams {
			kept := 0
			for _, t := range s.templates {
				kept += len(t.kept)
			}
			if len(s.templates) > limits.Templates || kept != s.kept || kept > maxKept || len(s.rates.parts) > maxParts {
				t.Fatalf("%d templates, %d options records, %d parts", len(s.templates), kept, len(s.rates.parts))
			}
		}
		carried := d.carried()
		next := NewDecoder(limits)
		for _, p := range carried {
			if g := NewDecoder(limits).Scan(p.src, p.received, p.payload); g.Records+g.NATEvents+g.Other != 0 {
				t.Fatalf("carries traffic: %+v", g)
			}
			next.Learn(p.src, p.received, p.payload)
		}
		if again := next.carried(); !reflect.DeepEqual(again, carried) {
			t.Fatalf("carried twice:\n%v\nat first:\n%v", again, carried)
		}
	})
}

func checkRecord(t *testing.T, r *flow.Record, g *Datagram) {
	if r.Version != g.Version || r.Domain != g.Domain || r.Sequence != g.Sequence {
		t.Fatalf("%+v\nof %+v", r, g)
	}
	if r.Start > r.End {
		t.Fatalf("ends before it starts: %+v", r)
	}
	for _, a := range []netip.Addr{r.Exporter, r.Src, r.Dst, r.NextHop, r.PostNATSrc, r.PostNATDst} {
		if a.Is4In6() || a.Zone() != "" {
			t.Fatalf("mapped or zoned: %v", a)
		}
	}
	if r.Has&flow.HasBytes == 0 && r.Bytes != 0 || r.Has&flow.HasPackets == 0 && r.Packets != 0 ||
		r.Has&flow.HasSampling == 0 && r.Sampling != 0 || r.Has&flow.HasSrcMAC == 0 && r.SrcMAC != [6]byte{} {
		t.Fatalf("holds what it has not: %+v", r)
	}
}

func field2(element, length uint16, enterprise uint32) f { return f{element, length, enterprise} }

// fieldsOf makes specifiers of elements and lengths by turns.
func fieldsOf(pairs ...uint16) (all []f) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, f{pairs[i], pairs[i+1], 0})
	}
	return all
}

// FuzzTemplate frames any fields as a template and any bytes as its data, which
// reaches further than damaged datagrams do. Where nothing is wrong with them,
// goflow2 must read the same.
func FuzzTemplate(f *testing.F) {
	f.Add(specifiers(simple), simpleRecord(1), uint8(0))
	f.Add(specifiers(fieldsOf(27, 16, 28, 16, 62, 16, 21, 4, 22, 4, 1, 8, 23, 4, 2, 3)), make([]byte, 71), uint8(1))
	f.Add(specifiers(fieldsOf(8, 4, 82, variable, 48, 1, 34, 4, 160, 8, 152, 8)), []byte("\x0a\x00\x00\x01\x03abc\x01\x00\x00\x00\x64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint8(1))
	f.Add(specifiers(fieldsOf(149, 4, 302, 8, 305, 4, 306, 4, 309, 2, 310, 2)), make([]byte, 24), uint8(3))
	f.Fuzz(func(t *testing.T, fields, data []byte, shape uint8) {
		s := newSender(flow.V9)
		if shape&1 != 0 {
			s.version = flow.IPFIX
		}
		if len(fields) > 1000 || len(data) > 20_000 {
			return
		}
		raw := be.AppendUint16(nil, 256)
		raw = be.AppendUint16(raw, uint16(len(fields)/4))
		var framed []byte
		switch isOptions := shape&2 != 0; {
		case !isOptions && s.version == flow.V9:
			framed = set(v9Templates, raw, fields)
		case !isOptions:
			framed = set(ipfixTemplates, raw, fields)
		case s.version == flow.V9:
			framed = set(v9Options, values(n{2, 256}, n{2, 4}, n{2, uint64(len(fields) / 4 * 4)}), values(n{2, 1}, n{2, 0}), fields)
		default:
			framed = set(ipfixOptions, raw, values(n{2, 1}), fields)
		}
		payload := s.message(framed, set(256, data))

		d := NewDecoder(Limits{})
		records, g := d.take(s, payload)
		if scanned := NewDecoder(Limits{}).Scan(testSource, s.received(), payload); scanned != g {
			t.Fatalf("Scan: %+v\nDecode: %+v", scanned, g)
		}
		if len(records) != g.Records {
			t.Fatalf("%d records: %+v", len(records), g)
		}
		for i := range records {
			checkRecord(t, &records[i], &g)
		}
		if g.Rejects.Total() != 0 || g.NoTemplate+g.NATEvents+g.Other != 0 || g.Templates != 1 {
			return
		}
		if p := d.last.templates[256]; p == nil || p.plan == nil || p.plan.shape != nil || p.plan.size < 4 || len(data)%p.plan.size > 3 {
			return
		}
		if want, options, err := newGoflow2().decode(payload); err == nil {
			if problem := compareOpinions(records, g.Options, want, options); problem != "" {
				t.Fatal(problem)
			}
		}
	})
}
