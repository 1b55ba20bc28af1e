package officetest

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"testing"
	"time"
)

var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func newOffice(t testing.TB, cfg Config) *Office {
	t.Helper()
	o, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// digest is a number that changes with any record of two hours.
func digest(o *Office) uint64 {
	h := fnv.New64a()
	var b [8]byte
	for r := range o.Records(monday.Add(9*time.Hour), monday.Add(11*time.Hour)) {
		for _, n := range []uint64{uint64(r.Export), uint64(r.Start), uint64(r.End), r.Bytes, r.Packets, uint64(r.SrcPort)<<32 | uint64(r.PostDstPort)} {
			binary.BigEndian.PutUint64(b[:], n)
			h.Write(b[:])
		}
		for _, a := range []netip.Addr{r.Src, r.Dst, r.NextHop, r.PostSrc, r.PostDst, r.Host, r.Peer} {
			h.Write(a.AsSlice())
		}
	}
	return h.Sum64()
}

func TestOfficeIsDeterministic(t *testing.T) {
	cfg := Config{IPv6: true, Seed: 7}
	first := digest(newOffice(t, cfg))
	if again := digest(newOffice(t, cfg)); again != first {
		t.Errorf("the same office twice: %x and %x", first, again)
	}
	cfg.Seed = 8
	if other := digest(newOffice(t, cfg)); other == first {
		t.Error("another seed makes the same office")
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []Config{{Hosts: -1}, {Hosts: 60001}, {Busy: -1}, {Hosts: 5, InnerHosts: 6}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

// TestRecords holds what is true of every record, and that everything occurs.
func TestRecords(t *testing.T) {
	o := newOffice(t, Config{IPv6: true, InnerHosts: 10})
	hosts := map[netip.Addr]*Host{}
	for i := range o.Hosts {
		hosts[o.Hosts[i].Addr], hosts[o.Hosts[i].Addr6] = &o.Hosts[i], &o.Hosts[i]
	}
	var n, clashes, inner int
	var last int64
	var byClass [classes]int
	var byCause [causes]int
	var hours [25]int
	end := monday.AddDate(0, 0, 1)
	for r := range o.Records(monday, end) {
		n++
		byClass[r.Class]++
		hours[(r.Export-monday.Unix())/3600]++
		switch {
		case r.Export < last:
			t.Fatalf("record of %d after one of %d", r.Export, last)
		case r.Start > r.End || r.End > r.Export*1000 || r.End-r.Start > activeTimeout:
			t.Fatalf("times %d to %d, exported %d", r.Start, r.End, r.Export)
		case r.Export*1000-r.End > inactiveTimeout+2000:
			t.Fatalf("exported %d ms late", r.Export*1000-r.End)
		case r.Packets < 2 || r.Bytes < 28*r.Packets && r.Packets > 2 || r.Bytes >= 1<<32 || r.Bytes == 0:
			t.Fatalf("%d bytes in %d packets", r.Bytes, r.Packets)
		case r.Start < monday.UnixMilli() || r.End > end.UnixMilli():
			t.Fatalf("traffic of %d to %d outside the range", r.Start, r.End)
		}
		last = r.Export
		if r.Class > Down {
			if r.Host.IsValid() || r.Peer.IsValid() {
				t.Fatalf("%v record with host %v and peer %v", r.Class, r.Host, r.Peer)
			}
			continue
		}
		byCause[r.Cause]++
		h := hosts[r.Host]
		if h == nil || !r.Peer.IsValid() {
			t.Fatalf("%v record of host %v and peer %v", r.Class, r.Host, r.Peer)
		}
		if (r.Host == o.Proxy) != (r.Cause == Proxy || r.Cause == ProxyDNS) {
			t.Fatalf("host %v has %v traffic", r.Host, r.Cause)
		}
		var wrong bool
		switch six := r.Host.Is6(); {
		case r.Class == Up && six:
			wrong = r.Src != r.Host || r.Dst != r.Peer || r.PostSrc.IsValid()
		case r.Class == Down && six:
			wrong = r.Src != r.Peer || r.Dst != r.Host || r.PostDst.IsValid() || r.NextHop != r.Host
		case r.Class == Up:
			wrong = r.Src != r.Host || r.Dst != r.Peer || r.PostSrc != o.Public || r.PostDst != r.Peer ||
				r.InIf != LAN || r.OutIf != WAN || r.NextHop != o.ISP
			if r.SrcPort != r.PostSrcPort && r.SrcPort > 1023 {
				clashes++
			}
		case r.Class == Down:
			wrong = r.Src != r.Peer || r.Dst != o.Public || r.PostSrc != r.Peer || r.PostDst != r.Host ||
				r.InIf != WAN || r.OutIf != LAN || h.inner != (r.NextHop == o.Inner) || !h.inner && r.NextHop != r.Host
			if h.inner {
				inner++
			}
		}
		if wrong {
			t.Fatalf("not as RouterOS exports it: %+v", r)
		}
	}
	if n < 500_000 || n > 750_000 {
		t.Errorf("%d records a day; 60 hosts should make about 600000", n)
	}
	for c, count := range byClass {
		if count == 0 {
			t.Errorf("no %v record", Class(c))
		}
	}
	for c, count := range byCause {
		if count == 0 {
			t.Errorf("no %v record", Cause(c))
		}
	}
	if clashes < 500 || clashes > n/20 {
		t.Errorf("%d records with a port that masquerade changed", clashes)
	}
	if inner == 0 {
		t.Error("no download through the inner router")
	}
	if hours[10] < 20*hours[3] || hours[12] > hours[11] {
		t.Errorf("no working day: %d", hours)
	}
}

func TestPortClashIsReal(t *testing.T) {
	type flow struct {
		peer       netip.Addr
		port, from uint16
		proto      uint8
	}
	o := newOffice(t, Config{})
	seen := map[flow]netip.Addr{}
	var shared int
	for r := range o.Records(monday.Add(10*time.Hour), monday.Add(11*time.Hour)) {
		if r.Class != Up || r.SrcPort == 0 {
			continue
		}
		f := flow{r.Dst, r.DstPort, r.SrcPort, r.Proto}
		if other, ok := seen[f]; ok && other != r.Host && r.PostSrcPort != r.SrcPort {
			shared++
		}
		seen[f] = r.Host
	}
	if shared < 20 {
		t.Errorf("%d times two hosts used one port to one peer", shared)
	}
}

func TestLargeOffice(t *testing.T) {
	o := newOffice(t, Config{Hosts: 5000})
	if got := o.Inside[0].String(); got != "10.2.192.0/19" {
		t.Errorf("inside prefix %s", got)
	}
	var ends255 int
	for _, h := range o.Hosts {
		if !o.Inside[0].Contains(h.Addr) || h.Addr == lastOf(o.Inside[0]) {
			t.Errorf("host %v", h.Addr)
		}
		if h.Addr.As4()[3] == 255 {
			ends255++
		}
	}
	if len(o.Hosts) != 5002 || ends255 != 19 {
		t.Errorf("%d hosts, %d of them ending in 255", len(o.Hosts), ends255)
	}
	small := newOffice(t, Config{Hosts: 1})
	var n int
	for range small.Records(monday.Add(9*time.Hour), monday.Add(12*time.Hour)) {
		n++
	}
	if n == 0 {
		t.Error("an office of one is silent")
	}
}

func TestQuietWeekend(t *testing.T) {
	count := func(day time.Time) (n int) {
		for range newOffice(t, Config{Weekends: true}).Records(day.Add(10*time.Hour), day.Add(11*time.Hour)) {
			n++
		}
		return n
	}
	if monday, saturday := count(monday), count(monday.AddDate(0, 0, 5)); saturday*10 > monday {
		t.Errorf("%d records on Monday, %d on Saturday", monday, saturday)
	}
}
