package routeros

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

const (
	menuAddressList  = "/ip/firewall/address-list"
	menuAddressList6 = "/ipv6/firewall/address-list"
)

// listComment marks the entries of address lists that are ours.
const listComment = "nfacct"

// maxListName is more than anybody types into a firewall rule.
const maxListName = 100

// ListPlan is what makes a firewall address list hold some hosts.
type ListPlan struct {
	Plan
	// Kept is how many entries of ours stay though their hosts are not wanted, Others
	// how many are somebody else's.
	Kept, Others int
}

// PlanAddressList plans that a firewall address list holds these hosts, those of
// IPv6 on the list of that name under /ipv6. Ours are the entries that bear
// nfacct's comment; those of hosts that are not among them go, unless keep says
// that more hosts belong there than are known. Entries of others stay: a host that
// one of them names needs none of ours, and one that is switched off says that its
// host is to be left alone.
func (d *Device) PlanAddressList(ctx context.Context, list string, hosts []netip.Addr, keep bool) (ListPlan, error) {
	var plan ListPlan
	for _, family := range []struct {
		menu string
		is   func(netip.Addr) bool
	}{{menuAddressList, netip.Addr.Is4}, {menuAddressList6, netip.Addr.Is6}} {
		var wanted []netip.Addr
		for _, host := range hosts {
			if host = host.Unmap().WithZone(""); host.IsValid() && family.is(host) {
				wanted = append(wanted, host)
			}
		}
		entries, err := d.print(ctx, family.menu, "?=list="+list)
		switch {
		case absent(err) && family.menu == menuAddressList6:
			if len(wanted) > 0 {
				plan.note("this router has no %s (no package for IPv6?): %d IPv6 hosts are not listed", typed(family.menu), len(wanted))
			}
			continue
		case err != nil:
			return plan, err
		}
		plan.list(family.menu, list, entries, sorted(wanted, netip.Addr.Compare), keep)
	}
	return plan, nil
}

// list plans one of the two menus. What goes comes first: RouterOS refuses a
// second entry of the same address.
func (p *ListPlan) list(menu, list string, entries []Values, hosts []netip.Addr, keep bool) {
	listed, ours := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	change := func(verb string) Change {
		return Change{Menu: menu, Verb: verb, among: []string{"?=list=" + list}}
	}
	for _, entry := range entries {
		host := entryHost(entry)
		wanted := slices.Contains(hosts, host)
		off := isYes(entry["disabled"])
		switch {
		case entry["comment"] != listComment:
			p.Others++
			if wanted && off {
				p.note("%s is over quota, and its entry on %s is switched off by somebody else: it stays so", host, list)
			}
			listed[host] = listed[host] || wanted
		case wanted && !off && !ours[host], keep && !wanted:
			listed[host], ours[host] = true, true
			if !wanted {
				p.Kept++
			}
		default:
			remove := change("remove")
			remove.ID = entry[".id"]
			remove.find = "list=" + quote(list) + " address=" + quote(entry["address"]) + " comment=" + listComment
			p.Changes = append(p.Changes, remove)
		}
	}
	for _, host := range hosts {
		if listed[host] {
			continue
		}
		add := change("add")
		add.Settings = []Setting{{Key: "list", Value: list}, {Key: "address", Value: host.String()}, {Key: "comment", Value: listComment}}
		p.Changes = append(p.Changes, add)
	}
}

// entryHost is the host of an entry: an address, which RouterOS writes with its
// length in the list of IPv6. The zero one is a network, a range or a name.
func entryHost(entry Values) netip.Addr {
	return parseAddr(strings.TrimSuffix(strings.TrimSuffix(entry["address"], "/32"), "/128"))
}
