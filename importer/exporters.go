package importer

import "net/netip"

// exporters says which router an address belongs to.
type exporters map[netip.Addr]int

func exportersOf(routers []Router) exporters {
	of := exporters{}
	for i := range routers {
		for _, addr := range routers[i].Export {
			of[addr.Unmap()] = i
		}
	}
	return of
}

// others is the key of the router that all other addresses are taken for.
var others netip.Addr

func (e exporters) find(addr netip.Addr) (router int, known bool) {
	if router, known = e[addr]; !known {
		router, known = e[others]
	}
	return router, known
}

// strangers counts the datagrams of addresses that belong to no router.
type strangers struct {
	datagrams map[netip.Addr]uint64
	others    uint64 // of addresses beyond maxStrangers
}

const maxStrangers = 1000

func newStrangers() strangers { return strangers{datagrams: map[netip.Addr]uint64{}} }

func (s *strangers) add(addr netip.Addr) {
	if _, known := s.datagrams[addr]; !known && len(s.datagrams) >= maxStrangers {
		s.others++
		return
	}
	s.datagrams[addr]++
}
