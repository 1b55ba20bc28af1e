package netflow

import (
	"fmt"
	"net/netip"
	"testing"

	"nfacct/collector/flow"
)

// hostile are inputs of the kind that an attacker with an allowed address sends,
// each datagram with its number: see BenchmarkHostile.
var hostile = []struct {
	name string
	make func(s *sender, i int) []byte
}{
	{"template flood", func(s *sender, i int) []byte { // 181 templates of ever new numbers
		var all [][]byte
		for j := range 181 {
			all = append(all, templateRecord(uint16(256+(181*i+j)%65280), f{8, 4, 0}))
		}
		return s.message(set(v9Templates, all...))
	}},
	{"changing templates", func(s *sender, i int) []byte { // of the same numbers
		var all [][]byte
		for j := range 181 {
			all = append(all, templateRecord(uint16(256+j), f{uint16(1 + i%2), 4, 0}))
		}
		return s.message(set(v9Templates, all...))
	}},
	{"stream flood", func(s *sender, i int) []byte { // empty, of ever new source ids
		s.domain = uint32(10_000 + i)
		return s.message()
	}},
	{"streams with templates and data", func(s *sender, i int) []byte {
		s.domain = uint32(10_000 + i)
		return s.message(s.template(256, simple...), set(256, simpleRecord(1)))
	}},
	{"half known", func(s *sender, i int) []byte {
		return s.message(set(300, simpleRecord(1)), set(9999, []byte{1, 2, 3, 4}))
	}},
	{"unknown sets", func(s *sender, i int) []byte {
		var all [][]byte
		for j := range 280 {
			all = append(all, set(uint16(1000+j), []byte{byte(i)}))
		}
		return s.message(all...)
	}},
	{"empty sets", func(s *sender, i int) []byte {
		var all [][]byte
		for j := range 350 {
			all = append(all, set(uint16(1000+j)))
		}
		return s.message(all...)
	}},
	{"zeros before a template", func(s *sender, i int) []byte {
		return s.message(set(v9Templates, make([]byte, 60_000), templateRecord(256, f{8, 4, 0})))
	}},
	{"restarts", func(s *sender, i int) []byte {
		s.uptime = uint32(i) * 1_000_003
		return s.message(set(300, simpleRecord(1)))
	}},
	{"options about ever new interfaces", func(s *sender, i int) []byte {
		var all [][]byte
		for j := range 170 {
			all = append(all, values(n{4, uint64(170*i + j)}, n{4, uint64(1 + j)}))
		}
		return s.message(set(301, all...))
	}},
}

// crowd is a decoder that has been attacked already: as many streams and templates
// as it takes.
func crowd(full bool) *Decoder {
	d := NewDecoder(Limits{})
	s := newSender(flow.V9)
	if full {
		for stream := range 60 {
			s.domain = uint32(1000 + stream)
			for part := range 4 {
				var all [][]byte
				for id := range 64 {
					fields := make([]f, 200)
					for i := range fields {
						fields[i] = f{uint16(1 + (id+i)%300), uint16(1 + (i+stream)%100), 0}
					}
					all = append(all, templateRecord(uint16(256+64*part+id), fields...))
				}
				for i := 0; i < len(all); i += 16 {
					d.take(s, s.message(set(v9Templates, all[i:i+16]...)))
				}
			}
		}
	}
	s.domain = 5
	d.take(s, s.message(s.template(300, simple...), s.options(301, 1, f{v9Interface, 4, 0}, f{34, 4, 0})))
	return d
}

// BenchmarkHostile is the cost of a hostile datagram, by what came before: nothing,
// or 15 MB of templates in 60 streams. They must not differ.
func BenchmarkHostile(b *testing.B) {
	for _, mode := range hostile {
		for _, full := range []bool{false, true} {
			b.Run(fmt.Sprint(mode.name, map[bool]string{false: "/fresh", true: "/full"}[full]), func(b *testing.B) {
				d := crowd(full)
				var payloads [][]byte
				for i := range 2000 {
					s := newSender(flow.V9)
					s.domain, s.sequence = 5, uint32(i)
					payloads = append(payloads, mode.make(s, i))
				}
				for _, p := range payloads { // what it does to itself is done
					d.Scan(testSource, testTime.UnixNano(), p)
				}
				bytes := 0
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					p := payloads[i%len(payloads)]
					bytes += len(p)
					d.Scan(testSource, testTime.UnixNano(), p)
				}
				b.ReportMetric(float64(bytes)*8e3/float64(b.Elapsed().Nanoseconds()), "Mbit/s")
			})
		}
	}
}

// TestFloods sends each kind of flood from the honest exporter's address: its
// templates and its place in the sequence stay, and next to nothing is carried.
func TestFloods(t *testing.T) {
	attacker := netip.MustParseAddrPort("192.0.2.1:41000")
	for _, mode := range hostile {
		for _, isNew := range []bool{false, true} { // sent templates and no data yet
			t.Run(fmt.Sprint(mode.name, isNew), func(t *testing.T) {
				honest := newSender(flow.V9)
				d := NewDecoder(Limits{})
				d.take(honest, honest.message(honest.template(256, simple...)))
				honest.sequence++
				if !isNew {
					for range 5 {
						d.take(honest, honest.message(set(256, simpleRecord(1))))
						honest.sequence++
					}
				} else if mode.name == "streams with templates and data" {
					return // it gives way: its data wait for its template
				}
				for i := range 1000 {
					s := newSender(flow.V9)
					s.domain, s.sequence = 5, uint32(i)
					d.Decode(nil, attacker, honest.received(), mode.make(s, i))
				}
				carried := 0
				d.Carry(func(_ netip.AddrPort, _ int64, payload []byte) { carried += len(payload) })
				if carried > carryYoung {
					t.Errorf("%d bytes carried", carried)
				}
				for _, next := range []*Decoder{d, heir(d.carried())} {
					records, g := next.take(honest, honest.message(set(256, simpleRecord(123456))))
					if len(records) != 1 || records[0].Bytes != 123456 || g.Loss != (Loss{}) {
						t.Errorf("%s, %+v", summary(&g), g.Loss)
					}
				}
			})
		}
	}
}

// What is carried is bounded, and shared fairly: of many exporters that fill their
// share, none keeps the honest ones out.
func TestCarryMost(t *testing.T) {
	d := NewDecoder(Limits{})
	honest := newSender(flow.V9)
	d.take(honest, honest.message(honest.template(256, simple...), set(256, simpleRecord(1))))
	for exporter := range 8 {
		src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(exporter)}), 2055)
		for domain := range uint32(40) {
			s := newSender(flow.V9)
			s.domain = domain
			for id := range uint16(60) {
				fields := []f{{8, 4, 0}}
				for i := range uint16(200) {
					fields = append(fields, f{100 + i%50, 1, 0})
				}
				d.Decode(nil, src, s.received(), s.message(s.template(256+id, fields...), set(256+id, make([]byte, 204))))
			}
		}
	}
	carried, of := 0, map[netip.Addr]int{}
	d.Carry(func(src netip.AddrPort, _ int64, payload []byte) {
		carried += len(payload)
		of[src.Addr()] += len(payload)
	})
	if carried > CarryMost || carried < CarryMost/2 {
		t.Errorf("%d bytes carried", carried)
	}
	for addr, n := range of {
		if addr != testSource.Addr() && (n < CarryMost/16 || n > CarryMost/8) {
			t.Errorf("%v: %d bytes", addr, n)
		}
	}
	next := heir(d.carried())
	if records, _ := next.take(honest, honest.message(set(256, simpleRecord(1)))); len(records) != 1 {
		t.Error("the honest one is left out")
	}
}

// A stream that sent nothing for a day is not carried.
func TestCarryAge(t *testing.T) {
	d := NewDecoder(Limits{})
	old, now := newSender(flow.V9), newSender(flow.V9)
	now.domain = 1
	now.export += 25 * 3600
	for _, s := range []*sender{old, now} {
		d.take(s, s.message(s.template(256, simple...), set(256, simpleRecord(1))))
	}
	if all := d.carried(); len(all) != 1 || be.Uint32(all[0].payload[16:]) != 1 {
		t.Errorf("%d carried", len(all))
	}
}
