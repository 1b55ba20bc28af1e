package attribution

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"nfacct/collector/flow"
)

// marks is what is known about an address.
type marks uint8

const (
	inside marks = 1 << iota
	own
	proxy
	inner
)

// host says whether traffic can be charged to the address.
func (m marks) host() bool { return m&(inside|own) == inside }

// Attributor attributes the records of one router. It remembers nothing.
type Attributor struct {
	wan       []uint32
	known     []uint32 // sorted; none: nobody said which interfaces there are
	long      bool     // an outside interface has a number that v5 cannot carry whole
	addresses bart.Fast[marks]
	begins    [256]bool // the first bytes that IPv4 addresses with marks have
	sampling  factor    // num 0: the record's own
	router    int       // its number in Uploads
}

// New compiles a router that Check found nothing wrong with. Its number tells
// its uploads from those of other routers.
func New(r Router, number int) *Attributor {
	a := &Attributor{wan: r.WAN, known: slices.Sorted(slices.Values(r.Known)), router: number}
	a.long = slices.ContainsFunc(r.WAN, func(index uint32) bool { return index > maxV5 })
	for _, p := range r.Inside {
		a.addresses.Insert(p.Masked(), inside)
		if p.Addr().Is4() {
			for first, n := int(p.Masked().Addr().As4()[0]), 1<<max(0, 8-p.Bits()); n > 0; first, n = first+1, n-1 {
				a.begins[first] = true
			}
		}
	}
	for _, list := range []struct {
		addrs []netip.Addr
		mark  marks
	}{{r.Own, own}, {r.Proxies, proxy}, {r.InnerRouters, inner}} {
		for _, addr := range list.addrs {
			addr = addr.Unmap()
			if addr.Is4() {
				a.begins[addr.As4()[0]] = true
			}
			m, _ := a.addresses.Lookup(addr) // what covers it, so that one lookup tells all
			a.addresses.Insert(netip.PrefixFrom(addr, addr.BitLen()), m|list.mark)
		}
	}
	if r.Sampling >= 1 {
		a.sampling = ratio(r.Sampling)
	}
	return a
}

// marks are those of the most specific prefix that holds the address. Most peers are
// told to have none by their first byte.
func (a *Attributor) marks(addr netip.Addr) marks {
	if !addr.IsValid() || addr.Is4() && !a.begins[addr.As4()[0]] {
		return 0
	}
	m, _ := a.addresses.Lookup(addr)
	return m
}

// maxV5 is the largest ifIndex that a v5 record has room for. RouterOS numbers
// dynamic interfaces (PPPoE, L2TP) from 0xF00000 on, and v5 carries the lower half.
const maxV5 = 1<<16 - 1

// outside says whether an interface of a record is an outside one.
func (a *Attributor) outside(r *flow.Record, index uint32) bool {
	if r.Version == flow.V5 && a.long {
		for _, wan := range a.wan {
			if uint16(wan) == uint16(index) {
				return true
			}
		}
		return false
	}
	for _, wan := range a.wan {
		if wan == index {
			return true
		}
	}
	return false
}

// sides says which way a record crossed the border by its interfaces: up, down,
// both for transit. Where v5 cut the number of an outside interface short and both
// seem to be outside, one of them may be an inside one of the same lower half, and
// nothing is known.
func (a *Attributor) sides(r *flow.Record) (up, down bool) {
	up = r.Has&flow.HasOutIf != 0 && a.outside(r, r.OutIf)
	down = r.Has&flow.HasInIf != 0 && a.outside(r, r.InIf)
	if up && down && r.Version == flow.V5 && a.long {
		return false, false
	}
	return up, down
}

// Entered says that a record came in by an outside interface, so that whatever
// Attribute makes of it, it is no upload.
func (a *Attributor) Entered(r *flow.Record) bool {
	_, down := a.sides(r)
	return down
}

// ByUplink says that the router itself sent or received a record by an outside
// interface, which counted it: the packets of a tunnel.
func (a *Attributor) ByUplink(r *flow.Record) bool {
	return r.Has&flow.HasOutIf != 0 && a.outside(r, r.OutIf) || r.Has&flow.HasInIf != 0 && a.outside(r, r.InIf)
}

// Attribute decides about a record. It does not allocate. A download that does
// not say whose it is gets the rule Unanswered: look for its host by Answer.
func (a *Attributor) Attribute(r *flow.Record) Result {
	hasIn, hasOut := r.Has&flow.HasInIf != 0, r.Has&flow.HasOutIf != 0
	up, down := a.sides(r)
	if hasIn && r.InIf == 0 || hasOut && r.OutIf == 0 {
		if a.local(r, up, down) {
			return Result{Class: RouterLocal, Rule: RouterInterface}
		}
		hasIn, hasOut = hasIn && r.InIf != 0, hasOut && r.OutIf != 0
	}
	if !r.Src.IsValid() || !r.Dst.IsValid() {
		switch {
		case up && down:
			return Result{Class: Transit, Rule: OutsideInterfaces}
		case len(a.wan) > 0 && !up && !down && hasIn && hasOut:
			return Result{Class: Internal, Rule: InsideInterfaces}
		}
		return Result{Class: Unattributed, Rule: NoAddresses}
	}
	switch {
	case up && down:
		if a.marks(r.Src).host() && a.marks(r.Dst).host() {
			return Result{Class: Internal, Rule: InsideAddresses}
		}
		return Result{Class: Transit, Rule: OutsideInterfaces}
	case up:
		return a.up(r)
	case down:
		return a.down(r)
	case len(a.wan) > 0 && hasIn && hasOut && !(r.Version == flow.V5 && a.long && a.outside(r, r.InIf)):
		return a.between(r)
	}
	return a.byAddress(r)
}

// local says that a record one of whose interfaces is 0 is the router's own. It is
// not where both are 0, as exporters write what they do not know; nor where the
// side of the 0 is a host that talked across the border.
func (a *Attributor) local(r *flow.Record, up, down bool) bool {
	hasIn, hasOut := r.Has&flow.HasInIf != 0, r.Has&flow.HasOutIf != 0
	if !hasIn || !hasOut {
		return true
	}
	to := destination(r)
	switch {
	case r.InIf == 0 && r.OutIf == 0:
		return false
	case r.InIf == 0:
		return !a.marks(r.Src).host() || len(a.wan) > 0 && !up || len(a.wan) == 0 && !abroad(to, a.marks(to))
	}
	return !a.marks(to).host() || len(a.wan) > 0 && !down || len(a.wan) == 0 && !abroad(r.Src, a.marks(r.Src))
}

// between decides about a record that passed no outside interface. What is between
// a host and the world passed an outside interface that is not known as one: if
// there was no such interface when the router was last asked, addresses decide.
func (a *Attributor) between(r *flow.Record) Result {
	src, dst := a.marks(r.Src), a.marks(r.Dst)
	to, toMarks := r.Dst, dst
	after, known := translated(r.Dst, r.PostNATDst)
	if known && after != r.Dst {
		to, toMarks = after, a.marks(after)
	}
	from := src.host()
	if before, ok := translated(r.Src, r.PostNATSrc); ok && !from {
		from = a.marks(before).host()
	}
	var by uint32
	switch {
	case from && !toMarks.host() && abroad(to, toMarks):
		by = r.OutIf
	case !from && toMarks.host() && abroad(r.Src, src):
		by = r.InIf
	case !from && !toMarks.host() && abroad(r.Src, src) && (dst&own != 0 || !known && a.marks(r.NextHop).host() && abroad(r.Dst, dst)):
		by = r.InIf // a download that does not say whose it is
	default:
		return Result{Class: Internal, Rule: InsideInterfaces}
	}
	if !a.knows(r, by) {
		return a.byAddress(r)
	}
	return Result{Class: Unattributed, Rule: UnlistedInterface, WAN: by}
}

// knows says that the router had the interface when it was asked; an interface made
// since is not known. Where nobody asked, all are taken for known.
func (a *Attributor) knows(r *flow.Record, index uint32) bool {
	if len(a.known) == 0 {
		return true
	}
	if r.Version == flow.V5 {
		return slices.ContainsFunc(a.known, func(known uint32) bool { return uint16(known) == uint16(index) })
	}
	_, found := slices.BinarySearch(a.known, index)
	return found
}

// shared is the address space between providers and their customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// abroad says that an address is one of the world's: neither of hosts nor of the
// router, nor private, nor of a group.
func abroad(addr netip.Addr, m marks) bool {
	return m&(inside|own) == 0 && addr.IsGlobalUnicast() && !addr.IsPrivate() && !shared.Contains(addr)
}

// destination is where the packets went, after translation.
func destination(r *flow.Record) netip.Addr {
	if after, ok := translated(r.Dst, r.PostNATDst); ok {
		return after
	}
	return r.Dst
}

// translated gives the address after translation if the record has one of the
// same family: elements 225 and 226, and for NAT66 281 and 282. 0.0.0.0 and :: are
// "not known".
func translated(before, after netip.Addr) (netip.Addr, bool) {
	if !after.IsValid() || before.Is4() != after.Is4() || after.IsUnspecified() {
		return netip.Addr{}, false
	}
	return after, true
}

func (a *Attributor) up(r *flow.Record) Result {
	host, port, rule := r.Src, r.SrcPort, Inside
	if !a.marks(r.Src).host() {
		after, ok := translated(r.Src, r.PostNATSrc)
		if !ok || !a.marks(after).host() {
			return Result{Class: Unattributed, Rule: NobodyInside}
		}
		host, port, rule = after, after16(r, flow.HasPostNATSrcPort, r.PostNATSrcPort, r.SrcPort), Translated
	}
	// To another network of ours by IPsec: its policies take the packets from the
	// outside interface.
	if a.marks(destination(r)).host() {
		return Result{Class: Internal, Rule: InsideAddresses}
	}
	return a.upload(r, host, port, rule)
}

func (a *Attributor) down(r *flow.Record) Result {
	after, known := translated(r.Dst, r.PostNATDst)
	if known && after != r.Dst && a.marks(after).host() {
		return a.downloadOrInternal(r, after, Translated)
	}
	dst := a.marks(r.Dst)
	if dst.host() {
		return a.downloadOrInternal(r, r.Dst, Inside)
	}
	if toGroup(r.Dst) {
		return Result{Class: Unattributed, Rule: Group}
	}
	// A translation that is known and leads elsewhere is not to be second-guessed;
	// one that leads back to an address of the router was not recorded.
	if known && !(after == r.Dst && dst&own != 0) {
		return Result{Class: Unattributed, Rule: NobodyInside}
	}
	return a.fallBack(r, known, NextHop)
}

// downloadOrInternal is a download whose host its addresses tell, or what comes
// from another network of ours by IPsec.
func (a *Attributor) downloadOrInternal(r *flow.Record, host netip.Addr, rule Rule) Result {
	if a.marks(r.Src).host() {
		return Result{Class: Internal, Rule: InsideAddresses}
	}
	return a.download(r, host, after16(r, flow.HasPostNATDstPort, r.PostNATDstPort, r.DstPort), rule)
}

// fallBack finds the host of an IPv4 download that is addressed to the router
// and does not say whose it is. known: the exporter sends translated addresses,
// so uploads have theirs and none is answered by address.
func (a *Attributor) fallBack(r *flow.Record, known bool, nextHop Rule) Result {
	switch {
	case !r.Dst.Is4():
	case !known:
		return Result{Class: Unattributed, Rule: Unanswered}
	case a.leads(r.NextHop):
		return a.download(r, r.NextHop, r.DstPort, nextHop)
	}
	return Result{Class: Unattributed, Rule: NobodyInside}
}

// leads says that a next hop may be a host: no inner router is known there.
func (a *Attributor) leads(nextHop netip.Addr) bool {
	m := a.marks(nextHop)
	return nextHop.Is4() && m.host() && m&inner == 0
}

// toGroup says that packets are for nobody in particular: multicast (IPTV of the
// provider), or the broadcast of the network that they came from.
func toGroup(dst netip.Addr) bool { return dst.IsMulticast() || dst == broadcast }

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// ToGroup is a record of the rule Group as rules see it: a download whose host is
// the group.
func ToGroup(r *flow.Record) Result {
	return Result{Class: Down, Rule: Group, Host: r.Dst, HostPort: r.DstPort, Peer: r.Src, PeerPort: r.SrcPort, WAN: r.InIf}
}

// Answer looks for the host of a download that Attribute left Unanswered, among
// the uploads of the files that it may answer (nil ones are passed over) and at the
// next hop. Uploads to the same peer and ports come first: the next hop may be a
// router that nobody told us of. Where they do not tell, the next hop is believed;
// if others sent something and it never did, by a rule of its own.
func (a *Attributor) Answer(r *flow.Record, uploads []*Uploads) Result {
	reverse, nextHop := ReverseOnly, NextHopOnly
	if a.Entered(r) {
		reverse, nextHop = Reverse, NextHop
	}
	host, port, found, ambiguous := find(uploads, a.router, r)
	leads := a.leads(r.NextHop)
	switch {
	case found && leads && host == r.NextHop:
		return a.download(r, host, port, nextHop)
	case found:
		return a.download(r, host, port, reverse)
	case leads:
		switch itself, any := sent(uploads, a.router, r.NextHop); {
		case itself || !any:
			return a.download(r, r.NextHop, r.DstPort, nextHop)
		case !ambiguous:
			return a.download(r, r.NextHop, r.DstPort, NextHopSilent)
		}
	}
	if ambiguous {
		return Result{Class: Unattributed, Rule: Ambiguous}
	}
	return Result{Class: Unattributed, Rule: NobodyInside}
}

// byAddress decides without interfaces.
func (a *Attributor) byAddress(r *flow.Record) Result {
	src, dst := a.marks(r.Src), a.marks(r.Dst)
	after, known := translated(r.Dst, r.PostNATDst)
	toOwn := dst&own != 0
	afterDst := marks(0)
	if known && after != r.Dst {
		afterDst = a.marks(after)
		toOwn = afterDst&own != 0
	}
	// Forwarded, though addressed to the router and translated to itself: the
	// translation was not recorded (see down).
	unrecorded := toOwn && after == r.Dst && r.Has&flow.HasInIf != 0 && r.Has&flow.HasOutIf != 0
	switch {
	case src&own != 0, toOwn && src.host(), toOwn && known && !unrecorded:
		return Result{Class: RouterLocal, Rule: RouterAddress}
	case src.host() && (dst.host() || afterDst.host()):
		return Result{Class: Internal, Rule: InsideAddresses}
	case src.host():
		return a.upload(r, r.Src, r.SrcPort, InsideOnly)
	case afterDst.host():
		rule := TranslatedOnly
		if dst.host() {
			rule = InsideOnly
		}
		return a.download(r, after, after16(r, flow.HasPostNATDstPort, r.PostNATDstPort, r.DstPort), rule)
	case dst.host():
		return a.download(r, r.Dst, after16(r, flow.HasPostNATDstPort, r.PostNATDstPort, r.DstPort), InsideOnly)
	}
	if before, ok := translated(r.Src, r.PostNATSrc); ok && a.marks(before).host() {
		return a.upload(r, before, after16(r, flow.HasPostNATSrcPort, r.PostNATSrcPort, r.SrcPort), TranslatedOnly)
	}
	if r.Src.IsLinkLocalUnicast() || r.Dst.IsLinkLocalUnicast() || r.Dst.IsLinkLocalMulticast() {
		return Result{Class: Internal, Rule: LinkLocal}
	}
	if toGroup(r.Dst) {
		return Result{Class: Unattributed, Rule: Group}
	}
	if known && !unrecorded {
		return Result{Class: Unattributed, Rule: NobodyInside}
	}
	return a.fallBack(r, known, NextHopOnly)
}

func (a *Attributor) upload(r *flow.Record, host netip.Addr, port uint16, rule Rule) Result {
	res := Result{
		Class: Up, Rule: rule,
		Host: host, HostPort: port,
		Peer: r.Dst, PeerPort: r.DstPort,
	}
	// The packets went to the address after translation, and the answer comes
	// from there: the other half of the conversation names it as its source.
	if after, ok := translated(r.Dst, r.PostNATDst); ok && after != r.Dst {
		res.Peer = after
		res.PeerPort = after16(r, flow.HasPostNATDstPort, r.PostNATDstPort, r.DstPort)
	}
	if r.Has&flow.HasOutIf != 0 {
		res.WAN = r.OutIf
	}
	return a.finish(r, res)
}

func (a *Attributor) download(r *flow.Record, host netip.Addr, port uint16, rule Rule) Result {
	res := Result{
		Class: Down, Rule: rule,
		Host: host, HostPort: port,
		Peer: r.Src, PeerPort: r.SrcPort,
	}
	if r.Has&flow.HasInIf != 0 {
		res.WAN = r.InIf
	}
	return a.finish(r, res)
}

func (a *Attributor) finish(r *flow.Record, res Result) Result {
	res.Proxy = (a.marks(res.Host)|a.marks(res.Peer))&proxy != 0
	if portless(r.Proto) {
		// Some exporters keep type and code in the destination port, which
		// differ between the question and its answer.
		res.HostPort, res.PeerPort = 0, 0
	}
	return res
}

const (
	protoICMP   = 1
	protoICMPv6 = 58
)

// after16 is the port after translation if the record has one, else the one before.
func after16(r *flow.Record, has flow.Fields, after, before uint16) uint16 {
	if r.Has&has != 0 && after != 0 {
		return after
	}
	return before
}
