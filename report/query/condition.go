package query

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"nfacct/archive"
)

// Condition is what a field's value has to be: one of its values, or none of them.
type Condition struct {
	*spec
	Not    bool
	Values []Value
}

// Value is a value, or a range of values with both ends in it.
type Value struct {
	text     string // as it is written
	from, to netip.Addr
	low      uint64 // of a number, a router, a department's place, a service, a day
	high     uint64
}

// ParseCondition reads what a field's value has to be: a value, or several behind
// commas; with ! before them, none of these. Addresses are single ones, networks and
// ranges; numbers and days are single ones and ranges, 1-1024 and
// 2026-11-01..2026-11-05; sizes also >10MiB and <1GiB.
func ParseCondition(field, text string, s *Setting) (Condition, error) {
	spec, err := find(field)
	if err != nil {
		return Condition{}, err
	}
	c := Condition{spec: spec}
	text = strings.TrimSpace(text)
	if rest, not := strings.CutPrefix(text, "!"); not {
		c.Not, text = true, rest
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			return Condition{}, fmt.Errorf("%s: a value is missing; write for example %s", spec.name, spec.example())
		}
		values, err := spec.parse(part, s)
		if err != nil {
			return Condition{}, fmt.Errorf("%s: %w", spec.name, err)
		}
		if c.Values = append(c.Values, values...); len(c.Values) > mostValues {
			return Condition{}, fmt.Errorf("%s: more than %d values; name a network or a range", spec.name, mostValues)
		}
	}
	return c, nil
}

// String writes the condition as ParseCondition reads it.
func (c Condition) String() string {
	var texts []string
	for i, v := range c.Values {
		if i == 0 || v.text != texts[len(texts)-1] { // a service's name may be several values
			texts = append(texts, v.text)
		}
	}
	text := strings.Join(texts, ",")
	if c.Not {
		text = "!" + text
	}
	return text
}

// example is a value of the field, for errors and for the page.
func (s *spec) example() string {
	switch s.kind {
	case addresses:
		return "192.168.88.10, 192.168.88.0/24 or 192.168.88.1-192.168.88.20"
	case protocols:
		return "tcp, udp, icmp or 47"
	case days:
		return "2026-11-23 or 2026-11-01..2026-11-05"
	case weekdays:
		return "mon, mon-fri or 1-5"
	case services:
		return "https, tcp/8443 or icmp"
	case directions:
		return "up or down"
	case sizes:
		return ">10MiB or 1000-2000"
	case routers, departments:
		return "its name in the configuration"
	}
	return fmt.Sprintf("%d or %d-%d", min(s.most, s.least+443), s.least, min(s.most, s.least+1024))
}

func (s *spec) parse(text string, setting *Setting) ([]Value, error) {
	bad := func() error { return fmt.Errorf("%q is no value of it; write for example %s", cut(text), s.example()) }
	one := func(v Value, ok bool) ([]Value, error) {
		if !ok {
			return nil, bad()
		}
		return []Value{v}, nil
	}
	switch s.kind {
	case addresses:
		return one(parseAddresses(text))
	case days:
		return one(parseDays(text, setting))
	case sizes:
		return one(parseSizes(text))
	case protocols:
		if number, known := protocolNumbers[strings.ToLower(text)]; known {
			return []Value{{text: strings.ToLower(text), low: number, high: number}}, nil
		}
	case weekdays:
		if v, ok := parseWeekdays(strings.ToLower(text)); ok {
			return []Value{v}, nil
		}
	case directions:
		if i := slices.Index([]string{"up", "down"}, strings.ToLower(text)); i >= 0 {
			return []Value{{text: strings.ToLower(text), low: uint64(i + 1), high: uint64(i + 1)}}, nil
		}
		return nil, bad()
	case routers:
		id, known := setting.Routers[text]
		if !known {
			return nil, fmt.Errorf("there is no router %q with flows", cut(text))
		}
		return []Value{{text: text, low: uint64(id), high: uint64(id)}}, nil
	case departments:
		if text == "-" { // of no department
			return []Value{{text: text}}, nil
		}
		i := slices.IndexFunc(setting.Departments, func(d Department) bool { return d.Name == text })
		if i < 0 {
			return nil, fmt.Errorf("there is no department %q; - is none", cut(text))
		}
		return []Value{{text: text, low: uint64(i + 1), high: uint64(i + 1)}}, nil
	case services:
		found := setting.Services(strings.ToLower(text))
		if len(found) == 0 {
			return nil, bad()
		}
		var values []Value
		for _, service := range found {
			code := uint64(service.Proto)<<16 | uint64(service.Port)
			values = append(values, Value{text: strings.ToLower(text), low: code, high: code})
		}
		return values, nil
	}
	return one(s.parseNumbers(text))
}

var weekdayNames = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// parseWeekdays reads names, mon or mon-fri; digits are read as those of any field.
func parseWeekdays(text string) (Value, bool) {
	first, last, ranged := strings.Cut(text, "-")
	from := slices.Index(weekdayNames[:], strings.TrimSpace(first))
	to := from
	if ranged {
		to = slices.Index(weekdayNames[:], strings.TrimSpace(last))
	}
	if from < 0 || to < from {
		return Value{}, false
	}
	v := Value{text: weekdayNames[from], low: uint64(from + 1), high: uint64(to + 1)}
	if ranged {
		v.text += "-" + weekdayNames[to]
	}
	return v, true
}

// protocolNumbers are IANA's numbers of protocols that offices have.
var protocolNumbers = map[string]uint64{
	"icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "udp": 17, "ipv6": 41, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "icmpv6": 58,
	"ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132, "udplite": 136,
}

func parseAddresses(text string) (Value, bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		prefix = prefix.Masked()
		if prefix.Addr().Is4In6() {
			return Value{}, false
		}
		return Value{text: prefix.String(), from: prefix.Addr(), to: lastOf(prefix)}, true
	}
	first, last, ranged := strings.Cut(text, "-")
	from, err := netip.ParseAddr(strings.TrimSpace(first))
	from = from.Unmap()
	if err != nil || from.Zone() != "" {
		return Value{}, false
	}
	if !ranged {
		return Value{text: from.String(), from: from, to: from}, true
	}
	to, err := netip.ParseAddr(strings.TrimSpace(last))
	to = to.Unmap()
	if err != nil || to.Zone() != "" || from.BitLen() != to.BitLen() || to.Less(from) {
		return Value{}, false
	}
	return Value{text: from.String() + "-" + to.String(), from: from, to: to}, true
}

// lastOf is a network's last address.
func lastOf(prefix netip.Prefix) netip.Addr {
	bytes := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

func parseDays(text string, s *Setting) (Value, bool) {
	first, last, ranged := strings.Cut(text, "..")
	from, err := archive.ParseDay(first, s.Now, s.Location)
	if err != nil {
		return Value{}, false
	}
	to := from
	if ranged {
		if to, err = archive.ParseDay(last, s.Now, s.Location); err != nil || to.Before(from) {
			return Value{}, false
		}
	}
	v := Value{text: from.String(), low: dayNumber(from), high: dayNumber(to)}
	if ranged {
		v.text += ".." + to.String()
	}
	return v, true
}

// dayNumber is a day as a number that is written 20261123.
func dayNumber(d archive.Day) uint64 {
	return uint64(d.Year)*10_000 + uint64(d.Month)*100 + uint64(d.Day)
}

// dayOf is the day of such a number.
func dayOf(n uint64) archive.Day {
	return archive.Day{Year: int(n / 10_000), Month: time.Month(n / 100 % 100), Day: int(n % 100)}
}

func parseSizes(text string) (Value, bool) {
	if rest, more := strings.CutPrefix(text, ">"); more {
		n, err := parseSize(rest)
		return Value{text: text, low: n + 1, high: 1<<64 - 1}, err == nil && n < 1<<64-1
	}
	if rest, less := strings.CutPrefix(text, "<"); less {
		n, err := parseSize(rest)
		return Value{text: text, high: n - 1}, err == nil && n > 0
	}
	first, last, ranged := strings.Cut(text, "-")
	from, err := parseSize(first)
	to := from
	if err == nil && ranged {
		to, err = parseSize(last)
	}
	return Value{text: text, low: from, high: to}, err == nil && from <= to
}

// parseSize reads bytes: digits, exact; or with a unit, 10MiB or 10 MB.
func parseSize(text string) (uint64, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n, nil
	}
	return humanize.ParseBytes(text)
}

func (s *spec) parseNumbers(text string) (Value, bool) {
	first, last, ranged := strings.Cut(text, "-")
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 32)
	to := from
	if err == nil && ranged {
		to, err = strconv.ParseUint(strings.TrimSpace(last), 10, 32)
	}
	if err != nil || from > to || from < s.least || to > s.most {
		return Value{}, false
	}
	v := Value{text: strconv.FormatUint(from, 10), low: from, high: to}
	if ranged {
		v.text += "-" + strconv.FormatUint(to, 10)
	}
	return v, true
}
