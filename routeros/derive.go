package routeros

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Uplinks are the interfaces that lead outside: those of the default routes,
// spare ones too, and where source NAT names an interface list that one of them
// is in, all of that list. Without a default route it is those that masquerade
// rules for any destination name.
func (f *Facts) Uplinks() []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, route := range f.Defaults {
		add(route.Interface)
	}
	routed := slices.Clone(names)
	for _, nat := range f.NAT {
		if len(routed) == 0 {
			if nat.DstAddress == "" {
				add(nat.OutInterface)
				for _, member := range f.Lists[nat.OutInterfaceList] {
					add(member)
				}
			}
			continue
		}
		list := f.Lists[nat.OutInterfaceList]
		if slices.ContainsFunc(list, func(name string) bool { return slices.Contains(routed, name) }) {
			for _, member := range list {
				add(member)
			}
		}
	}
	slices.Sort(names)
	return names
}

// WAN are the ifIndex numbers of the uplinks.
func (f *Facts) WAN() []uint32 {
	names := f.Uplinks()
	var indexes []uint32
	for _, face := range f.Interfaces {
		if face.Index != 0 && slices.Contains(names, face.Name) {
			indexes = append(indexes, face.Index)
		}
	}
	slices.Sort(indexes)
	return slices.Compact(indexes)
}

// Inside are the networks on the other interfaces, and those that static routes
// lead to by them. Without an uplink nothing can be told apart, and there are none.
func (f *Facts) Inside() []netip.Prefix {
	uplinks := f.Uplinks()
	if len(uplinks) == 0 {
		return nil
	}
	var inside []netip.Prefix
	for _, a := range f.Addresses {
		addr := a.Prefix.Addr()
		if slices.Contains(uplinks, a.Interface) || addr.IsLoopback() || addr.IsLinkLocalUnicast() || a.Prefix.Bits() == 0 {
			continue
		}
		network := a.Prefix.Masked()
		if a.Prefix.IsSingleIP() {
			if !a.Network.IsValid() || a.Network == addr || a.Network.IsUnspecified() {
				continue // an address of the router's own and nobody else's
			}
			network = netip.PrefixFrom(a.Network, a.Network.BitLen()) // the other end of a tunnel
		}
		inside = append(inside, network)
	}
	for _, route := range f.inner() {
		inside = append(inside, route.Dst)
	}
	return sorted(inside, netip.Prefix.Compare)
}

// inner are the routes to networks behind other routers inside. What is wider
// than 10.0.0.0/8 is the half of the world that a VPN takes over.
func (f *Facts) inner() []Route {
	uplinks := f.Uplinks()
	return slices.DeleteFunc(slices.Clone(f.Static), func(r Route) bool {
		return r.Interface == "" || r.Dst.Bits() < 8 || slices.Contains(uplinks, r.Interface)
	})
}

// InnerRouters are the gateways of networks inside: as next hops of a download
// they say nothing about the host.
func (f *Facts) InnerRouters() []netip.Addr {
	var gateways []netip.Addr
	for _, route := range f.inner() {
		if addr, err := netip.ParseAddr(route.Gateway); err == nil && addr.Zone() == "" {
			gateways = append(gateways, addr)
		}
	}
	return sorted(gateways, netip.Addr.Compare)
}

// Own are the router's addresses.
func (f *Facts) Own() []netip.Addr {
	var own []netip.Addr
	for _, a := range f.Addresses {
		if addr := a.Prefix.Addr().WithZone(""); !addr.IsUnspecified() {
			own = append(own, addr)
		}
	}
	return sorted(own, netip.Addr.Compare)
}

// Sampling is how many packets each exported one stands for: (interval +
// space) / interval, 1 without sampling.
func (f *Facts) Sampling() float64 {
	interval, _ := strconv.ParseFloat(f.Flow.Flow["sampling-interval"], 64)
	space, _ := strconv.ParseFloat(f.Flow.Flow["sampling-space"], 64)
	if !isYes(f.Flow.Flow["packet-sampling"]) || interval <= 0 || space < 0 {
		return 1
	}
	return (interval + space) / interval
}

// ActiveTimeout is after how long the router exports a flow that goes on; 0 when it
// does not say.
func (f *Facts) ActiveTimeout() time.Duration {
	timeout, err := parseDuration(f.Flow.Flow["active-flow-timeout"])
	if err != nil {
		return 0
	}
	return timeout
}

func sorted[T comparable](list []T, compare func(a, b T) int) []T {
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}
