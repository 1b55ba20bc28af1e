package routeros

import (
	"net/netip"
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
