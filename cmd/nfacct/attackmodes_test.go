package main

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

// The modes of attack are those of ../shared/data/attack/hostile.py of the project's
// shared folder: exports of NetFlow v5, v9 and IPFIX that an allowed address can send.

// attacker sends from one source port.
type attacker struct {
	conn *net.UDPConn
	next map[uint32]uint32 // sequence numbers by source id
	sent int
	err  error
	pace *time.Ticker // nil: as fast as it goes
	// until is when nothing is sent any more; zero: never.
	until time.Time
}

func (x *attacker) out(b []byte) {
	if !x.until.IsZero() && time.Now().After(x.until) {
		return // what is left of the round
	}
	if x.pace != nil {
		<-x.pace.C
	}
	if _, err := x.conn.Write(b); err != nil && x.err == nil {
		x.err = err
	}
	x.sent++
}

func u16(b []byte, values ...int) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func u32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func (x *attacker) v9(source uint32, records int, sets ...[]byte) {
	n := x.next[source]
	x.next[source]++
	b := u32(u16(nil, 9, records), 1000000, uint32(time.Now().Unix()), n, source)
	for _, set := range sets {
		b = append(b, set...)
	}
	x.out(b)
}

func (x *attacker) ipfix(domain uint32, records int, sets ...[]byte) {
	n := x.next[domain]
	x.next[domain] += uint32(records)
	var body []byte
	for _, set := range sets {
		body = append(body, set...)
	}
	x.out(append(u32(u16(nil, 10, 16+len(body)), uint32(time.Now().Unix()), n, domain), body...))
}

func flowSet(number int, body []byte) []byte { return append(u16(nil, number, 4+len(body)), body...) }

// layout is a template: pairs of element and length.
func layout(number int, pairs ...int) []byte { return u16(u16(nil, number, len(pairs)/2), pairs...) }

var (
	wideLayout  = []int{8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 8, 2, 8} // addresses, ports, protocol, octets, packets
	smallLayout = []int{8, 4, 12, 4, 1, 4, 2, 4}
)

func wideRecord(host string, octets, packets uint64, port int) []byte {
	h, p := netip.MustParseAddr(host).As4(), [4]byte{198, 51, 100, 9}
	b := append(append([]byte{}, h[:]...), p[:]...)
	b = append(u16(b, port, 443), 6)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, octets), packets)
}

func smallRecord(host [4]byte) []byte {
	return u32(append(append([]byte{}, host[:]...), 198, 51, 100, 9), 1, 1)
}

// fillWaiting sends sets without a template, as many as fit into a datagram.
func (x *attacker) fillWaiting(n int) {
	for k := range n {
		var sets []byte
		for i := range 16000 {
			sets = append(sets, flowSet(1000+i, nil)...)
		}
		x.v9(uint32(20000+k), 16000, sets)
	}
}

// attacks are the modes by name; each is one round of it.
var attacks = map[string]func(x *attacker){
	"impossible-packets": func(x *attacker) {
		x.ipfix(1, 1, flowSet(2, layout(300, wideLayout...)), flowSet(300, wideRecord("192.168.1.5", 100, 1<<63, 40000)))
	},
	"impossible-octets": func(x *attacker) {
		x.ipfix(1, 0, flowSet(2, layout(300, wideLayout...)))
		for range 4 {
			for _, host := range []string{"192.168.1.5", "192.168.1.6"} {
				x.ipfix(1, 1, flowSet(300, wideRecord(host, ^uint64(0)-999, 7, 40000)))
			}
		}
	},
	"impossible-sampling": func(x *attacker) {
		for k := range 20 {
			b := u32(u16(nil, 5, 30), 1000000, uint32(time.Now().Unix()), 0, uint32(30*k))
			b = u16(append(b, 0, 0), 0x7fff)
			for i := range 30 {
				b = append(b, 192, 168, 2, byte(i), 198, 51, byte(k), 8, 0, 0, 0, 0)
				b = u32(u16(b, 1, 2), ^uint32(0), ^uint32(0), 999000, 999500)
				b = append(u16(b, 1000, 443), 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0)
			}
			x.out(b)
		}
	},
	"template-flood": func(x *attacker) {
		number := 256
		for range 15000 {
			var body []byte
			for len(body)+8 <= 1448 {
				body = append(body, layout(number, 8, 4)...)
				if number++; number > 65535 {
					number = 256
				}
			}
			x.v9(1, 1, flowSet(0, body))
		}
	},
	"stream-flood": func(x *attacker) {
		for k := range 6000 {
			x.v9(uint32(10000+k), 0)
		}
	},
	"fill-waiting": func(x *attacker) { x.fillWaiting(95) },
	"late-templates": func(x *attacker) {
		x.fillWaiting(85)
		for k := range 1000 {
			number := 20000 + k
			x.v9(8, 1, flowSet(number, smallRecord([4]byte{192, 168, 1, 9})))
			x.v9(8, 1, flowSet(0, layout(number, smallLayout...)))
		}
	},
	"half-known": func(x *attacker) {
		random := rand.New(rand.NewPCG(1, 1))
		for s := range 60 {
			var body []byte
			for number := 256; number < 512; number++ {
				pairs := make([]int, 0, 500)
				for range 250 {
					pairs = append(pairs, 1+random.IntN(32766), 1+random.IntN(199))
				}
				one := layout(number, pairs...)
				if len(body)+len(one) > 60000 {
					x.v9(uint32(1000+s), 1, flowSet(0, body))
					body = nil
				}
				body = append(body, one...)
			}
			x.v9(uint32(1000+s), 1, flowSet(0, body))
		}
		x.v9(5, 1, flowSet(0, layout(300, smallLayout...)))
		for range 1000 {
			x.v9(5, 2, flowSet(300, smallRecord([4]byte{192, 168, 1, 9})), flowSet(9999, []byte{1, 2, 3, 4}))
		}
	},
	"many-hosts": func(x *attacker) {
		x.v9(1, 1, flowSet(0, layout(300, smallLayout...)))
		for k := range 800 {
			var body []byte
			for i := range 80 {
				h := 80*k + i
				body = append(body, smallRecord([4]byte{10, byte(h >> 16), byte(h >> 8), byte(h)})...)
			}
			x.v9(1, 80, flowSet(300, body))
		}
	},
}
