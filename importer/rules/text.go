package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Prefix is a prefix that can be written as a single address too.
type Prefix struct{ netip.Prefix }

// UnmarshalText reads "192.0.2.0/24", "192.0.2.7" or their IPv6 likes. Bits
// behind the length are an error: 10.0.255.7/8 is more likely a slip than 10.0.0.0/8.
func (p *Prefix) UnmarshalText(text []byte) error {
	s := string(text)
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return fmt.Errorf("%q is neither an address nor a prefix; write for example 192.0.2.7 or 192.0.2.0/24", s)
		}
		addr = addr.Unmap()
		p.Prefix = netip.PrefixFrom(addr, addr.BitLen())
		return nil
	}
	parsed, err := netip.ParsePrefix(s)
	switch {
	case err != nil || parsed.Addr().Is4In6():
		return fmt.Errorf("%q is no prefix; write for example 192.0.2.0/24 or 2001:db8::/32", s)
	case parsed != parsed.Masked():
		return fmt.Errorf("%q has bits set behind its length; write %s for the network, or %s for the one address", s, parsed.Masked(), parsed.Addr())
	}
	p.Prefix = parsed
	return nil
}

// MarshalText writes a single address without its length.
func (p Prefix) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String is a single address without its length, or the prefix.
func (p Prefix) String() string {
	if p.IsValid() && p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.Prefix.String()
}

// Range is a range of ports, both ends included.
type Range struct{ First, Last uint16 }

// Ports is a set of ports, in TOML a number, a string like "53, 8000-8080", or
// a list of such.
type Ports []Range

// UnmarshalTOML reads what BurntSushi/toml found.
func (p *Ports) UnmarshalTOML(value any) error {
	*p = nil
	return each(value, func(word string) error {
		r, err := parseRange(word)
		if err == nil {
			*p = append(*p, r)
		}
		return err
	})
}

// UnmarshalText reads "53" or "53, 8000-8080".
func (p *Ports) UnmarshalText(text []byte) error { return p.UnmarshalTOML(string(text)) }

// String is the form that UnmarshalText reads.
func (p Ports) String() string {
	words := make([]string, len(p))
	for i, r := range p {
		words[i] = strconv.Itoa(int(r.First))
		if r.Last != r.First {
			words[i] += "-" + strconv.Itoa(int(r.Last))
		}
	}
	return strings.Join(words, ",")
}

func parseRange(word string) (Range, error) {
	first, last, is := strings.Cut(word, "-")
	if !is {
		last = first
	}
	a, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	b, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	switch {
	case err1 != nil || err2 != nil:
		return Range{}, fmt.Errorf("%q is neither a port nor a range of ports; write a number from 0 to 65535 or for example 8000-8080", word)
	case a > b:
		return Range{}, fmt.Errorf("the range of ports %q is empty; write %d-%d", word, b, a)
	}
	return Range{uint16(a), uint16(b)}, nil
}

// Protocols is a set of IP protocols, in TOML a number or a name, or a list of such.
type Protocols []uint8

// UnmarshalTOML reads what BurntSushi/toml found.
func (p *Protocols) UnmarshalTOML(value any) error {
	*p = nil
	return each(value, func(word string) error {
		n, err := parseProtocol(word)
		if err == nil && !slices.Contains(*p, n) {
			*p = append(*p, n)
		}
		return err
	})
}

// UnmarshalText reads "tcp" or "tcp, 47".
func (p *Protocols) UnmarshalText(text []byte) error { return p.UnmarshalTOML(string(text)) }

// String is the form that UnmarshalText reads.
func (p Protocols) String() string {
	words := make([]string, len(p))
	for i, n := range p {
		words[i] = strconv.Itoa(int(n))
		for _, named := range protocolNames {
			if named.number == n {
				words[i] = named.name
				break
			}
		}
	}
	return strings.Join(words, ",")
}

// protocolNames are those of IANA's list of protocol numbers that cross
// routers, with their everyday spellings; the first of a number is printed.
var protocolNames = []struct {
	name   string
	number uint8
}{
	{"icmp", 1}, {"igmp", 2}, {"ipip", 4}, {"ipv4", 4}, {"tcp", 6}, {"egp", 8}, {"igp", 9}, {"udp", 17},
	{"dccp", 33}, {"ipv6", 41}, {"rsvp", 46}, {"gre", 47}, {"esp", 50}, {"ah", 51},
	{"icmpv6", 58}, {"ipv6-icmp", 58}, {"eigrp", 88}, {"ospf", 89}, {"etherip", 97}, {"pim", 103},
	{"ipcomp", 108}, {"vrrp", 112}, {"l2tp", 115}, {"sctp", 132}, {"udplite", 136},
}

func hasPorts(protocol uint8) bool {
	switch protocol {
	case 6, 17, 33, 132, 136:
		return true
	}
	return false
}

func parseProtocol(word string) (uint8, error) {
	for _, named := range protocolNames {
		if strings.EqualFold(named.name, word) {
			return named.number, nil
		}
	}
	n, err := strconv.ParseUint(word, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%q is no IP protocol that is known here; write its number from 0 to 255, or a name such as tcp, udp or icmp", word)
	}
	return uint8(n), nil
}

// each hands over the words of a number, a string with commas, or a list of such.
func each(value any, take func(word string) error) error {
	switch v := value.(type) {
	case int64:
		return take(strconv.FormatInt(v, 10))
	case string:
		for word := range strings.SplitSeq(v, ",") {
			if err := take(strings.TrimSpace(word)); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for _, item := range v {
			if _, nested := item.([]any); nested {
				return fmt.Errorf("a list within a list; write one list")
			}
			if err := each(item, take); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%v is neither a number, a word nor a list of such", value)
}
