package importer

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
	"nfacct/importer/attribution"
	"nfacct/routeros/officetest"
)

// truthDay makes the traffic of four routers on a day, and knows of each record
// whose it is: the cases of which a report was once wrong.
type truthDay struct {
	*rand.Rand
	version officetest.Format
	from    time.Time // midnight
	port    uint16
	records [4][]officetest.Record
	truth   [4]truth
	copies  [4]uint64 // datagrams that come twice
}

// truth is what a router's books and rows are to say. Rules are those of v5, which
// does not say whose a download is.
type truth struct {
	classes     [attribution.Classes]archive.Counts
	hosts       map[netip.Addr]archive.Counts // up is Records, down is Bytes
	excluded    map[string]archive.Counts
	unlisted    map[string]archive.Counts
	silent      archive.Counts // charged to a next hop that sent nothing
	uplinkLocal uint64
}

// The routers of the day.
const (
	pppoe    = iota // a new address and ifIndex at noon, read a quarter-hour late
	failover        // a second uplink for some hours, which nobody listed
	inner           // an inner router that nobody listed, published servers, IPTV, IPv6, ifIndex 0
	branch          // tunnels: IPsec by policy, WireGuard
)

// belongs is where a record belongs; a host for up and down.
type belongs struct {
	class attribution.Class
	host  netip.Addr
	rule  string // that leaves it out
}

// add takes a record, with times and counters that are not set yet, and where it
// belongs.
func (d *truthDay) add(router int, at time.Duration, r officetest.Record, to belongs) uint64 {
	end := d.from.Add(at).UnixMilli()
	if r.Bytes == 0 {
		r.Bytes = uint64(400 + d.IntN(2_000_000))
	}
	r.Packets = r.Bytes/1000 + 1
	r.Start, r.End = end-int64(1000+d.IntN(20_000)), end
	r.Export = end/1000 + 16
	d.records[router] = append(d.records[router], r)
	t := &d.truth[router]
	one := archive.Counts{Records: 1, Bytes: r.Bytes}
	t.classes[to.class] = t.classes[to.class].Plus(one)
	switch {
	case to.rule != "":
		t.excluded[to.rule] = t.excluded[to.rule].Plus(one)
	case to.class == attribution.Up:
		t.hosts[to.host] = t.hosts[to.host].Plus(archive.Counts{Records: r.Bytes})
	case to.class == attribution.Down:
		t.hosts[to.host] = t.hosts[to.host].Plus(archive.Counts{Bytes: r.Bytes})
	}
	return r.Bytes
}

// talk is a conversation of a host behind masquerade.
type talk struct {
	host, public netip.Addr
	lan, wan     uint32
	nextHop      netip.Addr // of the download; the host where it is attached directly
	changed      bool       // masquerade took another port than the host's
	server       uint16     // if not 0, outsiders ask this port of the public address
}

// of makes both records of a conversation.
func (d *truthDay) of(t talk) (up, down officetest.Record) {
	d.port++
	peer := netip.AddrFrom4([4]byte{203, 0, byte(d.port >> 8), byte(d.port)})
	own, other := 1024+d.port, uint16(443)
	public := own
	if t.changed {
		public += 30_000
	}
	if t.server != 0 {
		own, public, other = 443, t.server, 1024+d.port
	}
	if !t.nextHop.IsValid() {
		t.nextHop = t.host
	}
	up = officetest.Record{
		Src: t.host, Dst: peer, SrcPort: own, DstPort: other, PostSrc: t.public, PostDst: peer, PostSrcPort: public, PostDstPort: other,
		InIf: t.lan, OutIf: t.wan, NextHop: ip("198.51.100.1"), Proto: 6,
	}
	down = officetest.Record{
		Src: peer, Dst: t.public, SrcPort: other, DstPort: public, PostSrc: peer, PostDst: t.host, PostSrcPort: other, PostDstPort: own,
		InIf: t.wan, OutIf: t.lan, NextHop: t.nextHop, Proto: 6,
	}
	return up, down
}

// charged is a conversation that is its host's.
func (d *truthDay) charged(router int, at time.Duration, t talk) {
	up, down := d.of(t)
	d.add(router, at, up, belongs{class: attribution.Up, host: t.host})
	d.add(router, at, down, belongs{class: attribution.Down, host: t.host})
}

func (d *truthDay) some(a, b, c byte) netip.Addr {
	return netip.AddrFrom4([4]byte{a, b, c, byte(1 + d.IntN(30))})
}

// when is a time between two hours.
func (d *truthDay) when(from, to int) time.Duration {
	return time.Duration(from)*time.Hour + time.Duration(d.Int64N(int64(to-from)*int64(time.Hour)/int64(time.Millisecond)))*time.Millisecond
}

// newTruthDay makes a day as a version exports it.
func newTruthDay(version officetest.Format, from time.Time) *truthDay {
	d := &truthDay{Rand: rand.New(rand.NewPCG(19, 28)), version: version, from: from}
	for i := range d.truth {
		d.truth[i].hosts, d.truth[i].excluded, d.truth[i].unlisted = map[netip.Addr]archive.Counts{}, map[string]archive.Counts{}, map[string]archive.Counts{}
	}
	d.makePPPoE()
	d.makeFailover()
	d.makeInner()
	d.makeBranch()
	return d
}

func (d *truthDay) makePPPoE() {
	line := func(host netip.Addr, noon bool) talk {
		if noon {
			return talk{host: host, public: ip("198.51.100.77"), lan: 2, wan: 0xF00008}
		}
		return talk{host: host, public: ip("198.51.100.10"), lan: 2, wan: 0xF00007}
	}
	for range 300 {
		d.charged(pppoe, d.when(1, 12), line(d.some(10, 1, 0), false))
		d.charged(pppoe, d.when(12, 24)-time.Second, line(d.some(10, 1, 0), true))
	}
	for range 40 { // before the router was asked again
		d.charged(pppoe, 12*time.Hour+time.Duration(1+d.IntN(890))*time.Second, line(d.some(10, 1, 0), true))
	}
	for range 20 { // what ends with the day is the day's
		d.charged(pppoe, 24*time.Hour, line(d.some(10, 1, 0), true))
	}
}

func (d *truthDay) makeFailover() {
	for range 300 {
		d.charged(failover, d.when(1, 24)-time.Second, talk{host: d.some(10, 2, 0), public: ip("198.51.100.20"), lan: 2, wan: 1})
	}
	for range 100 {
		up, down := d.of(talk{host: d.some(10, 2, 0), public: ip("192.0.2.200"), lan: 2, wan: 5})
		at := d.when(10, 16)
		for _, r := range []officetest.Record{up, down} {
			n := d.add(failover, at, r, belongs{class: attribution.Unattributed})
			d.truth[failover].unlisted["5"] = d.truth[failover].unlisted["5"].Plus(archive.Counts{Records: 1, Bytes: n})
		}
	}
	for range 30 { // between two networks inside, and to a private one that is not
		d.add(failover, d.when(1, 23), officetest.Record{Src: d.some(10, 2, 0), Dst: d.some(10, 2, 9), PostSrc: ip("0.0.0.0"), PostDst: ip("0.0.0.0"), SrcPort: 1, DstPort: 445, InIf: 2, OutIf: 3, Proto: 6}, belongs{class: attribution.Internal})
		d.add(failover, d.when(1, 23), officetest.Record{Src: d.some(10, 2, 0), Dst: ip("172.16.9.9"), PostSrc: ip("10.2.0.1"), PostDst: ip("172.16.9.9"), SrcPort: 1, DstPort: 445, InIf: 2, OutIf: 4, Proto: 6}, belongs{class: attribution.Internal})
	}
}

func (d *truthDay) makeInner() {
	public := ip("198.51.100.30")
	hidden := ip("10.3.0.254")
	for range 400 {
		d.charged(inner, d.when(1, 24)-time.Second, talk{host: d.some(10, 3, 0), public: public, lan: 2, wan: 1})
		d.charged(inner, d.when(1, 24)-time.Second, talk{host: d.some(10, 3, 8), public: public, lan: 2, wan: 1, nextHop: hidden})
	}
	for range 50 {
		d.charged(inner, d.when(1, 23), talk{host: d.some(10, 3, 0), public: public, lan: 2, wan: 1, changed: true})
		// Version 5 cannot tell: what it charges to the next hop it says is in doubt.
		t := talk{host: d.some(10, 3, 8), public: public, lan: 2, wan: 1, nextHop: hidden, changed: true}
		if d.version != officetest.V5 {
			d.charged(inner, d.when(1, 23), t)
			continue
		}
		up, down := d.of(t)
		at := d.when(1, 23)
		d.add(inner, at, up, belongs{class: attribution.Up, host: t.host})
		n := d.add(inner, at, down, belongs{class: attribution.Down, host: hidden})
		d.truth[inner].silent = d.truth[inner].silent.Plus(archive.Counts{Records: 1, Bytes: n})
	}
	for range 60 { // published servers, one under its own port
		d.charged(inner, d.when(1, 23), talk{host: ip("10.3.0.80"), public: public, lan: 2, wan: 1, server: 443})
		d.charged(inner, d.when(1, 23), talk{host: ip("10.3.0.81"), public: public, lan: 2, wan: 1, server: 8443})
	}
	for range 40 { // exporters that do not know an interface
		t := talk{host: d.some(10, 3, 0), public: public}
		up, down := d.of(t)
		at := d.when(1, 23)
		d.add(inner, at, up, belongs{class: attribution.Up, host: t.host})
		d.add(inner, at, down, belongs{class: attribution.Down, host: t.host})
		t.wan = 1 // an upload that came in by 0
		up, _ = d.of(t)
		d.add(inner, d.when(1, 23), up, belongs{class: attribution.Up, host: t.host})
	}
	for range 30 { // the router itself, and IPTV of the provider
		d.local(inner, officetest.Record{Src: public, Dst: ip("203.0.113.53"), SrcPort: 5000, DstPort: 53, InIf: 0, OutIf: 1, Proto: 17}, true)
		d.local(inner, officetest.Record{Src: d.some(10, 3, 0), Dst: ip("10.3.0.253"), SrcPort: 5000, DstPort: 53, InIf: 2, OutIf: 0, Proto: 17}, false)
		d.add(inner, d.when(1, 23), officetest.Record{Src: ip("198.51.100.250"), Dst: ip("239.1.1.7"), PostSrc: ip("198.51.100.250"), PostDst: ip("239.1.1.7"), SrcPort: 1, DstPort: 5000, InIf: 1, OutIf: 2, Proto: 17},
			belongs{class: attribution.Down, rule: "multicast"})
	}
	if d.version == officetest.V5 {
		return // carries no IPv6
	}
	for range 50 {
		host := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 3, 15: byte(1 + d.IntN(30))})
		peer := netip.AddrFrom16([16]byte{0x26, 15: byte(1 + d.IntN(200))})
		d.port++
		at := d.when(1, 23)
		d.add(inner, at, officetest.Record{Src: host, Dst: peer, SrcPort: d.port, DstPort: 443, InIf: 2, OutIf: 1, Proto: 6}, belongs{class: attribution.Up, host: host})
		d.add(inner, at, officetest.Record{Src: peer, Dst: host, SrcPort: 443, DstPort: d.port, InIf: 1, OutIf: 2, Proto: 6}, belongs{class: attribution.Down, host: host})
	}
}

// local is a record of the router itself.
func (d *truthDay) local(router int, r officetest.Record, uplink bool) {
	r.PostSrc, r.PostDst = r.Src, r.Dst
	n := d.add(router, d.when(1, 23), r, belongs{class: attribution.RouterLocal})
	if uplink {
		d.truth[router].uplinkLocal += n
	}
}

func (d *truthDay) makeBranch() {
	public, centre := ip("198.51.100.40"), ip("198.51.100.10")
	for range 100 {
		d.charged(branch, d.when(1, 23), talk{host: d.some(10, 4, 0), public: public, lan: 2, wan: 1})
	}
	for range 100 {
		here, there, far := d.some(10, 4, 0), d.some(10, 1, 0), d.some(172, 20, 0)
		d.port++
		pass := func(src, dst netip.Addr, in, out uint32) {
			d.add(branch, d.when(1, 23), officetest.Record{Src: src, Dst: dst, PostSrc: src, PostDst: dst, SrcPort: d.port, DstPort: 445, InIf: in, OutIf: out, Proto: 6, NextHop: dst}, belongs{class: attribution.Internal})
		}
		pass(here, there, 2, 1) // IPsec by policy
		pass(there, here, 1, 2)
		pass(here, far, 2, 9) // WireGuard
		pass(far, here, 9, 2)
		d.local(branch, officetest.Record{Src: public, Dst: centre, InIf: 0, OutIf: 1, Proto: 50}, true)
		d.local(branch, officetest.Record{Src: centre, Dst: public, InIf: 1, OutIf: 0, Proto: 50}, true)
		d.local(branch, officetest.Record{Src: public, Dst: centre, SrcPort: 51820, DstPort: 51820, InIf: 0, OutIf: 1, Proto: 17}, true)
	}
}

// wrong is by how many seconds a router's clock is ahead.
func wrong(router int) int64 {
	if router == branch {
		return 540
	}
	return 0
}

// exporterOf is where a router's datagrams come from.
func exporterOf(router int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + router)}), 2055)
}

// spool writes what the routers export, in files of a quarter-hour.
func (d *truthDay) spool(t *testing.T, folder string) {
	t.Helper()
	type datagram struct {
		at      int64 // Unix seconds
		router  int
		payload []byte
	}
	var all []datagram
	for router, records := range d.records {
		slices.SortStableFunc(records, func(a, b officetest.Record) int { return cmp.Compare(a.Export, b.Export) })
		e, err := officetest.NewExporter(d.version, officetest.Boot(d.from), func(at int64, payload []byte) error {
			all = append(all, datagram{at - wrong(router), router, slices.Clone(payload)})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			r := records[i]
			r.Start, r.End, r.Export = r.Start+wrong(router)*1000, r.End+wrong(router)*1000, r.Export+wrong(router)
			if err := e.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Flush(records[len(records)-1].Export + wrong(router) + 5); err != nil || e.Skipped > 0 {
			t.Fatal(err, e.Skipped)
		}
	}
	for _, g := range slices.Clone(all) { // some come twice, minutes later, in the next file too
		if d.IntN(10) == 0 {
			g.at += 1 + d.Int64N(500)
			all = append(all, g)
			d.copies[g.router]++
		}
	}
	slices.SortStableFunc(all, func(a, b datagram) int { return cmp.Compare(a.at, b.at) })
	decoder := netflow.NewDecoder(netflow.DefaultLimits()) // as the collector has one, for what files carry
	for len(all) > 0 {
		start := time.Unix(all[0].at, 0).Truncate(spool.SlotLength)
		n := 0
		for n < len(all) && time.Unix(all[n].at, 0).Before(start.Add(spool.SlotLength)) {
			n++
		}
		var blocks []byte
		decoder.Carry(func(src netip.AddrPort, received int64, payload []byte) {
			blocks = spool.AppendPacket(blocks, spool.Carried, received, src, ours, payload)
		})
		for _, g := range all[:n] {
			decoder.Scan(exporterOf(g.router), g.at*int64(time.Second), g.payload)
			blocks = spool.AppendPacket(blocks, spool.Live, g.at*int64(time.Second), exporterOf(g.router), ours, g.payload)
		}
		writeSpool(t, folder, start, blocks)
		all = all[n:]
	}
}
