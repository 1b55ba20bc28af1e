package importer

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
)

// Rate is a speed in bits a second, written as 100G, 2.5G or 100M.
type Rate uint64

// Bounds of a port's speed: less than the least is a modem's, and more than the
// greatest is no port of today (800GBASE-R).
const (
	leastRate    Rate = 1e6
	greatestRate Rate = 10e12

	// defaultRate is the fastest port of a Mikrotik (CCR2216: 100 Gbit/s).
	defaultRate Rate = 100e9
)

// UnmarshalText reads a speed.
func (r *Rate) UnmarshalText(text []byte) error {
	number, unit := string(text), 1.0
	if n := len(number); n > 0 {
		for i, letter := range "kMGT" {
			if rune(number[n-1]) == letter {
				number, unit = number[:n-1], math.Pow10(3*(i+1))
				break
			}
		}
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(value*unit >= float64(leastRate) && value*unit <= float64(greatestRate)) {
		return fmt.Errorf(`%q is no speed of a port: write bits a second from "1M" to "10T", such as "1G"`, text)
	}
	*r = Rate(value * unit)
	return nil
}

// defaultTimeout is the active timeout of a router of which nobody knows it: that
// of RouterOS (/ip traffic-flow active-flow-timeout).
const defaultTimeout = 30 * time.Minute

// maxSampling is the largest sampling rate that is believed because a record says
// it. One that the configuration or the router itself states is another matter:
// then what records say is not asked.
const maxSampling = 1 << 16

// limits are what a router's records can be at most. This is the one place where
// counters are held against what is possible, before anything else is done with a
// record: a datagram can be forged by anybody on the network, and what is counted
// once cannot be taken back.
type limits struct {
	perSecond uint64 // octets
	timeout   int64  // the active timeout, nanoseconds
	least     uint64 // octets that a record of no duration can have
	sampled   bool   // the sampling rate is known, whatever records say
}

func limitsOf(rate Rate, timeout time.Duration, sampled bool) limits {
	if rate == 0 {
		rate = defaultRate
	}
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	l := limits{perSecond: uint64(rate / 8), timeout: int64(min(timeout, 24*time.Hour)), sampled: sampled}
	l.least = l.octets(0)
	return l
}

// octets are how many a flow of a duration can have had: the port's speed times the
// duration, which is the sender's word and therefore at most the active timeout, and
// one active timeout more, for what waited in the router's cache.
func (l *limits) octets(duration int64) uint64 {
	hi, lo := bits.Mul64(l.perSecond, uint64(min(max(duration, 0), l.timeout)+l.timeout))
	if hi >= uint64(second) {
		return math.MaxUint64
	}
	most, _ := bits.Div64(hi, lo, uint64(second))
	return most
}

// plausible says whether a record of that many octets, sampling taken into account,
// can be.
func (l *limits) plausible(r *flow.Record, octets uint64, duration int64) bool {
	if !l.sampled && r.Has&flow.HasSampling != 0 && r.Sampling > maxSampling {
		return false
	}
	return octets <= l.least || octets <= l.octets(duration)
}

const (
	// leastPacket is an IPv4 header: no packet has fewer octets.
	leastPacket = 20
	// fewestWrapped are the packets of the largest size, 65,535 octets, that carry
	// 4 GiB.
	fewestWrapped = 1<<32/math.MaxUint16 + 1
	// mostPackets are what two rows have room for.
	mostPackets = 2 * math.MaxUint32
)

// thin says that a record has fewer octets than its packets need at least. One
// packet is no counter that began anew.
func thin(r *flow.Record) bool {
	const both = flow.HasBytes | flow.HasPackets
	return r.Has&both == both && r.Bytes > 0 && r.Packets > 1 && r.Packets > r.Bytes/leastPacket
}

// oddity is what was found odd about an exporter's records of a day.
type oddity struct {
	kind     archive.FindingKind
	exporter netip.Addr
	counts
	seconds int64
	example string
	other   int  // of archive.FoundTwice: the other router
	others  bool // of exporters that there is no room for
}

// mostOddities bounds what is found of a day: kinds times exporters, and of these
// Options.Others admits any.
const mostOddities = 64

// note counts a record that is odd; the first one is the example.
func (t *tally) note(kind archive.FindingKind, r *flow.Record) {
	n := t.oddity(kind, r.Exporter, "")
	n.add(1, r.Bytes)
	if n.example == "" {
		n.example = describe(r)
	}
}

// oddity is what was found of a kind and exporter, and of a stream that name names; of
// all further exporters when there is too much of it.
func (t *tally) oddity(kind archive.FindingKind, exporter netip.Addr, name string) *oddity {
	full := len(t.found) >= mostOddities
	for i := range t.found {
		if n := &t.found[i]; n.kind == kind && (n.others && full || !n.others && n.exporter == exporter && (name == "" || n.example == name)) {
			return n
		}
	}
	if full {
		t.found = append(t.found, oddity{kind: kind, others: true})
	} else {
		t.found = append(t.found, oddity{kind: kind, exporter: exporter, example: name})
	}
	return &t.found[len(t.found)-1]
}

// describe is a record in one line, as it was exported.
func describe(r *flow.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", time.Unix(0, r.Received).UTC().Format(time.RFC3339), r.Version)
	if r.Version == 0 {
		b.Reset()
		b.WriteString(time.Unix(0, r.Received).UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(&b, " %s > %s protocol %d: %d octets, %d packets",
		netip.AddrPortFrom(r.Src, r.SrcPort), netip.AddrPortFrom(r.Dst, r.DstPort), r.Proto, r.Bytes, r.Packets)
	if r.Has&flow.HasSampling != 0 && r.Sampling > 1 {
		fmt.Fprintf(&b, ", 1 of %d sampled", r.Sampling)
	}
	return b.String()
}

// findings are what was found in the archive's words.
func (t *tally) findings(router func(int) string) (list []archive.Finding) {
	for _, n := range t.found {
		f := archive.Finding{Kind: n.kind, Counts: archive.Counts{Records: n.records, Bytes: n.bytes}, Seconds: n.seconds, Example: n.example}
		switch {
		case n.kind == archive.FoundTwice:
			f.Exporter = router(n.other)
		case n.exporter.IsValid():
			f.Exporter = n.exporter.String()
		case n.others:
			f.Exporter = archive.Others
		}
		list = archive.AddFinding(list, f)
	}
	return list
}
