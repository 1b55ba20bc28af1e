package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Field is a field of a question: one of the table below, for an address perhaps
// with a prefix length.
type Field struct {
	*spec
	Bits int // of a prefix to group by; 0: the whole address
}

// kind is what values of a field are.
type kind uint8

const (
	addresses kind = iota
	numbers
	protocols
	days
	weekdays
	routers
	departments
	services
	directions
	sizes
)

// spec is a field as the table has it.
type spec struct {
	name string
	kind kind
	// up and down are the expression over a row's traffic of one direction. They
	// differ for source and destination alone, and hold nothing that a person typed.
	up, down string
	least    uint64 // of numbers
	most     uint64
	group    bool // can be grouped by
	unit     string
}

// directed is whether the field is of one direction. A row has both, and a question
// with such a field asks for each by itself.
func (s *spec) directed() bool { return s.kind != sizes && s.up != s.down || s.kind == directions }

// specs is the table of fields. Source and destination are as the predecessor meant
// them: the sides of one direction. The columns of hour and department depend on the
// question.
var specs = []spec{
	{name: "host", kind: addresses, up: "`host`", down: "`host`", group: true, unit: "address"},
	{name: "peer", kind: addresses, up: "`peer`", down: "`peer`", group: true, unit: "address"},
	{name: "host_port", kind: numbers, up: "`host_port`", down: "`host_port`", most: 65535, group: true, unit: "port"},
	{name: "peer_port", kind: numbers, up: "`peer_port`", down: "`peer_port`", most: 65535, group: true, unit: "port"},
	{name: "src", kind: addresses, up: "`host`", down: "`peer`", group: true, unit: "address"},
	{name: "src_port", kind: numbers, up: "`host_port`", down: "`peer_port`", most: 65535, group: true, unit: "port"},
	{name: "dst", kind: addresses, up: "`peer`", down: "`host`", group: true, unit: "address"},
	{name: "dst_port", kind: numbers, up: "`peer_port`", down: "`host_port`", most: 65535, group: true, unit: "port"},
	{name: "proto", kind: protocols, up: "`proto`", down: "`proto`", most: 255, group: true, unit: "protocol"},
	{name: "service", kind: services, up: serviceColumn, down: serviceColumn, group: true, unit: "service"},
	{name: "router", kind: routers, up: "`router`", down: "`router`", most: 65535, group: true, unit: "router"},
	{name: "wan", kind: numbers, up: "`wan`", down: "`wan`", most: 65535, group: true, unit: "ifindex"},
	{name: "department", kind: departments, group: true, unit: "department"},
	{name: "day", kind: days, up: "`day`", down: "`day`", group: true, unit: "day"},
	{name: "hour", kind: numbers, most: 23, group: true, unit: "hour"},
	{name: "weekday", kind: weekdays, up: "WEEKDAY(`day`) + 1", down: "WEEKDAY(`day`) + 1", least: 1, most: 7, group: true, unit: "weekday"},
	{name: "slot", kind: numbers, up: "`slot`", down: "`slot`", most: 99, group: true, unit: "slot"},
	{name: "direction", kind: directions, least: 1, most: 2},
	{name: "bytes", kind: sizes, up: "`up_bytes`", down: "`down_bytes`"},
}

// serviceColumn is protocol and port as one number. The port is the peer's, or the
// host's where that is the lower of two and a well-known one, as archive sums
// services; a protocol without ports has 0.
const serviceColumn = "`proto` * 65536 + IF(`proto` IN (6, 17, 132), IF(`host_port` > 0 AND `host_port` < 1024 AND `host_port` < `peer_port`, `host_port`, `peer_port`), 0)"

// Names are the names of all fields, in the order of the table.
func Names() (names []string) {
	for i := range specs {
		names = append(names, specs[i].name)
	}
	return names
}

// Groupable are the names of fields that a question can be grouped by.
func Groupable() (names []string) {
	for i := range specs {
		if specs[i].group {
			names = append(names, specs[i].name)
		}
	}
	return names
}

// find is the field of a name, or an error that lists the names.
func find(name string) (*spec, error) {
	if i := slices.IndexFunc(specs, func(s spec) bool { return s.name == name }); i >= 0 {
		return &specs[i], nil
	}
	return nil, fmt.Errorf("%q is no field; fields are %s", cut(name), strings.Join(Names(), ", "))
}

// ParseField reads a field to group by: its name, or that of an address with a
// prefix length, as in host/24. IPv6 addresses are grouped by /64 where the length
// is of IPv4.
func ParseField(text string) (Field, error) {
	name, length, prefixed := strings.Cut(text, "/")
	s, err := find(name)
	if err != nil {
		return Field{}, err
	}
	if !s.group {
		return Field{}, fmt.Errorf("%s cannot be grouped by; choose one of %s", s.name, strings.Join(Groupable(), ", "))
	}
	f := Field{spec: s}
	if prefixed {
		f.Bits, err = strconv.Atoi(length)
		if err != nil || s.kind != addresses || f.Bits < 1 || f.Bits > 128 {
			return Field{}, fmt.Errorf("%q is no field to group by; write a prefix as host/24 or peer/48", cut(text))
		}
	}
	return f, nil
}

// String writes the field as ParseField reads it.
func (f Field) String() string {
	if f.Bits > 0 {
		return f.name + "/" + strconv.Itoa(f.Bits)
	}
	return f.name
}

// cut shortens what a person typed, for an error.
func cut(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
