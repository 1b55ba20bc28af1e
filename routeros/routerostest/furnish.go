package routerostest

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nfacct/routeros/officetest"
)

// Names of the device's interfaces.
const (
	wanName  = "ether1"
	lanName  = "bridge"
	lan2Name = "vlan20-servers"
	wan2Name = "ether9"
)

// furnish gives a new device the configuration of its office.
func (d *Device) furnish() {
	version := d.cfg.Profile
	put := func(path string, pairs ...string) *item {
		m := d.menus[path]
		values := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				values[pairs[i]] = pairs[i+1]
			}
		}
		if m.single {
			for key, value := range values {
				m.items[0].values[key] = value
			}
			return m.items[0]
		}
		return m.insert(values)
	}
	put("/system/identity", "name", d.cfg.Name)
	put("/system/resource", "version", version.version(), "build-time", "2026-01-15 09:44:20", "factory-software", "6.40",
		"free-memory", "183894016", "total-memory", "268435456", "cpu", "ARM", "cpu-count", "2", "cpu-frequency", "800", "cpu-load", "3",
		"free-hdd-space", "98787328", "total-hdd-space", "134479872",
		"architecture-name", version.architecture(), "board-name", version.board(), "platform", "MikroTik")
	put("/system/routerboard", "routerboard", "true", "model", version.board(), "serial-number", d.cfg.Serial)
	put("/system/clock", "time-zone-name", d.office.Location().String())

	d.furnishAccess(put)
	d.furnishInterfaces(put)
	d.furnishAddresses(put)
	d.furnishFirewall(put)
	for i := range d.office.Hosts {
		d.lease(put, &d.office.Hosts[i])
	}
}

type putter func(path string, pairs ...string) *item

func (d *Device) furnishAccess(put putter) {
	for _, group := range []struct{ name, policy string }{
		{"read", "local,telnet,ssh,reboot,read,test,winbox,password,web,sniff,sensitive,api,romon"},
		{"write", "local,telnet,ssh,reboot,read,write,test,winbox,password,web,sniff,sensitive,api,romon"},
		{"full", "local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,sensitive,api,romon"},
	} {
		policy, _ := d.normalPolicies(&property{name: "policy"}, group.policy)
		put("/user/group", "name", group.name, "policy", policy)
	}
	put("/user", "name", d.cfg.User, "group", "full", "password", d.cfg.Password)
	bound := func(a netip.AddrPort) string { return strconv.Itoa(int(a.Port())) }
	cert := "none"
	if d.secure != nil && d.cfg.Certificate != NoCertificate {
		cert = "api"
		put("/certificate", "name", cert, "common-name", d.cfg.Name, "key-type", "rsa", "key-size", "2048", "trusted", "true", "private-key", "true")
	}
	for _, s := range []struct{ name, port, disabled string }{
		{"telnet", "23", "true"}, {"ftp", "21", "true"}, {"www", "80", "true"}, {"ssh", "22", "false"}, {"www-ssl", "443", "true"},
		{"api", bound(d.Addr()), strconv.FormatBool(d.plain == nil)}, {"winbox", "8291", "false"},
		{"api-ssl", bound(d.AddrTLS()), strconv.FormatBool(d.secure == nil)},
	} {
		i := put("/ip/service", "name", s.name, "port", s.port, "disabled", s.disabled)
		if strings.HasSuffix(s.name, "-ssl") {
			i.values["certificate"], i.values["tls-version"] = "none", "any"
			if s.name == "api-ssl" {
				i.values["certificate"] = cert
			}
		}
	}
}

func (d *Device) furnishInterfaces(put putter) {
	up := d.booted.Add(21 * time.Second)
	for _, i := range []struct {
		id       uint32
		name     string
		kind     string
		mac      [6]byte
		standard string
	}{
		{officetest.WAN, wanName, "ether", officetest.MACWAN(), "ether1"}, {3, "ether2", "ether", officetest.MACLAN(), "ether2"}, {4, "ether3", "ether", officetest.MACLAN(), "ether3"},
		{5, "ether4", "ether", officetest.MACLAN(), "ether4"}, {6, "ether5", "ether", officetest.MACLAN(), "ether5"},
		{officetest.LAN, lanName, "bridge", officetest.MACLAN(), ""}, {officetest.LAN2, lan2Name, "vlan", officetest.MACLAN(), ""}, {officetest.WAN2, wan2Name, "ether", officetest.MACWAN(), "ether9"},
	} {
		mac := i.mac
		mac[4] = byte(i.id)
		values := map[string]string{
			"name": i.name, "type": i.kind, "mtu": "1500", "actual-mtu": "1500", "l2mtu": "1596", "mac-address": macText(mac),
			"last-link-up-time": d.printMoment(up), "link-downs": "0", "rx-drop": "0", "tx-drop": "0", "rx-error": "0", "tx-error": "0",
			"running": "true",
		}
		if i.standard != "" {
			values["default-name"] = i.standard
		}
		d.menus["/interface"].insertAs(i.id, values)
	}
	lists := d.menus["/interface/list"]
	for at, name := range []string{"all", "none", "dynamic", "static"} {
		lists.insertAs(0x2000000+uint32(at), map[string]string{"name": name, "builtin": "true", "dynamic": "false"})
	}
	lists.next = 0
	for _, name := range []string{"WAN", "LAN"} {
		put("/interface/list", "name", name, "builtin", "false", "dynamic", "false", "comment", "defconf")
	}
	for _, m := range [][2]string{{"LAN", lanName}, {"LAN", lan2Name}, {"WAN", wanName}, {"WAN", wan2Name}} {
		put("/interface/list/member", "list", m[0], "interface", m[1], "dynamic", "false", "comment", "defconf")
	}
	for _, name := range []string{"ether2", "ether3", "ether4", "ether5"} {
		put("/interface/bridge/port", "interface", name, "bridge", lanName, "hw", "true", "hw-offload", "true")
	}
}

func (d *Device) furnishAddresses(put putter) {
	o := d.office
	at := func(a netip.Addr, p netip.Prefix, name, comment string) {
		put("/ip/address", "address", netip.PrefixFrom(a, p.Bits()).String(), "network", p.Masked().Addr().String(),
			"interface", name, "actual-interface", name, "invalid", "false", "dynamic", "false", "comment", comment)
	}
	outside := netip.PrefixFrom(o.Public, 24)
	at(o.Gateway, o.Inside[0], lanName, "defconf")
	at(officetest.Offset(o.Server, 1), o.Server, lan2Name, "servers")
	at(o.Public, outside, wanName, "")
	for _, addr := range d.cfg.Addresses {
		at(addr, netip.PrefixFrom(addr, addr.BitLen()), lanName, "")
	}
	if len(o.Inside) > 1 {
		put("/ipv6/address", "address", netip.PrefixFrom(o.Inside[1].Addr().Next(), 64).String(), "interface", lanName, "actual-interface", lanName,
			"invalid", "false", "dynamic", "false", "link-local", "false", "global", "true")
	}
	put("/ipv6/address", "address", "fe80::52:6fff:fe53:7/64", "interface", lanName, "actual-interface", lanName,
		"invalid", "false", "dynamic", "true", "link-local", "true", "global", "false")

	route := func(dst netip.Prefix, gateway, through, distance string, flags ...string) {
		menu := "/ip/route"
		if dst.Addr().Is6() {
			menu = "/ipv6/route"
		}
		pairs := []string{"dst-address", dst.String(), "gateway", gateway, "distance", distance, "active", "true"}
		for _, f := range flags {
			pairs = append(pairs, f, "true")
		}
		if d.cfg.Profile < V7_16 {
			if through != gateway {
				pairs = append(pairs, "gateway-status", gateway+" reachable via  "+through)
			}
		} else {
			hop := through
			if through != gateway {
				hop = gateway + "%" + through
			}
			pairs = append(pairs, "immediate-gw", hop, "routing-table", "main")
		}
		put(menu, pairs...)
	}
	route(netip.MustParsePrefix("0.0.0.0/0"), o.ISP.String(), wanName, "1", "static")
	route(o.Inside[0], lanName, lanName, "0", "connect", "dynamic")
	route(o.Server, lan2Name, lan2Name, "0", "connect", "dynamic")
	route(outside.Masked(), wanName, wanName, "0", "connect", "dynamic")

	if len(o.Inside) > 1 {
		route(netip.MustParsePrefix("::/0"), officetest.LinkLocal().String(), wanName, "1", "static")
		route(o.Inside[1], lanName, lanName, "0", "connect", "dynamic")
	}

	put("/ip/dhcp-server", "name", "defconf", "interface", lanName, "address-pool", "dhcp", "lease-time", "1h", "invalid", "false", "dynamic", "false")
	put("/ip/dhcp-server/network", "address", o.Inside[0].String(), "gateway", o.Gateway.String(), "dns-server", o.Gateway.String())
	put("/ip/arp", "address", o.ISP.String(), "mac-address", macText(officetest.MACISP()), "interface", wanName, "dynamic", "true", "complete", "true", "invalid", "false")
}

func (d *Device) furnishFirewall(put putter) {
	count := func(bytes, packets int) []string {
		return []string{"bytes", strconv.Itoa(bytes), "packets", strconv.Itoa(packets), "invalid", "false", "dynamic", "false"}
	}
	rule := func(path string, pairs ...string) { put(path, append(pairs, count(0, 0)...)...) }
	rule("/ip/firewall/filter", "chain", "input", "action", "accept", "connection-state", "established,related,untracked")
	rule("/ip/firewall/filter", "chain", "input", "action", "drop", "in-interface-list", "!LAN", "comment", "defconf: drop all not coming from LAN")
	if d.cfg.FastTrack {
		rule("/ip/firewall/filter", "chain", "forward", "action", "fasttrack-connection", "connection-state", "established,related", "comment", "defconf: fasttrack")
	}
	rule("/ip/firewall/filter", "chain", "forward", "action", "accept", "connection-state", "established,related,untracked")
	rule("/ip/firewall/nat", "chain", "srcnat", "action", "masquerade", "out-interface-list", "WAN", "comment", "defconf: masquerade")
	mail := d.office.Hosts[1].Addr.String()
	rule("/ip/firewall/nat", "chain", "dstnat", "action", "dst-nat", "protocol", "tcp", "dst-address", d.office.Public.String(), "dst-port", "25", "to-addresses", mail, "to-ports", "25")
	rule("/ip/firewall/nat", "chain", "dstnat", "action", "dst-nat", "protocol", "tcp", "dst-address", d.office.Public.String(), "dst-port", "8443", "to-addresses", mail, "to-ports", "443")
	for _, host := range d.office.Hosts {
		if host.Managed() {
			put("/ip/firewall/address-list", "list", "past-the-proxy", "address", host.Addr.String(), "dynamic", "false", "comment", host.Name)
		}
	}
	put("/ip/settings", "ipv4-fast-path-active", "false", "ipv4-fasttrack-active", strconv.FormatBool(d.cfg.FastTrack))
}

// lease is what the DHCP server and ARP know of a host. Servers have static
// leases, which say in their comments what they are.
func (d *Device) lease(put putter, host *officetest.Host) {
	address, mac := host.Addr.String(), macText(host.MAC)
	pairs := []string{"address", address, "mac-address", mac, "client-id", "1:" + strings.ToLower(mac), "address-lists", "", "server", "defconf", "dhcp-option", "",
		"status", "bound", "expires-after", "41m17s", "last-seen", "18m43s", "active-address", address, "active-mac-address", mac,
		"active-client-id", "1:" + strings.ToLower(mac), "active-server", "defconf", "host-name", host.Name, "radius", "false", "blocked", "false"}
	dynamic := !host.Fixed()
	if !dynamic {
		pairs = append(pairs, "comment", host.Name)
	}
	put("/ip/dhcp-server/lease", append(pairs, "dynamic", strconv.FormatBool(dynamic))...)
	put("/ip/arp", "address", address, "mac-address", mac, "interface", lanName, "DHCP", "true", "dynamic", "true", "complete", "true", "invalid", "false")
}

// Lease is what a host makes of the DHCP server's table when it asks for an address:
// RouterOS takes the name that it calls itself by as it comes, whatever bytes it has.
type Lease struct {
	Address, MAC      string
	HostName, Comment string
	// Waiting is one that is configured and that nobody has at the moment.
	Waiting bool
}

// Lease adds a lease, beside what there is of the same address.
func (d *Device) Lease(l Lease) {
	status, active := "bound", l.Address
	if l.Waiting {
		status, active = "waiting", ""
	}
	values := map[string]string{"address": l.Address, "mac-address": l.MAC, "server": "defconf", "status": status, "dynamic": strconv.FormatBool(!l.Waiting)}
	for name, value := range map[string]string{"active-address": active, "host-name": l.HostName, "comment": l.Comment} {
		if value != "" {
			values[name] = value
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.menus["/ip/dhcp-server/lease"].insert(values)
}

func macText(m [6]byte) string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", m[0], m[1], m[2], m[3], m[4], m[5])
}

// printUptime and what follows is computed when it is asked for.
func (d *Device) printUptime(*item) string {
	return formatDuration(d.cfg.Now().Sub(d.booted).Truncate(time.Second))
}

func (d *Device) here() time.Time { return d.cfg.Now().In(d.office.Location()) }

func (d *Device) printTime(*item) string { return d.here().Format(time.TimeOnly) }

func (d *Device) printDate(*item) string {
	return strings.ToLower(d.here().Format(d.dateLayout()))
}

func (d *Device) printOffset(*item) string { return d.here().Format("-07:00") }

// dateLayout is that of the version: nov/24/2026 up to 7.9, 2026-11-24 since.
func (d *Device) dateLayout() string {
	if d.cfg.Profile < V7_16 {
		return "Jan/02/2006"
	}
	return time.DateOnly
}

func (d *Device) printMoment(t time.Time) string {
	return strings.ToLower(t.In(d.office.Location()).Format(d.dateLayout() + " 15:04:05"))
}
