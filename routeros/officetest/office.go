package officetest

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Config says what kind of office to imitate. The zero value is an office of 60
// hosts in UTC.
type Config struct {
	// Hosts is the number of computers, 1 to 60000; 0 means 60. The proxy and the
	// servers come on top.
	Hosts int
	// Seed chooses one of the possible offices.
	Seed uint64
	// Location is the time zone of the working day; nil means UTC.
	Location *time.Location
	// Busy multiplies the number of connections; 0 means 1, which is about 10000
	// records a host and working day.
	Busy float64
	// IPv6 gives hosts IPv6 addresses beside their IPv4 ones, and some traffic.
	IPv6 bool
	// Weekends makes Saturdays and Sundays quiet.
	Weekends bool
	// InnerHosts is how many of the hosts sit behind an inner router, so that the
	// next hop of their downloads is that router's address.
	InnerHosts int
	// NoNextHop leaves the next hop of downloads 0.0.0.0, as a device of 2024 did.
	NoNextHop bool
}

// Interface indexes of the router, and its addresses on the WAN side.
const (
	WAN    = 2 // masqueraded
	LAN    = 7 // the bridge of the computers
	LAN2   = 8 // printers and file servers
	WAN2   = 9 // a second uplink, only seen in transit
	Router = 0 // the router itself
)

// Host is one computer of the office.
type Host struct {
	Addr  netip.Addr
	Addr6 netip.Addr // zero without IPv6
	MAC   [6]byte
	Name  string
	inner bool
	role  role
}

// Office is an office behind a masquerading RouterOS device.
type Office struct {
	cfg Config

	Inside  []netip.Prefix // the prefixes of the computers: IPv4, and IPv6 when asked for
	Server  netip.Prefix   // printers and file servers, on LAN2
	Gateway netip.Addr     // the router inside
	Inner   netip.Addr     // the inner router
	Public  netip.Addr     // the router outside
	ISP     netip.Addr     // next hop outside
	Proxy   netip.Addr     // the Squid host
	Hosts   []Host         // every inside host with traffic: the proxy and the servers come first

	programs []program
	byWeight []uint8 // index into programs, as often as its weight
	web      []netip.Addr
	swarm    []netip.Addr
	web6     []netip.Addr
}

// New makes an office, or says what is wrong with the configuration.
func New(cfg Config) (*Office, error) {
	switch {
	case cfg.Hosts == 0:
		cfg.Hosts = 60
	case cfg.Hosts < 1 || cfg.Hosts > 60000:
		return nil, fmt.Errorf("office of %d hosts: from 1 to 60000 are possible", cfg.Hosts)
	}
	if cfg.InnerHosts < 0 || cfg.InnerHosts > cfg.Hosts {
		return nil, fmt.Errorf("%d of %d hosts behind an inner router", cfg.InnerHosts, cfg.Hosts)
	}
	if cfg.Busy == 0 {
		cfg.Busy = 1
	}
	if cfg.Busy < 0 {
		return nil, fmt.Errorf("busy %g: must be above 0", cfg.Busy)
	}
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	o := &Office{
		cfg:    cfg,
		Public: netip.MustParseAddr("198.51.100.2"),
		ISP:    netip.MustParseAddr("198.51.100.1"),
		Server: netip.MustParsePrefix("10.9.0.0/24"),
	}
	o.settle()
	o.meetTheWorld()
	o.programs, o.byWeight = o.allPrograms()
	return o, nil
}

// firstHost is the offset of the first computer in the inside prefix; the
// router, the servers and the proxy are below.
const firstHost = 50

// settle gives everyone an address: 10.2.214.0/24 for a small office, and a
// larger prefix around it for a larger one, where addresses ending in .255 and
// .0 are hosts like any other.
func (o *Office) settle() {
	width := max(8, bits.Len(uint(o.cfg.Hosts+firstHost+1)))
	inside, _ := netip.MustParseAddr("10.2.214.0").Prefix(32 - width)
	o.Inside = []netip.Prefix{inside}
	o.Gateway = offset(inside, 1)
	o.Inner = offset(inside, 2)
	o.Proxy = offset(inside, 20)
	add := func(at int, name string, r role) {
		h := Host{Addr: offset(inside, at), Name: name, role: r}
		h.MAC = [6]byte{0x02, 0x0f, 0xac, byte(at >> 16), byte(at >> 8), byte(at)}
		if o.cfg.IPv6 {
			six := netip.MustParseAddr("2001:db8:214::").As16()
			binary.BigEndian.PutUint32(six[12:], uint32(at))
			h.Addr6 = netip.AddrFrom16(six)
		}
		o.Hosts = append(o.Hosts, h)
	}
	if o.cfg.IPv6 {
		o.Inside = append(o.Inside, netip.MustParsePrefix("2001:db8:214::/64"))
	}
	add(20, "squid", roleProxy)
	add(10, "mail", roleServer)
	for i := range o.cfg.Hosts {
		r, department := roleOf(i)
		add(firstHost+i, fmt.Sprintf("%s-%d", department, i+1), r)
		if i >= o.cfg.Hosts-o.cfg.InnerHosts {
			o.Hosts[len(o.Hosts)-1].inner = true
		}
	}
}

// offset is the n-th address of a prefix.
func offset(p netip.Prefix, n int) netip.Addr {
	four := p.Addr().As4()
	binary.BigEndian.PutUint32(four[:], binary.BigEndian.Uint32(four[:])+uint32(n))
	return netip.AddrFrom4(four)
}

// meetTheWorld chooses the outside addresses. Some hold the numbers that careless
// exclusions trip over: 255, 239 and 224 in the middle of ordinary addresses.
func (o *Office) meetTheWorld() {
	random := rand.New(rand.NewPCG(o.cfg.Seed, 0x6f757473696465))
	o.web = []netip.Addr{
		netip.MustParseAddr("93.184.255.7"),
		netip.MustParseAddr("5.239.12.34"),
		netip.MustParseAddr("45.224.1.1"),
		netip.MustParseAddr("203.0.113.255"),
	}
	pool := func(dst []netip.Addr, n int) []netip.Addr {
		for len(dst) < n {
			four := [4]byte{byte(11 + random.IntN(89)), byte(random.IntN(256)), byte(random.IntN(256)), byte(1 + random.IntN(254))}
			dst = append(dst, netip.AddrFrom4(four))
		}
		return dst
	}
	o.web = pool(o.web, 1500+o.cfg.Hosts)
	o.swarm = pool(nil, 400)
	if o.cfg.IPv6 {
		for range 300 {
			six := [16]byte{0x2a, byte(random.IntN(16)), byte(random.IntN(256)), byte(random.IntN(256))}
			binary.BigEndian.PutUint32(six[12:], random.Uint32())
			o.web6 = append(o.web6, netip.AddrFrom16(six))
		}
	}
}
