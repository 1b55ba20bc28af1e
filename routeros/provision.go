package routeros

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Provision is what is wanted of all routers, before what only one of them knows.
type Provision struct {
	// Collector is the address that routers send flows to; empty is the address
	// of this machine that the connection to each router has.
	Collector string `toml:"collector"`
	// Port of the collector; 0 is that of the first address it listens at.
	Port int `toml:"port"`
	// Version of the export: 5, 9 or ipfix.
	Version string `toml:"version"`
	// Interfaces are interfaces or interface lists, for routers that name none.
	// Empty: the list that the router's uplinks are in, or the uplinks.
	Interfaces []string `toml:"interfaces"`
	// ActiveTimeout is how often a flow that goes on is exported, 1s or more.
	// Counters of 32 bits wrap in 34 s at 1 Gbit/s.
	ActiveTimeout time.Duration `toml:"active_timeout"`
	// InactiveTimeout is when a flow without packets is over, 1s or more.
	InactiveTimeout time.Duration `toml:"inactive_timeout"`
	// TemplateRefresh is after how many datagrams templates come again.
	TemplateRefresh int `toml:"template_refresh"`
	// TemplateTimeout is after what time they come again.
	TemplateTimeout time.Duration `toml:"template_timeout"`
	// CacheEntries is the size of the flow cache, 1k to 32M; empty leaves it.
	CacheEntries string `toml:"cache_entries"`

	// Account is the name of a user and group of the least rights to make; empty: none.
	Account string `toml:"account"`
	// AccountPasswordFile holds the password for it.
	AccountPasswordFile string `toml:"account_password_file"`
	// OverQuotaList is the firewall address list that holds the hosts over quota on
	// every router; empty: none.
	OverQuotaList string `toml:"over_quota_list"`
	// OverQuotaUncounted fills the list also by flows that no interface counter of
	// their router confirms.
	OverQuotaUncounted bool `toml:"over_quota_uncounted"`

	// Timeout bounds one operation with a router.
	Timeout time.Duration `toml:"timeout"`
	// Deadline bounds all that is done with one router.
	Deadline time.Duration `toml:"deadline"`
	// Parallel is how many routers are begun at once; one that takes longer
	// than a second gives its place to the next.
	Parallel int `toml:"parallel"`
}

// DefaultProvision exports version 9 of the uplinks, each minute.
func DefaultProvision() Provision {
	return Provision{
		Version: "9", Interfaces: []string{}, ActiveTimeout: time.Minute, InactiveTimeout: 15 * time.Second,
		TemplateRefresh: 20, TemplateTimeout: time.Minute,
		Timeout: DefaultTimeout, Deadline: time.Minute, Parallel: 32,
	}
}

// cacheSizes are the values of cache-entries.
var cacheSizes = []string{"1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k", "256k", "512k", "1M", "2M", "4M", "8M", "16M", "32M"}

// maxTimeout is RouterOS's own: 7101w3d6h28m15s, 32 bits of seconds.
const maxTimeout = (1<<32 - 1) * time.Second

// Check calls report for each value that cannot work.
func (p Provision) Check(report func(key, problem, remedy string)) {
	if p.Collector != "" {
		if addr, err := netip.ParseAddr(p.Collector); err != nil || addr.IsUnspecified() || addr.Zone() != "" || addr.IsMulticast() {
			report("collector", fmt.Sprintf("%q is not an address that routers can send to", p.Collector), `write the address of this machine as the routers see it, such as "192.168.88.10", or leave it empty`)
		}
	}
	if p.Port < 0 || p.Port > 65535 {
		report("port", fmt.Sprintf("%d is not a port", p.Port), "write 1 to 65535, or 0 for that of collector.listen")
	}
	if !slices.Contains([]string{"5", "9", "ipfix"}, p.Version) {
		report("version", fmt.Sprintf("%q is no version of flow export", p.Version), `write "9", "ipfix" or "5"; 5 has no NAT fields`)
	}
	for _, name := range p.Interfaces {
		if name == "" || strings.Contains(name, ",") {
			report("interfaces", fmt.Sprintf("%q is not the name of an interface or of an interface list", name), `write for example interfaces = ["WAN"]`)
		}
	}
	for _, timeout := range []struct {
		key string
		is  time.Duration
	}{{"active_timeout", p.ActiveTimeout}, {"inactive_timeout", p.InactiveTimeout}, {"template_timeout", p.TemplateTimeout}} {
		if timeout.is < time.Second || timeout.is > maxTimeout || timeout.is%time.Second != 0 {
			report(timeout.key, fmt.Sprintf("%s is not a time that RouterOS takes", timeout.is), "write whole seconds, such as \"15s\" or \"1m\"")
		}
	}
	if p.TemplateRefresh < 1 {
		report("template_refresh", fmt.Sprintf("%d datagrams", p.TemplateRefresh), "write 1 or more; 20 is RouterOS's own")
	}
	if p.CacheEntries != "" && !slices.Contains(cacheSizes, p.CacheEntries) {
		report("cache_entries", fmt.Sprintf("%q is not a size that RouterOS takes", p.CacheEntries), "write one of "+strings.Join(cacheSizes, " ")+", or leave it empty")
	}
	if list := p.OverQuotaList; list != clean(list) || len(list) > maxListName {
		report("over_quota_list", fmt.Sprintf("%q is not a name for an address list", list), `write for example "over-quota"`)
	}
	if p.Account == "" && p.AccountPasswordFile != "" {
		report("account_password_file", "no account is named", `write account = "nfacct", or leave it out`)
	}
	for _, bound := range []struct {
		key string
		is  time.Duration
	}{{"timeout", p.Timeout}, {"deadline", p.Deadline}} {
		if bound.is < 100*time.Millisecond || bound.is > time.Hour {
			report(bound.key, fmt.Sprintf("%s for a router to answer", bound.is), "write for example \"10s\"")
		}
	}
	if p.Parallel < 1 || p.Parallel > 1000 {
		report("parallel", fmt.Sprintf("%d routers at a time", p.Parallel), "write 1 to 1000")
	}
}

// Wanted is what is wanted of one router, all of it known.
type Wanted struct {
	Collector  netip.AddrPort
	Source     netip.Addr // of the datagrams; zero leaves it to the router
	Interfaces []string   // none: as found
	Provision
	// Notes say what could not be known.
	Notes []string
}

// For settles what is wanted of a router: port is the collector's, local this
// machine's address as the router sees it, export the addresses that datagrams of
// this router are expected from.
func (p Provision) For(c Config, f *Facts, local netip.Addr, port uint16, export []netip.Addr) Wanted {
	w := Wanted{Provision: p}
	if p.Collector != "" {
		local, _ = netip.ParseAddr(p.Collector)
	}
	if p.Port != 0 {
		port = uint16(p.Port)
	}
	w.Collector = netip.AddrPortFrom(local.Unmap(), port)
	own := f.Own()
	for _, addr := range export {
		if slices.Contains(own, addr.Unmap()) && addr.Is4() == w.Collector.Addr().Is4() {
			w.Source = addr.Unmap()
			break
		}
	}
	if !w.Source.IsValid() {
		w.Notes = append(w.Notes, "none of the addresses in export is the router's own, so src-address is left as it is: translated on the way?")
	}
	switch {
	case len(c.Interfaces) > 0:
		w.Interfaces = c.Interfaces
	case len(p.Interfaces) > 0:
		w.Interfaces = p.Interfaces
	case len(f.Unread()) > 0:
		w.Notes = append(w.Notes, fmt.Sprintf("%s could not be read, so which interfaces lead outside is not sure and interfaces is left as it is: run it again, or name them in the router's interfaces", strings.Join(f.Unread(), ", ")))
	default:
		w.Interfaces = f.watch()
		if len(w.Interfaces) == 0 {
			w.Notes = append(w.Notes, "no default route tells which interfaces lead outside, so interfaces is left as it is: name them in the router's interfaces")
		}
	}
	return w
}

// watch are the interfaces to export: the interface list of source NAT that the
// uplinks make up, else the uplinks.
func (f *Facts) watch() []string {
	uplinks := f.Uplinks()
	for _, nat := range f.NAT {
		if list := nat.OutInterfaceList; len(uplinks) > 0 && list != "" && slices.Equal(members(strings.Join(f.Lists[list], ",")), uplinks) {
			return []string{list}
		}
	}
	return uplinks
}
