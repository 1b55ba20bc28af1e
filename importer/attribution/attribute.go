package attribution

import (
	"net/netip"

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
	addresses bart.Fast[marks]
	sampling  factor // num 0: the record's own
	router    int    // its number in Uploads
}

// New compiles a router that Check found nothing wrong with. Its number tells
// its uploads from those of other routers.
func New(r Router, number int) *Attributor {
	a := &Attributor{wan: r.WAN, router: number}
	for _, p := range r.Inside {
		a.addresses.Insert(p.Masked(), inside)
	}
	for _, list := range []struct {
		addrs []netip.Addr
		mark  marks
	}{{r.Own, own}, {r.Proxies, proxy}, {r.InnerRouters, inner}} {
		for _, addr := range list.addrs {
			addr = addr.Unmap()
			m, _ := a.addresses.Lookup(addr) // what covers it, so that one lookup tells all
			a.addresses.Insert(netip.PrefixFrom(addr, addr.BitLen()), m|list.mark)
		}
	}
	if r.Sampling >= 1 {
		a.sampling = ratio(r.Sampling)
	}
	return a
}

func (a *Attributor) marks(addr netip.Addr) marks {
	if !addr.IsValid() {
		return 0
	}
	m, _ := a.addresses.Lookup(addr)
	return m
}

func (a *Attributor) outside(index uint32) bool {
	for _, wan := range a.wan {
		if wan == index {
			return true
		}
	}
	return false
}

// Entered says that a record came in by an outside interface, so that whatever
// Attribute makes of it, it is no upload.
func (a *Attributor) Entered(r *flow.Record) bool {
	return r.Has&flow.HasInIf != 0 && a.outside(r.InIf)
}

// Attribute decides about a record. It does not allocate. A download that does
// not say whose it is gets the rule Unanswered: look for its host by Answer.
func (a *Attributor) Attribute(r *flow.Record) Result {
	hasIn, hasOut := r.Has&flow.HasInIf != 0, r.Has&flow.HasOutIf != 0
	if hasIn && r.InIf == 0 || hasOut && r.OutIf == 0 {
		return Result{Class: RouterLocal, Rule: RouterInterface}
	}
	up, down := false, false
	if len(a.wan) > 0 {
		up, down = hasOut && a.outside(r.OutIf), hasIn && a.outside(r.InIf)
		switch {
		case up && down:
			return Result{Class: Transit, Rule: OutsideInterfaces}
		case !up && !down && hasIn && hasOut:
			return Result{Class: Internal, Rule: InsideInterfaces}
		}
	}
	if !r.Src.IsValid() || !r.Dst.IsValid() {
		return Result{Class: Unattributed, Rule: NoAddresses}
	}
	switch {
	case up:
		return a.up(r)
	case down:
		return a.down(r)
	}
	return a.byAddress(r)
}

// translated gives the address after translation if the record has one of the
// same family. IPv6 is not translated, and 0.0.0.0 is "not known".
func translated(before, after netip.Addr) (netip.Addr, bool) {
	if !after.IsValid() || !before.Is4() || !after.Is4() || after.IsUnspecified() {
		return netip.Addr{}, false
	}
	return after, true
}

func (a *Attributor) up(r *flow.Record) Result {
	if a.marks(r.Src).host() {
		return a.upload(r, r.Src, r.SrcPort, Inside)
	}
	if after, ok := translated(r.Src, r.PostNATSrc); ok && a.marks(after).host() {
		return a.upload(r, after, after16(r, flow.HasPostNATSrcPort, r.PostNATSrcPort, r.SrcPort), Translated)
	}
	return Result{Class: Unattributed, Rule: NobodyInside}
}

func (a *Attributor) down(r *flow.Record) Result {
	after, known := translated(r.Dst, r.PostNATDst)
	if known && after != r.Dst && a.marks(after).host() {
		return a.download(r, after, after16(r, flow.HasPostNATDstPort, r.PostNATDstPort, r.DstPort), Translated)
	}
	dst := a.marks(r.Dst)
	if dst.host() {
		return a.download(r, r.Dst, after16(r, flow.HasPostNATDstPort, r.PostNATDstPort, r.DstPort), Inside)
	}
	// A translation that is known and leads elsewhere is not to be second-guessed;
	// one that leads back to an address of the router was not recorded.
	if known && !(after == r.Dst && dst&own != 0) {
		return Result{Class: Unattributed, Rule: NobodyInside}
	}
	return a.fallBack(r, known, NextHop)
}

// fallBack finds the host of an IPv4 download that is addressed to the router
// and does not say whose it is. known: the exporter sends translated addresses,
// so uploads have theirs and none is answered by address.
func (a *Attributor) fallBack(r *flow.Record, known bool, nextHop Rule) Result {
	if !r.Dst.Is4() {
		return Result{Class: Unattributed, Rule: NobodyInside}
	}
	if r.NextHop.Is4() {
		if m := a.marks(r.NextHop); m.host() && m&inner == 0 {
			return a.download(r, r.NextHop, r.DstPort, nextHop)
		}
	}
	if known {
		return Result{Class: Unattributed, Rule: NobodyInside}
	}
	return Result{Class: Unattributed, Rule: Unanswered}
}

// Answer looks among uploads for the host of a download that Attribute left
// Unanswered: those of the files that it may answer. Nil ones are passed over.
func (a *Attributor) Answer(r *flow.Record, uploads []*Uploads) Result {
	rule := ReverseOnly
	if len(a.wan) > 0 && r.Has&flow.HasInIf != 0 && a.outside(r.InIf) {
		rule = Reverse
	}
	host, port, found, ambiguous := find(uploads, a.router, r)
	switch {
	case found:
		return a.download(r, host, port, rule)
	case ambiguous:
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
