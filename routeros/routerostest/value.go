package routerostest

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is what a property's value must be, and how the device writes it.
type kind uint8

const (
	text kind = iota
	boolean
	number
	duration
	choice         // one of values
	address4       // an IPv4 address
	address        // an IPv4 address, from 7.24 on also an IPv6 one
	network        // an address with its prefix length
	networks       // a comma list of networks, or nothing
	anInterface    // the name of an interface
	interfaceOrSet // that or the name of an interface list
	interfaceSet   // all, or a comma list of both
	listName       // the name of an interface list
	certificate    // none, or the name of a certificate
	policies       // a group's policies
	groupName      // the name of a group of users
	listed4        // an address, network, range or name on an address list
	listed6        // the same of IPv6
)

// normal turns what a client wrote into what the device keeps and prints, or
// says no as the device does.
func (d *Device) normal(p *property, value string) (string, *trap) {
	switch p.kind {
	case boolean:
		switch value {
		case "yes", "true":
			return "true", nil
		case "no", "false":
			return "false", nil
		}
		return "", invalidValue(p.name)
	case number:
		n, err := strconv.ParseInt(value, 0, 64)
		if err != nil {
			return "", invalidValue(p.name)
		}
		if p.most > 0 && (n < p.least || n > p.most) {
			return "", outOfRange(p, strconv.FormatInt(p.least, 10), strconv.FormatInt(p.most, 10))
		}
		return strconv.FormatInt(n, 10), nil
	case duration:
		length, ok := parseDuration(value)
		if !ok {
			return "", invalidValue(p.name)
		}
		if p.most > 0 && (length < time.Duration(p.least)*time.Second || length > time.Duration(p.most)*time.Second) {
			return "", outOfRange(p, clockTime(p.least), clockTime(p.most))
		}
		return formatDuration(length), nil
	case choice:
		if !slices.Contains(p.values, value) {
			return "", noMatch(p.name)
		}
		return value, nil
	case address4, address:
		a, err := netip.ParseAddr(value)
		if err != nil || a.Zone() != "" || !a.Is4() && (p.kind == address4 || d.cfg.Profile < V7_24) {
			return "", invalidValue(p.name)
		}
		return a.String(), nil
	case network:
		prefix, ok := parseNetwork(value)
		if !ok {
			return "", invalidValue(p.name)
		}
		return prefix.String(), nil
	case networks:
		var list []string
		for item := range strings.SplitSeq(value, ",") {
			if value == "" {
				break
			}
			prefix, ok := parseNetwork(item)
			if !ok {
				return "", invalidValue(p.name)
			}
			list = append(list, prefix.Masked().String())
		}
		return strings.Join(list, ","), nil
	case policies:
		return d.normalPolicies(p, value)
	case listed4, listed6:
		return normalListed(p, value)
	}
	if !d.known(p.kind, value) {
		return "", noMatch(p.name)
	}
	return value, nil
}

func outOfRange(p *property, least, most string) *trap {
	return &trap{"value of " + p.name + " out of range (" + least + ".." + most + ")", argument}
}

// known says whether what a value refers to exists.
func (d *Device) known(k kind, value string) bool {
	has := func(path string) bool { return d.menus[path].byName(strings.TrimPrefix(value, "!")) != nil }
	switch k {
	case anInterface:
		return has("/interface")
	case interfaceOrSet:
		return has("/interface") || has("/interface/list")
	case interfaceSet:
		for name := range strings.SplitSeq(value, ",") {
			if !d.known(interfaceOrSet, name) {
				return false
			}
		}
	case listName:
		return has("/interface/list")
	case groupName:
		return has("/user/group")
	case certificate:
		return value == "none" || has("/certificate")
	}
	return true
}

// normalListed is what stands on an address list: IPv6 addresses with their length,
// IPv4 ones without. What is none of the family is taken for a name.
func normalListed(p *property, value string) (string, *trap) {
	if prefix, ok := parseNetwork(value); ok && prefix.Addr().Is4() == (p.kind == listed4) {
		if prefix = prefix.Masked(); p.kind == listed4 && prefix.IsSingleIP() {
			return prefix.Addr().String(), nil
		}
		return prefix.String(), nil
	}
	if value == "" || strings.ContainsAny(value, ":/ ") {
		return "", &trap{message: "failure: " + value + " is not a valid dns name"}
	}
	return value, nil
}

func parseNetwork(value string) (netip.Prefix, bool) {
	if !strings.Contains(value, "/") {
		a, err := netip.ParseAddr(value)
		if err != nil {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(value)
	return prefix, err == nil
}

// units of time, longest first, as the device writes them.
var units = []struct {
	name   string
	length time.Duration
}{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour},
	{"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

// parseDuration reads the forms that RouterOS takes: 90, 1m30s, 00:01:30,
// 1d 00:00:30, 500ms. Digits alone are seconds.
func parseDuration(s string) (time.Duration, bool) {
	var sum time.Duration
	const most = 1 << 33 // seconds; more than the longest time of RouterOS
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	for s != "" {
		digits := 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			digits++
		}
		n, err := strconv.ParseInt(s[:digits], 10, 64)
		if err != nil || n > most {
			return 0, false
		}
		rest := s[digits:]
		if strings.HasPrefix(rest, ":") {
			length, ok := parseClock(s)
			return sum + length, ok
		}
		unit := rest
		if end := strings.IndexFunc(rest, func(r rune) bool { return r < 'a' || r > 'z' }); end >= 0 {
			unit = rest[:end]
		}
		i := 4 // seconds
		if unit != "" {
			if i = slices.IndexFunc(units, func(u struct {
				name   string
				length time.Duration
			}) bool {
				return u.name == unit
			}); i < 0 {
				return 0, false
			}
		} else if rest != "" {
			return 0, false
		}
		if n > int64(most*time.Second/units[i].length) {
			return 0, false
		}
		sum += time.Duration(n) * units[i].length
		s = strings.TrimPrefix(rest[len(unit):], " ")
	}
	return sum, true
}

// parseClock reads 00:01 and 00:01:30.
func parseClock(s string) (time.Duration, bool) {
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, false
	}
	var sum time.Duration
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || i > 0 && n > 59 {
			return 0, false
		}
		sum += time.Duration(n) * []time.Duration{time.Hour, time.Minute, time.Second}[i]
	}
	return sum, true
}

// formatDuration writes a time as the API prints it: 1w2d3h4m5s.
func formatDuration(length time.Duration) string {
	if length < time.Millisecond {
		return "0s"
	}
	var b strings.Builder
	for _, u := range units {
		if n := length / u.length; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10))
			b.WriteString(u.name)
			length -= n * u.length
		}
	}
	return b.String()
}

// clockTime is the form in which traps name bounds.
func clockTime(seconds int64) string {
	two := func(n int64) string {
		if n < 10 {
			return "0" + strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n, 10)
	}
	s := two(seconds/3600%24) + ":" + two(seconds/60%60) + ":" + two(seconds%60)
	if days := seconds / 86400; days > 0 {
		weeks := ""
		if days >= 7 {
			weeks = strconv.FormatInt(days/7, 10) + "w"
		}
		s = weeks + strconv.FormatInt(days%7, 10) + "d" + s
	}
	return s
}
