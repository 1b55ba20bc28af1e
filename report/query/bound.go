package query

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Has says whether an address is of a host that questions with this setting see.
func (s *Setting) Has(addr netip.Addr) bool {
	if !s.Bound {
		return true
	}
	addr = addr.Unmap()
	for _, d := range s.Departments {
		for _, r := range d.Ranges {
			if r.From.BitLen() == addr.BitLen() && !addr.Less(r.From) && !r.To.Less(addr) {
				return slices.Contains(s.Within, d.Name) // the first that has it
			}
		}
	}
	return false
}

// bound is the condition that keeps a question within its departments. It is no
// condition of the question, so that nobody can leave it out of an address.
func (s *Setting) bound() string {
	var places []string
	for i, d := range s.Departments {
		if slices.Contains(s.Within, d.Name) {
			places = append(places, strconv.Itoa(i+1))
		}
	}
	if len(places) == 0 {
		return "FALSE"
	}
	return departmentColumn(s.Departments) + " IN (" + strings.Join(places, ", ") + ")"
}
