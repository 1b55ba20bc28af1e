// Package routers carries what routers say of themselves into the archive, and back as
// the history that their records are attributed by.
package routers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/routeros"
)

// Sources of host names that routers give.
const (
	nameOfLease   = "lease"   // from the host itself
	nameOfComment = "comment" // from the administrator
)

// Router is a configured router: how it is reached, and how it is accounted.
type Router struct {
	API       routeros.Config
	Accounted importer.Router
}

// Keeper keeps the facts of routers in an archive.
type Keeper struct {
	Archive *archive.Archive
	// Lists are the address lists to keep. Lists of blocked addresses are long and
	// change by the minute, so the others are left out.
	Lists []string
	// Parallel is how many routers are asked at a time, Deadline how long one may take.
	Parallel int
	Deadline time.Duration
	Log      *slog.Logger
}

// Refresh reads the facts of routers and keeps them. A router's error stands at its
// place.
func (k *Keeper) Refresh(ctx context.Context, list []Router) []error {
	failed := make([]error, len(list))
	routeros.Each(ctx, len(list), k.Parallel, k.Deadline, func(reading context.Context, i int) {
		var facts *routeros.Facts
		failed[i] = routeros.Use(reading, list[i].API, k.Log, func(ctx context.Context, d *routeros.Device) (err error) {
			facts, err = d.Facts(ctx)
			return err
		})
		if failed[i] == nil {
			failed[i] = k.Keep(ctx, list[i].Accounted, facts)
		}
	})
	return failed
}

// Keep notes what a router said, as true from then on. Where that is not enough to
// tell outside from inside, the networks known before stay.
func (k *Keeper) Keep(ctx context.Context, router importer.Router, f *routeros.Facts) error {
	db, wan, names := k.Archive, f.WAN(), interfaceNames(f)
	// Flows are held against the interfaces that they are accounted by.
	counted := first(first(attribution.Indexes(router.Uplinks, names, f.Lists), router.WAN), wan)
	var counters []archive.Counter
	for _, face := range f.Interfaces {
		if face.Index != 0 && slices.Contains(counted, face.Index) {
			counters = append(counters, archive.Counter{Index: face.Index, RxBytes: face.RxBytes, TxBytes: face.TxBytes})
		}
	}
	k.tooLong(router, f)
	leases, comments := leaseNames(f.Leases)
	var noted error
	if unread := f.Unread(); len(unread) > 0 {
		k.Log.Warn("the router's networks are not noted: some menus could not be read", "router", router.Name, "menus", strings.Join(unread, ", "))
	} else {
		noted = errors.Join(
			db.Routers().NoteFacts(ctx, router.Name, archive.RouterFacts{
				ValidFrom: f.Read, Version: f.Version, WAN: wan, Inside: f.Inside(), Own: f.Own(),
				InnerRouters: f.InnerRouters(), Sampling: f.Sampling(), ActiveTimeout: f.ActiveTimeout(),
			}),
			db.Routers().NoteCounters(ctx, router.Name, f.Read, f.Uptime, counters),
		)
	}
	return errors.Join(
		noted,
		db.Routers().NoteInterfaces(ctx, router.Name, names, f.Read),
		keepInterfaceLists(ctx, db, router.Name, f),
		db.Routers().NoteHostNames(ctx, nameOfLease, leases, f.Read),
		db.Routers().NoteHostNames(ctx, nameOfComment, comments, f.Read),
		db.Routers().NoteLists(ctx, router.Name, k.addressLists(f), f.Read),
	)
}

// addressLists are the members of the lists to keep; nil when they are not known,
// which is not empty.
func (k *Keeper) addressLists(f *routeros.Facts) map[string][]string {
	if _, unread := f.Missing["/ip/firewall/address-list"]; unread {
		return nil
	}
	lists := map[string][]string{}
	for _, name := range k.Lists {
		lists[name] = nil
	}
	for _, entry := range f.AddressLists {
		if _, wanted := lists[entry.List]; wanted {
			lists[entry.List] = append(lists[entry.List], entry.Address)
		}
	}
	return lists
}

// interfaceNames are the names of a router's interfaces by ifIndex.
func interfaceNames(f *routeros.Facts) map[uint32]string {
	names := map[uint32]string{}
	for _, face := range f.Interfaces {
		if face.Index != 0 {
			names[face.Index] = archive.Clean(face.Name)
		}
	}
	return names
}

// tooLong names the lists of wan that have more members than are kept, so that the
// router's uplinks would be those that it takes for them itself.
func (k *Keeper) tooLong(router importer.Router, f *routeros.Facts) {
	for _, u := range router.Uplinks {
		if n := len(f.Lists[u.Name]); n > archive.MostMembers {
			k.Log.Warn(fmt.Sprintf("an interface list of wan has %d members, and up to %d are kept: it is left out; write the names of the uplinks to wan", n, archive.MostMembers), "router", router.Name, "list", u.Name)
		}
	}
}

func keepInterfaceLists(ctx context.Context, db *archive.Archive, router string, f *routeros.Facts) error {
	if _, unread := f.Missing["/interface/list/member"]; unread {
		return nil // not known is not empty
	}
	return db.Routers().NoteInterfaceLists(ctx, router, f.Lists, f.Read)
}

// leaseNames are the names from the hosts themselves, and from the administrator. If
// an address has several leases, the bound one names the host: another computer's
// comment would be a wrong name. The first of several bound ones counts, so that
// names stay the same from reading to reading.
func leaseNames(list []routeros.Lease) (leases, comments map[netip.Addr]string) {
	leases, comments = map[netip.Addr]string{}, map[netip.Addr]string{}
	bound := map[netip.Addr]bool{}
	for _, lease := range list {
		bound[lease.Address] = bound[lease.Address] || lease.Bound
	}
	note := func(names map[netip.Addr]string, addr netip.Addr, name string) {
		if name = archive.Clean(name); name != "" && names[addr] == "" {
			names[addr] = name
		}
	}
	for _, lease := range list {
		if lease.Bound {
			note(leases, lease.Address, lease.HostName)
		}
		if lease.Bound == bound[lease.Address] {
			note(comments, lease.Address, lease.Comment)
		}
	}
	return leases, comments
}
