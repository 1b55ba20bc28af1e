package attribution

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Uplink is an outside interface as a configuration names it: by ifIndex, or by its
// name or that of an interface list, which the router has to tell the members of.
type Uplink struct {
	Index uint32 // where Name is empty
	Name  string
}

// UnmarshalTOML reads what BurntSushi/toml found.
func (u *Uplink) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case int64:
		if v < 0 || v > math.MaxUint32 {
			return fmt.Errorf("%d is no ifIndex: /interface print oid shows them", v)
		}
		*u = Uplink{Index: uint32(v)}
		return nil
	case string:
		if v != "" {
			*u = Uplink{Name: v}
			return nil
		}
	}
	return fmt.Errorf(`%v is no interface: write its ifIndex, its name or that of an interface list, as in wan = [1, "pppoe-out1", "WAN"]`, value)
}

func (u Uplink) String() string {
	if u.Name != "" {
		return u.Name
	}
	return strconv.FormatUint(uint64(u.Index), 10)
}

// Indexes are the ifIndex numbers of uplinks where interfaces have these names, by
// ifIndex, and lists these members.
func Indexes(uplinks []Uplink, names map[uint32]string, lists map[string][]string) []uint32 {
	var indexes []uint32
	for _, u := range uplinks {
		if u.Name == "" {
			indexes = append(indexes, u.Index)
			continue
		}
		for index, name := range names {
			if name == u.Name || slices.Contains(lists[u.Name], name) {
				indexes = append(indexes, index)
			}
		}
	}
	slices.Sort(indexes)
	return slices.Compact(indexes)
}

// Numbers are the uplinks that are told by their ifIndex, and whether there are others.
func Numbers(uplinks []Uplink) (indexes []uint32, named bool) {
	for _, u := range uplinks {
		if u.Name != "" {
			named = true
			continue
		}
		indexes = append(indexes, u.Index)
	}
	return indexes, named
}
