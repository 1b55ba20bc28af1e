package routeros

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
)

// Menus of flow export.
const (
	menuFlow   = "/ip/traffic-flow"
	menuTarget = "/ip/traffic-flow/target"
	menuIPFIX  = "/ip/traffic-flow/ipfix"
)

// State is what a router exports, in its own words. A property that its version
// does not have is not there.
type State struct {
	Version string   `json:"version"`
	Flow    Values   `json:"traffic_flow"`
	Targets []Values `json:"targets"`
	// IPFIX is nil where there is no such menu (RouterOS 5 and early 6).
	IPFIX Values `json:"ipfix"`
}

// State reads what the router exports.
func (d *Device) State(ctx context.Context) (*State, error) {
	s := &State{}
	resource, err := d.print(ctx, "/system/resource")
	if err != nil {
		return nil, err
	}
	if len(resource) > 0 {
		s.Version = clean(resource[0]["version"])
	}
	for _, menu := range []string{menuFlow, menuTarget, menuIPFIX} {
		items, err := d.print(ctx, menu)
		if menu == menuIPFIX && absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.take(menu, items)
	}
	return s, nil
}

// take puts what a menu said in its place.
func (s *State) take(menu string, items []Values) {
	one := Values{}
	if len(items) > 0 {
		one = items[0]
	}
	switch menu {
	case menuFlow:
		s.Flow = one
	case menuIPFIX:
		s.IPFIX = one
	case menuTarget:
		s.Targets = items
	}
}

// at are the targets that send to an address and port: a target has no comment
// and no name, so that is what tells ours from others.
func (s *State) at(to netip.AddrPort) []Values {
	var found []Values
	for _, target := range s.Targets {
		if destination(target) == to {
			found = append(found, target)
		}
	}
	return found
}

// destination is where a target sends to.
func destination(target Values) netip.AddrPort {
	port, _ := strconv.ParseUint(target["port"], 10, 16)
	return netip.AddrPortFrom(parseAddr(strings.TrimSpace(target["dst-address"])), uint16(port))
}

// Sends says whether there is a target to an address and port.
func (s *State) Sends(to netip.AddrPort) bool { return len(s.at(to)) > 0 }
