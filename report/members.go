package report

import (
	"bufio"
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sort"
	"strings"
)

// set is a set of addresses.
type set struct{ ranges []span }

type span struct{ from, to netip.Addr }

// contains says whether an address is in the set.
func (s *set) contains(addr netip.Addr) bool {
	// The last range that begins at or before it; ranges do not overlap.
	n := sort.Search(len(s.ranges), func(i int) bool { return addr.Less(s.ranges[i].from) })
	return n > 0 && !s.ranges[n-1].to.Less(addr)
}

// within says whether all of a set is in another.
func (s *set) within(other *set) bool {
	for _, r := range s.ranges {
		n := sort.Search(len(other.ranges), func(i int) bool { return r.from.Less(other.ranges[i].from) })
		if n == 0 || other.ranges[n-1].to.Less(r.to) {
			return false
		}
	}
	return true
}

// meets says whether any address is in both sets.
func (s *set) meets(other *set) bool {
	for _, a := range s.ranges {
		for _, b := range other.ranges {
			if !a.to.Less(b.from) && !b.to.Less(a.from) {
				return true
			}
		}
	}
	return false
}

// newSet makes a set of ranges that may overlap.
func newSet(ranges []span) *set {
	slices.SortFunc(ranges, func(a, b span) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	s := &set{}
	for _, r := range ranges {
		if n := len(s.ranges); n > 0 && !s.ranges[n-1].to.Less(r.from) {
			if s.ranges[n-1].to.Less(r.to) {
				s.ranges[n-1].to = r.to
			}
			continue
		}
		s.ranges = append(s.ranges, r)
	}
	return s
}

// resolve finds the addresses of members. Lists are of routers, by name.
func (m *Members) resolve(lists map[string][]string) (*set, error) {
	var ranges []span
	add := func(text string) error {
		from, to, err := parseRange(text)
		ranges = append(ranges, span{from, to})
		return err
	}
	for _, text := range m.Hosts {
		if err := add(text); err != nil {
			return nil, err
		}
	}
	if m.List != "" {
		if err := readList(m.List, func(from, to netip.Addr) { ranges = append(ranges, span{from, to}) }); err != nil {
			return nil, err
		}
	}
	if m.AddressList != "" {
		for _, entry := range lists[m.AddressList] {
			// Names of hosts stand there too; the router adds their addresses.
			if from, to, err := parseRange(entry); err == nil {
				ranges = append(ranges, span{from, to})
			}
		}
	}
	return newSet(ranges), nil
}

// readList reads a file of addresses, networks and ranges, one a line.
func readList(name string, add func(from, to netip.Addr)) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("list of hosts: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		from, to, err := parseRange(text)
		if err != nil {
			return fmt.Errorf("list of hosts: %s:%d: %w", name, n, err)
		}
		add(from, to)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("list of hosts: %s: %w", name, err)
	}
	return nil
}

// departments finds the department of an address: the first that has it.
type departments struct {
	names []string
	sets  []*set
}

func newDepartments(groups []Group, lists map[string][]string) (*departments, error) {
	d := &departments{}
	for i := range groups {
		s, err := groups[i].resolve(lists)
		if err != nil {
			return nil, fmt.Errorf("department %s: %w", groups[i].Name, err)
		}
		d.names, d.sets = append(d.names, groups[i].Name), append(d.sets, s)
	}
	return d, nil
}

// of is the department's name; empty when it has none.
func (d *departments) of(addr netip.Addr) string {
	if i := d.index(addr); i >= 0 {
		return d.names[i]
	}
	return ""
}

// index is the department's place; -1 when it has none.
func (d *departments) index(addr netip.Addr) int {
	return slices.IndexFunc(d.sets, func(s *set) bool { return s.contains(addr) })
}

// owns says whether all that a set has belongs to one department.
func (d *departments) owns(name string, s *set) bool {
	for i, of := range d.sets {
		if d.names[i] == name {
			return s.within(of)
		}
		if s.meets(of) { // the first department that has a host is its own
			return false
		}
	}
	return false
}
