package routerostest

import (
	"net/netip"

	"nfacct/routeros/officetest"
)

// uplink is the outside interface since it connected again.
type uplink struct {
	index  uint32 // 0: it never did
	public netip.Addr
}

// Reconnect gives the uplink another ifIndex and another address, as that of a PPPoE
// or L2TP client gets whenever it connects again: RouterOS makes such an interface
// anew, so its counters begin at 0. Flows that end from now on are exported with both.
func (d *Device) Reconnect(index uint32, public netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.uplink
	if was.index == 0 {
		was = uplink{officetest.WAN, d.office.Public}
	}
	faces := d.menus["/interface"]
	faces.byName(wanName).id = index
	faces.next = max(faces.next, index)
	delete(d.traffic, was.index)
	d.traffic[index] = &traffic{}
	for _, i := range d.menus["/ip/address"].items {
		if prefix := netip.MustParsePrefix(i.values["address"]); prefix.Addr() == was.public {
			given := netip.PrefixFrom(public, prefix.Bits())
			i.values["address"], i.values["network"] = given.String(), given.Masked().Addr().String()
		}
	}
	d.uplink = uplink{index, public}
	d.settings++ // traffic-flow watches another interface
}

// reconnected makes a record that of an uplink that connected again. d.mu is held.
func (d *Device) reconnected(r *officetest.Record) {
	if d.uplink.index == 0 {
		return
	}
	for _, index := range []*uint32{&r.InIf, &r.OutIf} {
		if *index == officetest.WAN {
			*index = d.uplink.index
		}
	}
	for _, addr := range []*netip.Addr{&r.Src, &r.Dst, &r.PostSrc, &r.PostDst} {
		if *addr == d.office.Public {
			*addr = d.uplink.public
		}
	}
}
