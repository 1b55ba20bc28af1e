package routerostest

// Constructors, to keep the tables readable.

func str(name, value string) *property  { return &property{name: name, value: value} }
func flag(name, value string) *property { return &property{name: name, kind: boolean, value: value} }
func of(k kind, name, value string) *property {
	return &property{name: name, kind: k, value: value}
}
func pick(name, value string, values ...string) *property {
	return &property{name: name, kind: choice, value: value, values: values}
}
func num(name, value string, least, most int64) *property {
	return &property{name: name, kind: number, value: value, least: least, most: most}
}
func span(name, value string, least, most int64) *property {
	return &property{name: name, kind: duration, value: value, least: least, most: most}
}
func shown(names ...string) (list []*property) {
	for _, name := range names {
		list = append(list, &property{name: name, fixed: true})
	}
	return list
}
func live(name string, f func(*Device, *item) string) *property {
	return &property{name: name, fixed: true, live: f}
}
func (p *property) from(version Profile) *property { p.since = version; return p }
func (p *property) must() *property                { p.needed = true; return p }

// together makes one list of properties and lists of them.
func together(parts ...any) (list []*property) {
	for _, part := range parts {
		switch part := part.(type) {
		case *property:
			list = append(list, part)
		case []*property:
			list = append(list, part...)
		}
	}
	return list
}

// ipfixFields are the toggles of /ip traffic-flow ipfix, in the order of print.
var ipfixFields = []string{
	"bytes", "dst-address", "dst-address-mask", "dst-mac-address", "dst-port", "first-forwarded",
	"gateway", "icmp-code", "icmp-type", "igmp-type", "in-interface", "ip-header-length",
	"ip-total-length", "ipv6-flow-label", "is-multicast", "last-forwarded", "nat-dst-address",
	"nat-dst-port", "nat-events", "nat-src-address", "nat-src-port", "out-interface", "packets",
	"protocol", "src-address", "src-address-mask", "src-mac-address", "src-port", "sys-init-time",
	"tcp-ack-num", "tcp-flags", "tcp-seq-num", "tcp-window-size", "tos", "ttl", "udp-length",
}

var cacheSizes = []string{
	"1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k", "256k", "512k", "1M", "2M", "4M", "8M", "16M", "32M",
}

// longest is the longest time of RouterOS, 7101w3d6h28m15s, in seconds.
const longest = 4294967295

// flowMenus are those of traffic-flow.
func flowMenus(version Profile) []*menu {
	var toggles []*property
	for _, name := range ipfixFields {
		toggle := flag(name, "true")
		switch name {
		case "nat-events":
			toggle = flag(name, "false").from(V6_49)
		case "sys-init-time":
			toggle = toggle.from(V6_49)
		}
		toggles = append(toggles, toggle)
	}
	return []*menu{
		{path: "/ip/traffic-flow", single: true, changed: (*Device).settingsChanged, properties: together(
			flag("enabled", "false"),
			of(interfaceSet, "interfaces", "all"),
			pick("cache-entries", version.cacheEntries(), cacheSizes...),
			span("active-flow-timeout", "30m", 1, longest),
			span("inactive-flow-timeout", "15s", 1, longest),
			flag("packet-sampling", "false").from(V6_49),
			num("sampling-interval", "0", 0, longest).from(V6_49),
			num("sampling-space", "0", 0, longest).from(V6_49),
		)},
		{path: "/ip/traffic-flow/target", changed: (*Device).settingsChanged, properties: together(
			of(address, "src-address", "0.0.0.0"),
			of(address, "dst-address", "").must(),
			num("port", "2055", 1, 65535),
			pick("version", "9", "1", "5", "9", "ipfix"),
			num("v9-template-refresh", "20", 1, longest),
			span("v9-template-timeout", "30m", 1, longest),
			flag("disabled", "false"),
		)},
		{path: "/ip/traffic-flow/ipfix", single: true, changed: (*Device).settingsChanged, properties: toggles},
	}
}

// systemMenus are those of the device itself, and of its users.
func systemMenus() []*menu {
	return []*menu{
		{path: "/system/identity", single: true, properties: together(str("name", "MikroTik"))},
		{path: "/system/resource", single: true, fixed: true, properties: together(
			live("uptime", (*Device).printUptime),
			shown("version", "build-time", "factory-software"),
			shown("free-memory", "total-memory", "cpu", "cpu-count", "cpu-frequency", "cpu-load"),
			shown("free-hdd-space", "total-hdd-space", "architecture-name", "board-name", "platform"),
		)},
		{path: "/system/routerboard", single: true, fixed: true, properties: together(
			shown("routerboard", "model", "serial-number", "current-firmware"),
		)},
		{path: "/system/clock", single: true, properties: together(
			live("time", (*Device).printTime), live("date", (*Device).printDate),
			flag("time-zone-autodetect", "true"), str("time-zone-name", "UTC"), live("gmt-offset", (*Device).printOffset),
		)},
		{path: "/system/ntp/client", single: true, properties: together(flag("enabled", "true"))},
		{path: "/snmp", single: true, properties: together(flag("enabled", "false"), str("contact", ""), str("location", ""))},
		{path: "/user", key: "name", policy: "policy", properties: together(
			str("name", "").must(), of(groupName, "group", "").must(), of(networks, "address", ""),
			&property{name: "password", secret: true}, str("comment", ""),
			flag("disabled", "false"), shown("last-logged-in"),
		)},
		{path: "/user/group", key: "name", policy: "policy", properties: together(
			str("name", "").must(), of(policies, "policy", ""), str("skin", "default"), str("comment", "").from(V7_16),
		)},
		{path: "/certificate", key: "name", fixed: true, properties: together(
			shown("name", "common-name", "subject-alt-name", "key-type", "key-size", "fingerprint", "invalid-after", "trusted", "private-key"),
		)},
		{path: "/ip/service", key: "name", fixed: true, properties: together(
			shown("name"), num("port", "", 1, 65535), of(networks, "address", ""), of(certificate, "certificate", ""),
			pick("tls-version", "", "any", "only-1.2"), str("vrf", "main").from(V7_16),
			num("max-sessions", "20", 1, 1000).from(V7_16), flag("disabled", "false"), shown("invalid"),
		)},
	}
}

// networkMenus are what nfacct reads to know the office.
func networkMenus() []*menu {
	return []*menu{
		{path: "/interface", key: "name", fixed: true, changed: (*Device).settingsChanged, properties: together(
			str("name", ""), shown("default-name", "type"), str("mtu", ""), shown("actual-mtu", "l2mtu", "mac-address"),
			shown("last-link-up-time", "link-downs"),
			live("rx-byte", counter(0)), live("tx-byte", counter(1)), live("rx-packet", counter(2)), live("tx-packet", counter(3)),
			shown("rx-drop", "tx-drop", "rx-error", "tx-error"),
			flag("running", ""), flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/interface/list", key: "name", changed: (*Device).settingsChanged, properties: together(
			str("name", "").must(), str("include", ""), str("exclude", ""), shown("dynamic", "builtin"), str("comment", ""),
		)},
		{path: "/interface/list/member", changed: (*Device).settingsChanged, properties: together(
			of(listName, "list", "").must(), of(anInterface, "interface", "").must(), shown("dynamic"), flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/interface/bridge/port", properties: together(
			of(anInterface, "interface", "").must(), of(anInterface, "bridge", "").must(), flag("hw", "true"), shown("hw-offload"),
			flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/ip/address", properties: together(
			of(network, "address", "").must(), str("network", ""), of(anInterface, "interface", "").must(), shown("actual-interface"),
			shown("invalid", "dynamic"), flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/ipv6/address", properties: together(
			of(network, "address", "").must(), str("from-pool", ""), of(anInterface, "interface", "").must(), shown("actual-interface"),
			flag("eui-64", "false"), flag("advertise", "true"), flag("no-dad", "false"),
			shown("invalid", "dynamic", "link-local", "global"), flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/ip/route", properties: together(
			of(network, "dst-address", "0.0.0.0/0"), str("pref-src", ""), str("gateway", ""), str("gateway-status", ""),
			str("immediate-gw", ""), num("distance", "1", 1, 255), str("scope", "30"), str("target-scope", "10"),
			str("routing-table", "").from(V7_16), shown("active", "inactive", "static", "dynamic", "connect", "dhcp"),
			flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/ipv6/route", properties: together(
			of(network, "dst-address", "::/0"), str("gateway", ""), str("gateway-status", ""), str("immediate-gw", ""),
			num("distance", "1", 1, 255), str("routing-table", "").from(V7_16),
			shown("active", "inactive", "static", "dynamic", "connect"), flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/ip/arp", properties: together(
			of(address4, "address", "").must(), str("mac-address", ""), of(anInterface, "interface", "").must(),
			flag("published", "false"), str("status", "").from(V7_16), shown("invalid", "DHCP", "dynamic", "complete"),
			flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/ip/dhcp-server", key: "name", properties: together(
			str("name", "").must(), of(anInterface, "interface", "").must(), str("address-pool", "static-only"),
			span("lease-time", "10m", 1, longest), shown("invalid", "dynamic"), flag("disabled", "false"),
		)},
		{path: "/ip/dhcp-server/lease", properties: together(
			of(address4, "address", "").must(), str("mac-address", ""), str("client-id", ""), str("address-lists", ""), str("server", ""), str("dhcp-option", ""),
			shown("status", "expires-after", "last-seen", "active-address", "active-mac-address", "active-client-id", "active-server", "host-name"),
			shown("radius", "dynamic", "blocked"), flag("disabled", "false"), str("comment", ""),
		)},
		{path: "/ip/dhcp-server/network", properties: together(
			of(network, "address", "").must(), str("gateway", ""), str("dns-server", ""), str("domain", ""), str("comment", ""),
		)},
		{path: "/ip/settings", single: true, properties: together(
			flag("ip-forward", "true"), flag("send-redirects", "true"), pick("rp-filter", "no", "no", "loose", "strict"),
			flag("tcp-syncookies", "false"), flag("allow-fast-path", "true"), shown("ipv4-fast-path-active", "ipv4-fasttrack-active"),
		)},
		{path: "/ip/firewall/filter", properties: together(firewall(), flag("hw-offload", "").from(V7_16), str("reject-with", ""))},
		{path: "/ip/firewall/nat", properties: together(firewall(), str("to-addresses", ""), str("to-ports", ""))},
		{path: "/ip/firewall/address-list", distinct: []string{"list", "address"}, properties: addressList(listed4)},
		{path: "/ipv6/firewall/address-list", distinct: []string{"list", "address"}, properties: addressList(listed6)},
	}
}

// addressList is what the entries of both families have.
func addressList(k kind) []*property {
	return together(
		str("list", "").must(), of(k, "address", "").must(), shown("creation-time"), span("timeout", "", 0, longest),
		shown("dynamic"), flag("disabled", "false"), str("comment", ""),
	)
}

// firewall is what the rules of all chains have.
func firewall() []*property {
	return together(
		str("chain", "").must(), str("action", "accept"), str("protocol", ""), str("src-address", ""), str("dst-address", ""),
		str("src-address-list", ""), str("dst-address-list", ""), str("src-port", ""), str("dst-port", ""),
		of(anInterface, "in-interface", ""), of(listName, "in-interface-list", ""),
		of(anInterface, "out-interface", ""), of(listName, "out-interface-list", ""),
		str("connection-state", ""), str("connection-nat-state", ""),
		flag("log", "false"), str("log-prefix", ""), shown("bytes", "packets", "invalid", "dynamic"),
		flag("disabled", "false"), str("comment", ""),
	)
}
