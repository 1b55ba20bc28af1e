package routeros

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is how values of a property are compared and written: the same setting
// reads differently from version to version.
type kind uint8

const (
	plainText kind = iota
	boolean        // yes and no are written; true and false are read
	duration       // 30m, 1h30m, 1w2d, 00:30:00, 1d 00:00:00, 500ms, or plain seconds
	integer
	address
	set      // a list with commas, whose order says nothing
	anyCase  // words whose case says nothing: ipfix
	quantity // 4k, 1M
	policies // of a group, in which !ftp says that ftp is not among them
	networks // addresses and prefixes, of which one address may be printed with its length
)

// kinds are those of the properties that nfacct writes, by name.
var kinds = map[string]kind{
	"active-flow-timeout": duration, "inactive-flow-timeout": duration, "v9-template-timeout": duration,
	"interfaces": set, "cache-entries": quantity, "enabled": boolean, "disabled": boolean,
	"dst-address": address, "src-address": address, "port": integer, "version": anyCase, "v9-template-refresh": integer,
	"policy": policies, "address": networks,
}

// kindOf is the kind of a property: in the menu of IPFIX all are switches.
func kindOf(menu, key string) kind {
	if menu == menuIPFIX {
		return boolean
	}
	return kinds[key]
}

// same says whether two values of a kind mean the same.
func (k kind) same(a, b string) bool {
	switch k {
	case boolean:
		x, ok := parseBool(a)
		y, ok2 := parseBool(b)
		return ok && ok2 && x == y
	case duration:
		x, err := parseDuration(a)
		y, err2 := parseDuration(b)
		return err == nil && err2 == nil && x == y
	case integer:
		x, err := strconv.ParseInt(a, 10, 64)
		y, err2 := strconv.ParseInt(b, 10, 64)
		return err == nil && err2 == nil && x == y
	case address:
		return parseAddr(a) == parseAddr(b)
	case set:
		return slices.Equal(members(a), members(b))
	case policies:
		return slices.Equal(granted(a), granted(b))
	case networks:
		return slices.Equal(prefixes(a), prefixes(b))
	case anyCase, quantity:
		return strings.EqualFold(a, b)
	}
	return a == b
}

func parseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "yes", "true":
		return true, true
	case "no", "false":
		return false, true
	}
	return false, false
}

// isYes reads a flag that is left out when it is not set.
func isYes(text string) bool {
	value, _ := parseBool(text)
	return value
}

func members(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// granted are the policies of a list that are not refused in it.
func granted(text string) []string {
	return slices.DeleteFunc(members(text), func(name string) bool { return name[0] == '!' })
}

// prefixes are the members of a list of networks, one address with its length.
func prefixes(text string) []string {
	list := members(text)
	for i, member := range list {
		if addr, err := netip.ParseAddr(member); err == nil {
			list[i] = netip.PrefixFrom(addr, addr.BitLen()).String()
		}
	}
	slices.Sort(list)
	return list
}

// parseAddr reads an address; what is none is the zero one, as is automatic
// (0.0.0.0 or ::, or left out).
func parseAddr(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.IsUnspecified() {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// units of RouterOS's durations, longest name first.
var units = []struct {
	name string
	is   time.Duration
}{
	{"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", time.Nanosecond},
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
}

// parseDuration reads every form of a time that RouterOS writes or takes. Plain
// digits are seconds.
func parseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a time such as 1m or 00:01:00", clean(text))
	rest := strings.ReplaceAll(strings.ToLower(text), " ", "")
	if rest == "" {
		return 0, bad
	}
	total := time.Duration(0)
	for rest != "" {
		if clock, ok := parseClock(rest); ok {
			total += clock
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end, rest = len(rest), rest+"s"
		}
		n, err := strconv.ParseInt(rest[:end], 10, 64)
		unit, after := cutUnit(rest[end:])
		if err != nil || unit == 0 || n > int64((1<<62)/unit) {
			return 0, bad
		}
		rest = after
		if total += time.Duration(n) * unit; total < 0 {
			return 0, bad
		}
	}
	return total, nil
}

// cutUnit takes a unit from the beginning of a text; 0 is none.
func cutUnit(text string) (time.Duration, string) {
	for _, unit := range units {
		if after, ok := strings.CutPrefix(text, unit.name); ok {
			return unit.is, after
		}
	}
	return 0, text
}

// parseClock reads 00:30:00 and 00:30:00.5.
func parseClock(text string) (time.Duration, bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return 0, false
	}
	hours, err := strconv.ParseUint(parts[0], 10, 16)
	minutes, err2 := strconv.ParseUint(parts[1], 10, 8)
	seconds, err3 := strconv.ParseFloat(parts[2], 64)
	if err != nil || err2 != nil || err3 != nil || minutes > 59 || !(seconds >= 0 && seconds < 60) {
		return 0, false
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds*float64(time.Second)), true
}

// formatDuration writes a time as RouterOS reads it: 1h30m, 15s.
func formatDuration(d time.Duration) string {
	var b strings.Builder
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / unit.is; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d -= n * unit.is
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// Version is a version of RouterOS.
type Version struct{ Major, Minor int }

// ParseVersion reads "7.10 (stable)", "6.49.7 (long-term)" or "7.24beta2"; what
// it cannot read is 0.0.
func ParseVersion(text string) (v Version) {
	text, _, _ = strings.Cut(text, " ")
	major, rest, _ := strings.Cut(text, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	v.Major, _ = strconv.Atoi(major)
	v.Minor, _ = strconv.Atoi(rest[:end])
	return v
}

// AtLeast says whether the version is this one or a later.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}
