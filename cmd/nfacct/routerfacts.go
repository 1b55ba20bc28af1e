package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/collector/flow"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/report"
	"nfacct/routeros"
)

// Sources of host names that routers give.
const (
	nameOfLease   = "lease"   // what a host calls itself
	nameOfComment = "comment" // what the administrator calls it
)

// refreshRouters reads what routers know, at most so many at a time, and notes it
// in the archive. What failed is given by the router's place.
func (a *app) refreshRouters(ctx context.Context, cfg *config.Config, db *archive.Archive, routers []config.Router) []error {
	failed := make([]error, len(routers))
	routeros.Each(ctx, len(routers), cfg.Provision.Parallel, cfg.Provision.Deadline, func(reading context.Context, i int) {
		var facts *routeros.Facts
		failed[i] = routeros.Use(reading, routers[i].Config, a.log, func(ctx context.Context, d *routeros.Device) (err error) {
			facts, err = d.Facts(ctx)
			return err
		})
		if failed[i] == nil {
			failed[i] = a.noteFacts(ctx, db, cfg, routers[i].Name, facts)
		}
	})
	return failed
}

// noteFacts notes in the archive what a router said, as true from then on. Where
// what it said is not enough to tell outside from inside, what was known of that
// stays.
func (a *app) noteFacts(ctx context.Context, db *archive.Archive, cfg *config.Config, router string, f *routeros.Facts) error {
	wan := f.WAN()
	// Flows are held against the interfaces that they are accounted by.
	counted := wan
	names := interfaceNames(f)
	if i := slices.IndexFunc(cfg.Routers, func(r config.Router) bool { return r.Name == router }); i >= 0 {
		r := &cfg.Routers[i]
		counted = first(first(attribution.Indexes(r.Uplinks, names, f.Lists), r.WAN), wan)
	}
	var counters []archive.Counter
	for _, face := range f.Interfaces {
		if face.Index != 0 && slices.Contains(counted, face.Index) {
			counters = append(counters, archive.Counter{Index: face.Index, RxBytes: face.RxBytes, TxBytes: face.TxBytes})
		}
	}
	leases, comments := leaseNames(f.Leases)
	// Lists of blocked addresses are long and change by the minute: those that no
	// department or quota names are not noted.
	lists := map[string][]string{}
	for _, name := range cfg.Report.AddressLists() {
		lists[name] = nil
	}
	for _, entry := range f.AddressLists {
		if _, wanted := lists[entry.List]; wanted {
			lists[entry.List] = append(lists[entry.List], entry.Address)
		}
	}
	var noted error
	if unread := f.Unread(); len(unread) > 0 {
		a.log.Warn("the router's networks are not noted: some menus could not be read", "router", router, "menus", strings.Join(unread, ", "))
	} else {
		noted = errors.Join(
			db.NoteFacts(ctx, router, archive.RouterFacts{
				ValidFrom: f.Read, Version: f.Version, WAN: wan, Inside: f.Inside(), Own: f.Own(),
				InnerRouters: f.InnerRouters(), Sampling: f.Sampling(), ActiveTimeout: f.ActiveTimeout(),
			}),
			db.NoteCounters(ctx, router, f.Read, f.Uptime, counters),
		)
	}
	if _, unread := f.Missing["/ip/firewall/address-list"]; unread {
		lists = nil // not known is not empty
	}
	return errors.Join(
		noted,
		db.NoteInterfaces(ctx, router, names, f.Read),
		noteInterfaceLists(ctx, db, router, f),
		db.NoteHostNames(ctx, nameOfLease, leases, f.Read),
		db.NoteHostNames(ctx, nameOfComment, comments, f.Read),
		db.NoteLists(ctx, router, lists, f.Read),
	)
}

// interfaceNames are the names of a router's interfaces by ifIndex.
func interfaceNames(f *routeros.Facts) map[uint32]string {
	names := map[uint32]string{}
	for _, face := range f.Interfaces {
		if face.Index != 0 {
			names[face.Index] = report.Clean(face.Name)
		}
	}
	return names
}

func noteInterfaceLists(ctx context.Context, db *archive.Archive, router string, f *routeros.Facts) error {
	if _, unread := f.Missing["/interface/list/member"]; unread {
		return nil // not known is not empty
	}
	return db.NoteInterfaceLists(ctx, router, f.Lists, f.Read)
}

// leaseNames are what hosts call themselves, and what the administrator calls them.
// Of several leases of one address who has it now is the host: another computer's
// comment would be a wrong name. Of several such the first one counts, so that
// names stay the same from reading to reading.
func leaseNames(list []routeros.Lease) (leases, comments map[netip.Addr]string) {
	leases, comments = map[netip.Addr]string{}, map[netip.Addr]string{}
	bound := map[netip.Addr]bool{}
	for _, lease := range list {
		bound[lease.Address] = bound[lease.Address] || lease.Bound
	}
	note := func(names map[netip.Addr]string, addr netip.Addr, name string) {
		if name = report.Clean(name); name != "" && names[addr] == "" {
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

// routersJob is the daemon's job. A router that does not answer does not hold up the
// others, and is tried again.
func (a *app) routersJob(ctx context.Context, cfg *config.Config, db *archive.Archive, routers []config.Router) error {
	failed := a.refreshRouters(ctx, cfg, db, routers)
	for _, err := range failed {
		if errors.Is(err, archive.ErrUnavailable) {
			return err
		}
	}
	return routersError(routers, failed)
}

// routersError says in one error which routers failed, and why; nil when none did.
func routersError(routers []config.Router, failed []error) error {
	err := failedRouters(len(routers), func(i int) (string, bool) { return routers[i].Name, failed[i] != nil })
	if err == nil {
		return nil
	}
	return exit.With(exit.Code(err), fmt.Errorf("%w: %w", err, errors.Join(failed...)))
}

// dependsOnFacts says whether nothing can be imported without what routers say
// of themselves.
func dependsOnFacts(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Routers, func(r config.Router) bool { return r.Managed() && len(r.Inside) == 0 })
}

// importerRouter is a router for the importer: what the configuration says of it
// comes before what it said itself, at each time.
func (a *app) importerRouter(ctx context.Context, cfg *config.Config, db *archive.Archive, r *config.Router) (importer.Router, error) {
	router := r.Router
	router.Name, router.Export = r.Name, r.Export
	if !r.Managed() || db == nil {
		return router, nil
	}
	if _, err := os.Stat(routeros.SavedPath(savedFolder(cfg), r.Name)); err == nil { // provisioned by nfacct
		router.ActiveTimeout = cfg.Provision.ActiveTimeout
		router.Version = map[string]flow.Version{"5": flow.V5, "9": flow.V9, "ipfix": flow.IPFIX}[cfg.Provision.Version]
	}
	history, err := a.eras(ctx, db, r, router.ActiveTimeout)
	if err != nil {
		return router, err
	}
	if len(history) == 0 && len(r.Inside) == 0 {
		// The first import may come before the first reading.
		if err := a.refreshRouters(ctx, cfg, db, []config.Router{*r})[0]; err != nil {
			return router, temporaryError(fmt.Errorf("the networks of a router are not known yet, so nothing can be imported: write them to its inside, or: %w", err))
		}
		if history, err = a.eras(ctx, db, r, router.ActiveTimeout); err != nil {
			return router, err
		}
		if len(history) == 0 {
			return router, fmt.Errorf("router %s does not say which of its networks are inside, having no default route: write them to its inside", r.Name)
		}
	}
	router.History = history
	return router, nil
}

// eras are the times of a router; timeout is its active timeout where it does not say.
// Those in which it told too little are left out.
func (a *app) eras(ctx context.Context, db *archive.Archive, r *config.Router, timeout time.Duration) ([]importer.Since, error) {
	described, err := db.FactsOf(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	told := importer.Told{}
	for _, f := range described {
		era := importer.Since{From: f.ValidFrom, ActiveTimeout: cmp.Or(f.ActiveTimeout, timeout), Router: attribution.Router{
			WAN: first(r.WAN, f.WAN), Inside: first(r.Inside, f.Inside), Own: first(r.Own, f.Own),
			InnerRouters: first(r.InnerRouters, f.InnerRouters), Proxies: r.Proxies, Sampling: r.Sampling,
		}}
		if era.Sampling == 0 {
			era.Sampling = f.Sampling
		}
		sound := true
		era.Check(func(key, problem, _ string) {
			sound = false
			a.log.Debug("what the router said is left out", "router", r.Name, "from", f.ValidFrom, "key", key, "problem", problem)
		})
		if sound {
			told.Routers = append(told.Routers, era)
		}
	}
	names, err := db.InterfaceNames(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		told.Names = append(told.Names, importer.Named{From: n.From, Index: n.Index, Name: n.Name})
	}
	lists, err := db.InterfaceLists(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		told.Lists = append(told.Lists, importer.Listed{From: l.From, List: l.List, Members: l.Members})
	}
	return told.History(r.Uplinks), nil
}

// first is the first of two lists that says something.
func first[T any](configured, told []T) []T {
	if len(configured) > 0 {
		return configured
	}
	return told
}
