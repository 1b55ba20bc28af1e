package report

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"nfacct/archive"
)

// Territory are the addresses of a department, as ranges that do not overlap.
type Territory struct {
	Department string
	Ranges     [][2]netip.Addr
}

// Territories are the departments' addresses, in the order of the configuration: an
// address belongs to the first that has it. Address lists are those of an instant.
func (r *Reporter) Territories(ctx context.Context, routers []string, at time.Time) ([]Territory, error) {
	var lists map[string][]string
	if len(r.cfg.AddressLists()) > 0 {
		var err error
		if lists, err = r.archive.Routers().Lists(ctx, routers, at); err != nil {
			return nil, err
		}
	}
	d, err := newDepartments(r.cfg.Departments, lists)
	if err != nil {
		return nil, err
	}
	var all []Territory
	for i, name := range d.names {
		t := Territory{Department: name}
		for _, s := range d.sets[i].ranges {
			t.Ranges = append(t.Ranges, [2]netip.Addr{s.from, s.to})
		}
		all = append(all, t)
	}
	return all, nil
}

// ServiceCode is a protocol and port; protocols without ports have 0.
type ServiceCode struct {
	Proto uint8
	Port  uint16
}

// ServiceName writes https, quic, udp/4433 or icmp.
func ServiceName(code ServiceCode) string { return serviceName(code.Proto, code.Port) }

// ParseService reads what ServiceName writes, and a plain number of a port, which is
// of both TCP and UDP. There is none for a name that nothing has.
func ParseService(name string) (codes []ServiceCode) {
	if port, err := strconv.ParseUint(name, 10, 16); err == nil {
		return []ServiceCode{{6, uint16(port)}, {17, uint16(port)}}
	}
	if number, ok := strings.CutPrefix(name, "ip/"); ok { // a protocol without a name
		if n, err := strconv.ParseUint(number, 10, 8); err == nil {
			return []ServiceCode{{uint8(n), 0}}
		}
	}
	if first, second, ok := strings.Cut(name, "/"); ok {
		proto, known := protocolOf(first)
		if port, err := strconv.ParseUint(second, 10, 16); err == nil && known {
			return []ServiceCode{{proto, uint16(port)}}
		}
	}
	if proto, known := protocolOf(name); known && proto != 6 && proto != 17 && proto != 132 {
		return []ServiceCode{{proto, 0}}
	}
	for _, proto := range []uint8{6, 17} {
		for port := range services {
			if serviceName(proto, port) == name {
				codes = append(codes, ServiceCode{proto, port})
			}
		}
	}
	if name == "quic" {
		codes = []ServiceCode{{17, 443}}
	}
	slices.SortFunc(codes, func(a, b ServiceCode) int { return int(a.Port) - int(b.Port) })
	return codes
}

// protocolOf is the number of a protocol's name, or of its digits.
func protocolOf(name string) (uint8, bool) {
	for number, known := range protocols {
		if known == name {
			return number, true
		}
	}
	n, err := strconv.ParseUint(name, 10, 8)
	return uint8(n), err == nil
}

// Called are the names that hosts had at an instant, the most trusted first.
func Called(ctx context.Context, a *archive.Archive, at time.Time) (map[netip.Addr]string, error) {
	names, err := a.Routers().NamesAt(ctx, at)
	if err != nil {
		return nil, err
	}
	called := map[netip.Addr]string{}
	for addr, list := range names {
		called[addr] = Clean(list[0])
	}
	return called, nil
}
