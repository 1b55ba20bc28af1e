package routerostest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// property is one column of a menu.
type property struct {
	name   string
	kind   kind
	value  string // what it is when nobody says; empty: left out of print
	values []string
	// least and most bound a number or a duration in seconds; most 0: unbounded.
	least, most int64
	since       Profile
	needed      bool // add must say it
	fixed       bool // nobody can set it
	secret      bool // set, never printed
	// live is computed when it is printed.
	live func(*Device, *item) string
}

// menu is one path of the console: one item without an id, or a list.
type menu struct {
	path       string
	single     bool
	fixed      bool     // nobody adds or removes
	key        string   // the property that names an item, beside its id
	policy     string   // needed to write, beside "write"
	distinct   []string // properties that together differ from item to item
	properties []*property
	items      []*item
	next       uint32 // ids are never used again
	changed    func(*Device)
}

// item is one row.
type item struct {
	id     uint32
	values map[string]string
}

func (i *item) ref() string { return "*" + strings.ToUpper(strconv.FormatUint(uint64(i.id), 16)) }

// has is a property of this version, or nil.
func (m *menu) has(name string, version Profile) *property {
	for _, p := range m.properties {
		if p.name == name && version >= p.since {
			return p
		}
	}
	return nil
}

// byName finds an item by what names it.
func (m *menu) byName(name string) *item {
	if m == nil || m.key == "" {
		return nil
	}
	for _, i := range m.items {
		if i.values[m.key] == name {
			return i
		}
	}
	return nil
}

// twin is an item that has the same as a new one would have where they must differ.
func (m *menu) twin(values map[string]string) *item {
	for _, i := range m.items {
		if m.distinct != nil && !slices.ContainsFunc(m.distinct, func(name string) bool { return i.values[name] != values[name] }) {
			return i
		}
	}
	return nil
}

// find resolves a list of ids or names, all of them or none.
func (m *menu) find(list string) ([]*item, *trap) {
	var found []*item
	for ref := range strings.SplitSeq(list, ",") {
		i := m.byName(ref)
		if hex, ok := strings.CutPrefix(ref, "*"); ok {
			id, err := strconv.ParseUint(hex, 16, 32)
			if err != nil {
				return nil, noSuchItem()
			}
			if at := slices.IndexFunc(m.items, func(i *item) bool { return uint64(i.id) == id }); at >= 0 {
				i = m.items[at]
			}
		}
		if i == nil {
			return nil, noSuchItem()
		}
		found = append(found, i)
	}
	return found, nil
}

// insert adds an item with the values given, taken as they are.
func (m *menu) insert(values map[string]string) *item {
	m.next++
	i := &item{id: m.next, values: maps.Clone(values)}
	if i.values == nil {
		i.values = map[string]string{}
	}
	m.items = append(m.items, i)
	return i
}

// insertAs is insert with an id of one's own.
func (m *menu) insertAs(id uint32, values map[string]string) *item {
	last := m.next
	m.next = id - 1
	i := m.insert(values)
	m.next = max(last, id)
	return i
}

// get is what print shows of a property, and whether it shows it.
func (d *Device) get(m *menu, i *item, name string) (string, bool) {
	switch name {
	case ".id":
		return i.ref(), !m.single
	case ".dead":
		return "", false
	}
	p := m.has(name, d.cfg.Profile)
	if p == nil || p.secret {
		return "", false
	}
	if p.live != nil {
		value := p.live(d, i)
		return value, value != ""
	}
	value, set := i.values[name]
	if !set {
		value = p.value
	}
	return value, value != ""
}

// row is the item as a !re, with the properties of a list or all.
func (d *Device) row(m *menu, i *item, proplist []string) []string {
	words := []string{"!re"}
	add := func(name string) {
		if value, shown := d.get(m, i, name); shown {
			words = append(words, "="+name+"="+value)
		}
	}
	if proplist != nil {
		for _, name := range proplist {
			if column, isOID := strings.CutSuffix(name, ".oid"); isOID {
				if oid := interfaceOID(m, i, column); oid != "" {
					words = append(words, "="+name+"="+oid)
				}
				continue
			}
			add(name)
		}
		return words
	}
	add(".id")
	for _, p := range m.properties {
		if d.cfg.Profile >= p.since {
			add(p.name)
		}
	}
	return words
}

// interfaceOID is where SNMP has a column of the interface table; its last arc
// is the ifIndex.
func interfaceOID(m *menu, i *item, column string) string {
	columns := map[string]string{
		"name": "2.2.1.2", "actual-mtu": "2.2.1.4", "mac-address": "2.2.1.6", "admin-status": "2.2.1.7",
		"oper-status": "2.2.1.8", "bytes-in": "31.1.1.1.6", "bytes-out": "31.1.1.1.10",
	}
	at, has := columns[column]
	if m.path != "/interface" || !has {
		return ""
	}
	return ".1.3.6.1.2.1." + at + "." + strconv.FormatUint(uint64(i.id), 10)
}
