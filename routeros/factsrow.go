package routeros

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
)

func (f *Facts) takeResource(v Values) {
	f.Version = clean(v["version"])
	f.Board, f.Architecture = clean(v["board-name"]), clean(v["architecture-name"])
	f.Uptime, _ = parseDuration(v["uptime"])
}

func (f *Facts) takeInterface(v Values) {
	f.Interfaces = append(f.Interfaces, Interface{
		Index: indexOf(v[".id"]), Name: clean(v["name"]), Type: clean(v["type"]),
		Running: isYes(v["running"]), Disabled: isYes(v["disabled"]),
		RxBytes: number(v["rx-byte"]), TxBytes: number(v["tx-byte"]),
	})
}

// indexOf is the ifIndex in an item's number: *D is 13, as a project that reads
// both SNMP and the API found. 0 when it is none.
func indexOf(id string) uint32 {
	digits, ok := strings.CutPrefix(id, "*")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil {
		return 0
	}
	return uint32(n)
}

// number reads a counter; some versions group digits by spaces.
func number(text string) uint64 {
	n, _ := strconv.ParseUint(strings.ReplaceAll(text, " ", ""), 10, 64)
	return n
}

func (f *Facts) takeMember(v Values) {
	if list, member := clean(v["list"]), clean(v["interface"]); list != "" && member != "" && !isYes(v["disabled"]) {
		f.Lists[list] = append(f.Lists[list], member)
	}
}

func (f *Facts) takeAddress(v Values) {
	prefix, err := netip.ParsePrefix(v["address"])
	if err != nil { // IPv6 ones may lack the length, and a pool may not be there yet
		addr, err := netip.ParseAddr(v["address"])
		if err != nil {
			return
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if isYes(v["disabled"]) || isYes(v["invalid"]) {
		return
	}
	network, _ := netip.ParseAddr(v["network"])
	f.Addresses = append(f.Addresses, Address{
		Prefix: prefix, Network: network, Dynamic: isYes(v["dynamic"]),
		Interface: clean(cmp.Or(v["actual-interface"], v["interface"])), // that of a bridge, when a port of it is named
	})
}

func (f *Facts) takeDefault(v Values) {
	if route, ok := takeRoute(v); ok && route.Dst.Bits() == 0 {
		f.Defaults = append(f.Defaults, route)
	}
}

func (f *Facts) takeStatic(v Values) {
	if route, ok := takeRoute(v); ok && route.Dst.Bits() > 0 {
		f.Static = append(f.Static, route)
	}
}

func takeRoute(v Values) (Route, bool) {
	dst, err := netip.ParsePrefix(v["dst-address"])
	if err != nil || isYes(v["disabled"]) || isYes(v["blackhole"]) || v["type"] != "" && v["type"] != "unicast" {
		return Route{}, false
	}
	return Route{Dst: dst.Masked(), Gateway: clean(v["gateway"]), Interface: outOf(v), Active: isYes(v["active"])}, true
}

// outOf is the interface that a route leads out of: RouterOS 7 says
// immediate-gw=192.0.2.1%ether1, RouterOS 6 gateway-status="192.0.2.1 reachable
// via  ether1", and both an interface's name as gateway of a point-to-point link.
func outOf(v Values) string {
	for _, text := range []string{v["immediate-gw"], v["gateway"]} {
		if _, name, ok := strings.Cut(text, "%"); ok {
			return clean(name)
		}
	}
	if _, name, ok := strings.Cut(v["gateway-status"], " via "); ok {
		name, _, _ = strings.Cut(strings.TrimSpace(name), ",")
		return clean(name)
	}
	return ""
}

// towards is the interface that a gateway is reached by: its own name, or that
// of the network it is in.
func (f *Facts) towards(gateway string) string {
	gateway, _, _ = strings.Cut(gateway, ",")
	addr, err := netip.ParseAddr(gateway)
	if err != nil {
		for i := range f.Interfaces {
			if f.Interfaces[i].Name == gateway {
				return gateway
			}
		}
		return ""
	}
	for _, a := range f.Addresses {
		if a.Prefix.Masked().Contains(addr) || a.Network == addr {
			return a.Interface
		}
	}
	return ""
}

func (f *Facts) takeNAT(v Values) {
	action := v["action"]
	if isYes(v["disabled"]) || action != "masquerade" && action != "src-nat" {
		return
	}
	f.NAT = append(f.NAT, NAT{
		Action: action, OutInterface: clean(v["out-interface"]),
		OutInterfaceList: clean(v["out-interface-list"]), DstAddress: clean(v["dst-address"]),
	})
}

func (f *Facts) takeFastTrack(v Values) {
	if !isYes(v["disabled"]) {
		f.FastTrack++
	}
}

func (f *Facts) takeLease(v Values) {
	addr, err := netip.ParseAddr(cmp.Or(v["active-address"], v["address"]))
	if err != nil || isYes(v["disabled"]) {
		return
	}
	f.Leases = append(f.Leases, Lease{
		Address: addr, MAC: clean(cmp.Or(v["active-mac-address"], v["mac-address"])),
		HostName: clean(v["host-name"]), Comment: clean(v["comment"]),
		Dynamic: isYes(v["dynamic"]), Bound: v["status"] == "bound",
	})
}

func (f *Facts) takeNeighbour(v Values) {
	addr, err := netip.ParseAddr(v["address"])
	if err != nil || v["mac-address"] == "" || isYes(v["disabled"]) {
		return
	}
	f.ARP = append(f.ARP, Neighbour{Address: addr, MAC: clean(v["mac-address"]), Interface: clean(v["interface"])})
}

func (f *Facts) takeListEntry(v Values) {
	if !isYes(v["disabled"]) {
		f.AddressLists = append(f.AddressLists, ListEntry{List: clean(v["list"]), Address: clean(v["address"])})
	}
}
