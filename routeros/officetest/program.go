package officetest

import "net/netip"

// role is what a host is used for; a program is run by hosts of some roles.
type role uint8

const (
	roleStaff role = 1 << iota
	roleAccounts
	roleManagement // goes past the proxy by permission
	roleIT
	rolePhones
	roleOdd // runs what nobody asked for
	roleProxy
	roleServer

	everybody = roleStaff | roleAccounts | roleManagement | roleIT | rolePhones | roleOdd
)

// roleOf gives the i-th computer its role and the department in its name: of
// every thirty, four do the books, two are managers, two are IT, three are
// telephones and one is odd.
func roleOf(i int) (role, string) {
	switch i % 30 {
	case 3, 9, 15, 21:
		return roleAccounts, "accounts"
	case 0, 17:
		return roleManagement, "management"
	case 5, 19:
		return roleIT, "it"
	case 7, 13, 25:
		return rolePhones, "phone"
	case 11:
		return roleOdd, "workshop"
	}
	return roleStaff, "office"
}

// path is how a program's packets go through the router.
type path uint8

const (
	masqueraded path = iota // inside to outside and back, through source NAT
	published               // outside to a server inside and back, through destination NAT
	between                 // from one inside network to another and back
	toRouter                // to the router's inside address and back
	fromRouter              // the router's own, out of the WAN interface and back
	knock                   // outside to the router's public address, unanswered
	announce                // inside to a broadcast or multicast address, unanswered
	announceOut             // the same, and the router lets it out of the WAN interface
	ownAnnounce             // the router's own broadcast, which it exports twice
	passing                 // from one WAN interface to the other
	orphaned                // a download that the router exports without its inside host
)

// program is one kind of conversation.
type program struct {
	weight  int  // how often it is begun, against the others
	roles   role // whose
	path    path
	proto   uint8
	ports   []uint16 // of the far side; one is picked
	peers   []netip.Addr
	up      uint64 // typical bytes, before the long tail
	down    uint64
	tail    int // how many times the bytes may double
	seconds int // typical duration; 0 is under one
	tos     uint8
	cause   Cause
	six     bool // also over IPv6
	actors  []int32
}

const (
	icmp = 1
	tcp  = 6
	udp  = 17
	gre  = 47
	esp  = 50
)

// allPrograms is the office's habits as a table, and the draw from it.
func (o *Office) allPrograms() ([]program, []uint8) {
	addrs := func(text ...string) []netip.Addr {
		var list []netip.Addr
		for _, t := range text {
			list = append(list, netip.MustParseAddr(t))
		}
		return list
	}
	ports := func(p ...uint16) []uint16 { return p }
	resolvers := addrs("8.8.8.8", "1.1.1.1", "77.88.8.8", "9.9.9.9")
	clocks := addrs("162.159.200.1", "194.190.168.1")
	banks := addrs("185.157.96.21", "194.54.14.168", "91.229.76.4", "217.12.97.100")
	mail := addrs("64.233.165.109", "77.88.21.158", "40.101.12.2")
	chat := addrs("149.154.167.51", "157.240.205.60", "52.114.75.9")
	relays := addrs("188.172.219.132", "37.252.230.28")
	partners := addrs("80.92.160.14", "95.163.40.2")
	exchanges := addrs("212.11.151.28")
	directed := []netip.Addr{lastOf(o.Inside[0])}

	table := []program{
		{weight: 300, roles: roleProxy, proto: tcp, ports: ports(443, 443, 443, 80), peers: o.web, up: 1500, down: 14000, tail: 6, seconds: 6, cause: Proxy},
		{weight: 50, roles: roleProxy, proto: udp, ports: ports(53), peers: resolvers, up: 130, down: 260, cause: ProxyDNS},
		{weight: 170, roles: everybody, proto: udp, ports: ports(53), peers: resolvers, up: 130, down: 280, cause: DNS, six: true},
		{weight: 3, roles: everybody, proto: tcp, ports: ports(53), peers: resolvers, up: 400, down: 1800, cause: DNS},
		{weight: 20, roles: everybody, proto: udp, ports: ports(123), peers: clocks, up: 152, down: 152},
		{weight: 14, roles: everybody, proto: icmp, ports: ports(0), peers: resolvers, up: 168, down: 168, seconds: 4, cause: ICMP},
		{weight: 110, roles: roleManagement, proto: tcp, ports: ports(443, 443, 443, 80), peers: o.web, up: 1800, down: 16000, tail: 7, seconds: 8, six: true},
		{weight: 35, roles: roleManagement | roleIT, proto: udp, ports: ports(443), peers: o.web, up: 2500, down: 40000, tail: 7, seconds: 20, six: true},
		{weight: 22, roles: roleAccounts, proto: tcp, ports: ports(443, 9443, 1024), peers: banks, up: 6000, down: 21000, tail: 4, seconds: 90},
		{weight: 40, roles: everybody, proto: tcp, ports: ports(993, 587), peers: mail, up: 2500, down: 9000, tail: 6, seconds: 15},
		{weight: 8, roles: everybody, proto: tcp, ports: ports(5222, 443), peers: chat, up: 9000, down: 15000, tail: 3, seconds: 700},
		{weight: 5, roles: roleIT | roleAccounts, proto: tcp, ports: ports(5938, 3389), peers: relays, up: 400000, down: 5000000, tail: 3, seconds: 900},
		{weight: 8, roles: roleIT, proto: tcp, ports: ports(22, 9418), peers: partners, up: 9000, down: 60000, tail: 8, seconds: 60},
		{weight: 1, roles: roleIT | roleManagement, proto: gre, ports: ports(0), peers: partners, up: 900000, down: 4000000, tail: 3, seconds: 2400},
		{weight: 1, roles: roleIT, proto: esp, ports: ports(0), peers: partners, up: 900000, down: 900000, tail: 3, seconds: 2400},
		{weight: 12, roles: rolePhones, proto: udp, ports: ports(5060, 16384, 16386), peers: exchanges, up: 300000, down: 300000, tail: 2, seconds: 100, tos: 0xb8},
		{weight: 28, roles: everybody, proto: tcp, ports: ports(443, 8080), peers: o.web[:120], up: 1200, down: 5000, tail: 5, seconds: 3},
		{weight: 60, roles: roleOdd, proto: udp, ports: ports(6881, 51413, 24001, 38888), peers: o.swarm, up: 3000, down: 9000, tail: 9, seconds: 30},
		{weight: 50, roles: roleServer, path: published, proto: tcp, ports: ports(25, 443, 443), peers: o.web, up: 9000, down: 2500, tail: 6, seconds: 5},
		{weight: 10, roles: roleServer, proto: tcp, ports: ports(25), peers: mail, up: 12000, down: 1500, tail: 6, seconds: 4},
		{weight: 35, roles: everybody, path: between, proto: tcp, ports: ports(445, 9100), up: 20000, down: 30000, tail: 6, seconds: 20},
		{weight: 20, roles: everybody, path: toRouter, proto: udp, ports: ports(53, 161), up: 140, down: 300},
		{weight: 4, path: fromRouter, proto: udp, ports: ports(123), peers: clocks, up: 152, down: 152},
		{weight: 35, path: knock, proto: tcp, ports: ports(22, 23, 3389, 8291, 445), peers: o.swarm, down: 120},
		{weight: 22, roles: everybody, path: announce, proto: udp, ports: ports(137, 138), peers: directed, up: 234},
		{weight: 6, roles: everybody, path: announce, proto: udp, ports: ports(67), peers: addrs("255.255.255.255"), up: 656},
		{weight: 8, roles: everybody, path: announce, proto: udp, ports: ports(1900, 5353), peers: addrs("239.255.255.250", "224.0.0.251"), up: 400},
		{weight: 4, roles: everybody, path: announceOut, proto: udp, ports: ports(1900), peers: addrs("239.255.255.250"), up: 400, cause: Multicast},
		{weight: 2, roles: everybody, path: announceOut, proto: udp, ports: ports(8612, 6667), peers: addrs("255.255.255.255"), up: 300, cause: Broadcast},
		{weight: 2, path: ownAnnounce, proto: udp, ports: ports(5678), peers: addrs("255.255.255.255"), up: 304},
		{weight: 1, path: passing, proto: tcp, ports: ports(443), peers: o.swarm, up: 900, down: 2400},
		{weight: 1, path: orphaned, proto: tcp, ports: ports(443), peers: addrs("192.0.2.77"), down: 3000, tail: 3},
	}
	var draw []uint8
	for i := range table {
		p := &table[i]
		for at := range o.Hosts {
			if o.Hosts[at].role&p.roles != 0 {
				p.actors = append(p.actors, int32(at))
			}
		}
		if p.roles != 0 && len(p.actors) == 0 {
			continue // nobody in a very small office
		}
		for range p.weight {
			draw = append(draw, uint8(i))
		}
	}
	return table, draw
}

// lastOf is the directed broadcast address of an IPv4 prefix.
func lastOf(p netip.Prefix) netip.Addr {
	return offset(p, 1<<(32-p.Bits())-1)
}
