package routeros

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Facts are what a router knows of itself and of its networks. Texts are cleaned:
// a name can be shown, but is not always the router's own bytes.
type Facts struct {
	Read         time.Time     `json:"read"`
	Identity     string        `json:"identity"`
	Version      string        `json:"version"` // as in 7.10 (stable)
	Board        string        `json:"board"`
	Serial       string        `json:"serial,omitempty"` // of the board; "" where it has none, as a virtual router
	Architecture string        `json:"architecture"`
	Uptime       time.Duration `json:"uptime"` // nanoseconds

	Interfaces []Interface         `json:"interfaces"`
	Lists      map[string][]string `json:"interface_lists"` // members by list
	Addresses  []Address           `json:"addresses"`
	Defaults   []Route             `json:"default_routes"` // not disabled; inactive ones are spare uplinks
	Static     []Route             `json:"static_routes"`  // configured by hand, not default
	NAT        []NAT               `json:"nat"`            // source NAT that is not disabled
	FastTrack  int                 `json:"fasttrack"`      // rules that are not disabled
	Flow       State               `json:"traffic_flow"`
	Leases     []Lease             `json:"leases"`
	ARP        []Neighbour         `json:"arp"`
	// AddressLists are the entries of firewall address lists.
	AddressLists []ListEntry `json:"address_lists"`

	// Missing says what could not be read, by menu.
	Missing map[string]string `json:"missing,omitempty"`
}

// Interface is an interface with its counters since the router started.
type Interface struct {
	Index    uint32 `json:"ifindex"` // the number in flow records; 0 not known
	Name     string `json:"name"`
	Type     string `json:"type"`
	Running  bool   `json:"running"`
	Disabled bool   `json:"disabled"`
	RxBytes  uint64 `json:"rx_bytes"` // layer 2, into the router
	TxBytes  uint64 `json:"tx_bytes"`
}

// Address is an address of the router itself.
type Address struct {
	Prefix    netip.Prefix `json:"prefix"`  // the address, and the length of its network
	Network   netip.Addr   `json:"network"` // of a point-to-point link: the other end
	Interface string       `json:"interface"`
	Dynamic   bool         `json:"dynamic"`
}

// Route is one route.
type Route struct {
	Dst       netip.Prefix `json:"dst"`
	Gateway   string       `json:"gateway"`
	Interface string       `json:"interface"` // "" when not known
	Active    bool         `json:"active"`
}

// NAT is a rule that translates sources.
type NAT struct {
	Action           string `json:"action"` // masquerade or src-nat
	OutInterface     string `json:"out_interface,omitempty"`
	OutInterfaceList string `json:"out_interface_list,omitempty"`
	DstAddress       string `json:"dst_address,omitempty"`
}

// Lease is what the DHCP server gave a host.
type Lease struct {
	Address  netip.Addr `json:"address"`
	MAC      string     `json:"mac"`
	HostName string     `json:"host_name"` // what the host calls itself
	Comment  string     `json:"comment"`   // what the administrator calls it
	Dynamic  bool       `json:"dynamic"`
	Bound    bool       `json:"bound"`
}

// Neighbour is an entry of the ARP table.
type Neighbour struct {
	Address   netip.Addr `json:"address"`
	MAC       string     `json:"mac"`
	Interface string     `json:"interface"`
}

// ListEntry is an entry of a firewall address list.
type ListEntry struct {
	List    string `json:"list"`
	Address string `json:"address"` // an address, a network, a range or a name
}

const menuBoard = "/system/routerboard"

// need is how much a menu is needed.
type need uint8

const (
	may  need = iota // noted when missing
	must             // its lack is an error
	long             // as may, and left out of the outline
)

// Facts reads all that the router knows. A menu that this version does not have, or
// that the user may not read, is noted in Missing; identity, version, interfaces
// and addresses have to be readable.
func (d *Device) Facts(ctx context.Context) (*Facts, error) { return d.facts(ctx, true) }

// Outline reads what provisioning needs: Facts without leases, neighbours and
// address lists, which may be long.
func (d *Device) Outline(ctx context.Context) (*Facts, error) { return d.facts(ctx, false) }

func (d *Device) facts(ctx context.Context, all bool) (*Facts, error) {
	f := &Facts{Read: time.Now(), Lists: map[string][]string{}, Missing: map[string]string{}}
	state, err := d.State(ctx)
	if err != nil {
		return nil, err
	}
	f.Flow = *state
	f.Version = state.Version
	for _, menu := range []struct {
		path  string
		words []string
		need  need
		take  func(*Facts, Values)
	}{
		{"/system/identity", nil, must, func(f *Facts, v Values) { f.Identity = clean(v["name"]) }},
		{"/system/resource", nil, must, (*Facts).takeResource},
		{menuBoard, nil, may, func(f *Facts, v Values) { f.Serial = clean(v["serial-number"]) }},
		{"/interface", nil, must, (*Facts).takeInterface},
		{"/interface/list/member", nil, may, (*Facts).takeMember},
		{"/ip/address", nil, must, (*Facts).takeAddress},
		{"/ipv6/address", nil, may, (*Facts).takeAddress},
		{"/ip/route", []string{"?=dst-address=0.0.0.0/0"}, may, (*Facts).takeDefault},
		{"/ipv6/route", []string{"?=dst-address=::/0"}, may, (*Facts).takeDefault},
		// Only what was configured: a router of a provider has a million others.
		{"/ip/route", []string{"?=static=true"}, may, (*Facts).takeStatic},
		{"/ip/firewall/nat", []string{"?=chain=srcnat"}, may, (*Facts).takeNAT},
		{"/ip/firewall/filter", []string{"?=action=fasttrack-connection"}, may, (*Facts).takeFastTrack},
		{"/ip/dhcp-server/lease", nil, long, (*Facts).takeLease},
		{"/ip/arp", []string{"=.proplist=address,mac-address,interface,complete,disabled"}, long, (*Facts).takeNeighbour},
		// Last: block lists can be larger than we hold, and end the connection.
		{"/ip/firewall/address-list", []string{"=.proplist=list,address,disabled"}, long, (*Facts).takeListEntry},
	} {
		if menu.need == long && !all {
			continue
		}
		if d.broken != nil { // by an answer that was too large
			f.Missing[menu.path] = "not asked: the connection was over"
			continue
		}
		items, err := d.print(ctx, menu.path, menu.words...)
		var de *DeviceError
		switch {
		case err == nil:
		case menu.path == menuBoard && absent(err): // a virtual router
		case menu.need != must && (errors.Is(err, errTooLarge) || errors.As(err, &de) && !de.Fatal && !de.Cut):
			f.Missing[menu.path] = clean(errors.Unwrap(err).Error())
		default:
			return nil, err
		}
		for _, item := range items {
			menu.take(f, item)
		}
	}
	return f.tidy(), nil
}

// decisive are the menus that tell outside from inside.
var decisive = []string{
	"/interface", "/interface/list/member", "/ip/address", "/ipv6/address", "/ip/route", "/ipv6/route", "/ip/firewall/nat",
}

// Unread are the menus that could not be read though this version has them, of
// those that Uplinks, Inside and InnerRouters are concluded from: while there are
// any, these conclusions may be wrong.
func (f *Facts) Unread() []string {
	var unread []string
	for _, menu := range decisive {
		if problem, missing := f.Missing[menu]; missing && !strings.Contains(strings.ToLower(problem), wordsNoCommand) {
			unread = append(unread, typed(menu))
		}
	}
	return unread
}

// tidy puts things into an order that does not depend on the router's.
func (f *Facts) tidy() *Facts {
	for i := range f.Defaults {
		f.Defaults[i].Interface = cmp.Or(f.Defaults[i].Interface, f.towards(f.Defaults[i].Gateway))
	}
	for i := range f.Static {
		f.Static[i].Interface = cmp.Or(f.Static[i].Interface, f.towards(f.Static[i].Gateway))
	}
	slices.SortFunc(f.Interfaces, func(a, b Interface) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Name, b.Name))
	})
	for _, list := range f.Lists {
		slices.Sort(list)
	}
	return f
}

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
