package routeros

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

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
			menu.take(f, d.cfg.decoded(item))
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
