package rules

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"nfacct/collector/flow"
	"nfacct/importer/attribution"
)

var ip = netip.MustParseAddr

var inside = []netip.Prefix{
	netip.MustParsePrefix("10.1.2.0/23"), netip.MustParsePrefix("10.0.0.0/16"),
	netip.MustParsePrefix("10.224.0.0/16"), netip.MustParsePrefix("10.9.9.8/31"),
}

// conversation is an attributed record: class, protocol, host, its port, peer, its port, bytes.
type conversation struct {
	class attribution.Class
	proto uint8
	host  string
	hport uint16
	peer  string
	pport uint16
	bytes uint64
}

func (c conversation) record() (*flow.Record, *attribution.Result) {
	r := &flow.Record{Has: flow.HasProto | flow.HasInIf | flow.HasOutIf, Proto: c.proto, InIf: 11, OutIf: 7}
	return r, &attribution.Result{Class: c.class, Host: ip(c.host), HostPort: c.hport, Peer: ip(c.peer), PeerPort: c.pport}
}

const up, down = attribution.Up, attribution.Down

// TestDefault holds what the predecessor left out, done right: it took any
// address with ".255" in it for a broadcast and any with "224." or "239." for
// multicast, kept real broadcasts of other masks, and looked at DNS over UDP only.
func TestDefault(t *testing.T) {
	tests := []struct {
		name string
		c    conversation
		want string
	}{
		{"a host called 255 in the middle", conversation{up, 6, "10.0.255.7", 50000, "198.51.100.9", 443, 1000}, ""},
		{"a peer called 255 in the middle", conversation{down, 6, "10.0.1.7", 50000, "198.255.100.9", 443, 1000}, ""},
		{"a peer that ends in 255", conversation{down, 6, "10.0.1.7", 50000, "198.51.100.255", 443, 1000}, ""},
		{"a host 255 within a wider LAN", conversation{up, 6, "10.1.2.255", 50000, "198.51.100.9", 443, 1000}, ""},
		{"the broadcast address of a /23", conversation{down, 17, "10.1.3.255", 137, "198.51.100.9", 137, 1000}, "broadcast"},
		{"the broadcast address of a /16", conversation{down, 17, "10.0.255.255", 137, "198.51.100.9", 137, 1000}, "broadcast"},
		{"a /31 has no broadcast address", conversation{up, 17, "10.9.9.9", 137, "198.51.100.9", 138, 1000}, ""},
		{"limited broadcast", conversation{up, 17, "10.0.1.7", 68, "255.255.255.255", 67, 1000}, "broadcast"},
		{"a host called 224", conversation{up, 6, "10.224.1.1", 50000, "198.51.100.9", 443, 1000}, ""},
		{"a peer called 239", conversation{up, 6, "10.0.1.7", 50000, "5.239.1.9", 443, 1000}, ""},
		{"multicast", conversation{up, 17, "10.0.1.7", 1900, "239.255.255.250", 1900, 1000}, "multicast"},
		{"multicast by a number between", conversation{up, 17, "10.0.1.7", 1900, "232.1.1.1", 1900, 1000}, "multicast"},
		{"IPv6 multicast", conversation{up, 17, "2001:db8::1", 1900, "ff0e::1", 1900, 1000}, "multicast"},
		{"DNS over UDP", conversation{up, 17, "10.0.1.7", 5000, "198.51.100.53", 53, 80}, "dns"},
		{"DNS over TCP", conversation{down, 6, "10.0.1.7", 5000, "198.51.100.53", 53, 3000}, "dns"},
		{"SCTP on port 53 is no DNS", conversation{down, 132, "10.0.1.7", 5000, "198.51.100.53", 53, 3000}, ""},
		{"a tunnel on port 53", conversation{down, 17, "10.0.1.7", 5000, "198.51.100.53", 53, 65537}, ""},
		{"the largest DNS record", conversation{down, 17, "10.0.1.7", 5000, "198.51.100.53", 53, 65536}, "dns"},
		{"our own name server", conversation{down, 17, "10.0.1.53", 53, "198.51.100.9", 5000, 80}, ""},
		{"a host that sends from port 53 to elsewhere", conversation{up, 17, "10.0.1.53", 53, "198.51.100.9", 443, 80}, ""},
		{"DNS over TLS", conversation{up, 6, "10.0.1.7", 5000, "198.51.100.53", 853, 80}, ""},
		{"ping stays", conversation{up, 1, "10.0.1.7", 0, "198.51.100.9", 0, 80}, ""},
		{"the web", conversation{up, 6, "10.0.1.7", 5000, "198.51.100.9", 443, 80}, ""},
	}
	list := Default()
	s := Compile(list, inside)
	for _, tt := range tests {
		r, res := tt.c.record()
		got := ""
		if i := s.Match(r, res, tt.c.bytes); i != None {
			got = list[i].Name
		}
		if got != tt.want {
			t.Errorf("%s: left out by %q, want %q", tt.name, got, tt.want)
		}
	}
	r, res := tests[len(tests)-1].c.record()
	res.Proxy = true
	if i := s.Match(r, res, 80); i == None || list[i].Name != "proxy" {
		t.Errorf("traffic of a proxy: rule %d", i)
	}
}

func decode(t *testing.T, source string) []Rule {
	t.Helper()
	var c struct {
		Rule []Rule `toml:"rule"`
	}
	meta, err := toml.Decode(source, &c)
	if err != nil {
		t.Fatal(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		t.Fatalf("not read: %v", unknown)
	}
	return c.Rule
}

func TestConditions(t *testing.T) {
	base := conversation{up, 17, "10.0.1.7", 5000, "198.51.100.9", 443, 1000}
	tests := []struct {
		rule string
		want bool
	}{
		{`direction = "up"`, true},
		{`direction = "down"`, false},
		{`protocol = "udp"`, true},
		{`protocol = 17`, true},
		{`protocol = ["tcp", 17]`, true},
		{`protocol = "tcp, ICMP"`, false},
		{`port = 443`, true},
		{`port = "5000"`, true},
		{`port = [80, "400-500"]`, true},
		{`port = "80, 8000-9000"`, false},
		{`host_port = 5000`, true},
		{`host_port = 443`, false},
		{`peer_port = 443`, true},
		{`peer_port = 5000`, false},
		{`either = ["10.0.1.7"]`, true},
		{`either = ["198.51.100.0/24", "2001:db8::/32"]`, true},
		{`either = ["203.0.113.0/24"]`, false},
		{`host = ["10.0.0.0/16"]`, true},
		{`host = ["198.51.100.0/24"]`, false},
		{`peer = ["198.51.100.0/24"]`, true},
		{`peer = ["10.0.0.0/16"]`, false},
		{`interface = [7]`, true},
		{`interface = [11, 12]`, true},
		{`interface = [12]`, false},
		{`min_bytes = 1000`, true},
		{`min_bytes = 1001`, false},
		{`max_bytes = 1000`, true},
		{`max_bytes = 999`, false},
		{`broadcast = true`, false},
		{`proxy = true`, false},
		{"host = [\"10.0.0.0/16\"]\npeer = [\"198.51.100.0/24\"]\npeer_port = 443\nprotocol = \"udp\"", true},
		{"host = [\"10.0.0.0/16\"]\npeer = [\"198.51.100.0/24\"]\npeer_port = 443\nprotocol = \"tcp\"", false},
		{"enabled = false\nport = 443", false},
		// Nested prefixes in different rules and kinds: the longest match must answer for all.
		{"host = [\"10.0.1.7\", \"10.0.0.0/8\"]\nport = 1", false},
	}
	for _, tt := range tests {
		list := decode(t, "[[rule]]\nname = \"x\"\n"+tt.rule)
		Check(list, func(key, problem, remedy string) { t.Errorf("%s: %s: %s", tt.rule, key, problem) })
		r, res := base.record()
		if got := Compile(list, inside).Match(r, res, base.bytes) != None; got != tt.want {
			t.Errorf("%s: matches %v, want %v", tt.rule, got, tt.want)
		}
	}
}

// TestNested compares the one lookup an address with asking every prefix.
func TestNested(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		list := make([]Rule, 1+random.IntN(10))
		some := func() (ps []Prefix) {
			for range random.IntN(4) {
				p, _ := netip.AddrFrom4([4]byte{10, byte(random.IntN(2)), byte(random.IntN(4)), byte(random.IntN(8))}).Prefix(8 + random.IntN(25))
				ps = append(ps, Prefix{p})
			}
			return ps
		}
		for i := range list {
			list[i] = Rule{Name: "x", Either: some(), Host: some(), Peer: some()}
		}
		s := Compile(list, nil)
		for range 100 {
			c := conversation{up, 6, "10.0.0.0", 1, "10.0.0.0", 2, 3}
			r, res := c.record()
			res.Host = netip.AddrFrom4([4]byte{10, byte(random.IntN(2)), byte(random.IntN(4)), byte(random.IntN(8))})
			res.Peer = netip.AddrFrom4([4]byte{10, byte(random.IntN(2)), byte(random.IntN(4)), byte(random.IntN(8))})
			in := func(ps []Prefix, addrs ...netip.Addr) bool {
				if len(ps) == 0 {
					return true
				}
				for _, p := range ps {
					for _, a := range addrs {
						if p.Contains(a) {
							return true
						}
					}
				}
				return false
			}
			want := None
			for i := range list {
				if in(list[i].Either, res.Host, res.Peer) && in(list[i].Host, res.Host) && in(list[i].Peer, res.Peer) {
					want = i
					break
				}
			}
			if got := s.Match(r, res, 3); got != want {
				t.Fatalf("host %s, peer %s: rule %d, want %d of %v", res.Host, res.Peer, got, want, list)
			}
		}
	}
}

func TestEffective(t *testing.T) {
	names := func(list []Rule) string {
		var words []string
		for i := range list {
			word := list[i].Name
			if !list[i].On() {
				word += "(off)"
			}
			words = append(words, word)
		}
		return strings.Join(words, " ")
	}
	if got, want := names(Effective(nil)), "broadcast multicast dns icmp(off) proxy"; got != want {
		t.Errorf("without rules of one's own: %s, want %s", got, want)
	}
	own := decode(t, `
[[rule]]
name = "backup"
peer = ["198.51.100.9"]
[[rule]]
name = "icmp"
enabled = true
[[rule]]
name = "dns"
protocol = "udp"
port = 53
`)
	list := Effective(own)
	if got, want := names(list), "backup icmp dns broadcast multicast proxy"; got != want {
		t.Errorf("with rules of one's own: %s, want %s", got, want)
	}
	if !reflect.DeepEqual(list[1].Protocol, Protocols{1, 58}) {
		t.Errorf("icmp switched on lost its conditions: %+v", list[1])
	}
	if list[2].MaxBytes != 0 || len(list[2].Protocol) != 1 {
		t.Errorf("dns was not replaced: %+v", list[2])
	}
	if own[1].Protocol != nil {
		t.Error("Effective changed its argument")
	}
}

func TestCheck(t *testing.T) {
	tests := []struct{ source, key string }{
		{"[[rule]]\nport = 1", "[0].name"},
		{"[[rule]]\nname = \"x\"", "[0].name"},
		{"[[rule]]\nname = \"x\"\nport = 1\n[[rule]]\nname = \"x\"\nport = 2", "[1].name"},
		{"[[rule]]\nname = \"x\"\ndirection = \"left\"", "[0].direction"},
		{"[[rule]]\nname = \"x\"\nmin_bytes = 5\nmax_bytes = 4", "[0].min_bytes"},
		{"[[rule]]\nname = \"x\"\nprotocol = \"icmp\"\nport = 4", "[0].protocol"},
	}
	for _, tt := range tests {
		n := 0
		Check(decode(t, tt.source), func(key, problem, remedy string) {
			n++
			if key != tt.key || problem == "" || remedy == "" {
				t.Errorf("%q: reported %q: %q; %q", tt.source, key, problem, remedy)
			}
		})
		if n != 1 {
			t.Errorf("%q: %d problems, want 1", tt.source, n)
		}
	}
	many := make([]Rule, Most)
	for i := range many {
		many[i] = Rule{Name: strings.Repeat("x", i+1), Proxy: true}
	}
	n := 0
	Check(many, func(string, string, string) { n++ })
	if n != 1 {
		t.Errorf("%d rules: %d problems, want 1", len(many), n)
	}
	Check(Default(), func(key, problem, remedy string) { t.Errorf("default: %s: %s", key, problem) })
}

func TestText(t *testing.T) {
	for _, bad := range []string{"", "x", "65536", "-1", "5-4", "1-", "-", "1-2-3", "80,", "0x50", "+5"} {
		if err := new(Ports).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("ports %q were read", bad)
		}
	}
	for _, bad := range []string{"", "tpc", "256", "-1", "tcp,", "tcp udp"} {
		if err := new(Protocols).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("protocols %q were read", bad)
		}
	}
	for _, bad := range []string{"", "10.0.0.1/8", "10.0.0/8", "fe80::1%eth0", "::ffff:10.0.0.0/104", "host"} {
		if err := new(Prefix).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("prefix %q was read", bad)
		}
	}
	for _, value := range []any{1.5, true, []any{[]any{int64(1)}}, map[string]any{}} {
		if err := new(Ports).UnmarshalTOML(value); err == nil {
			t.Errorf("ports %v were read", value)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"53", "53, 8000-8080", "tcp", "tcp, 47", "192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "::ffff:192.0.2.7"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var ports, ports2 Ports
		if ports.UnmarshalText([]byte(s)) == nil {
			if err := ports2.UnmarshalText([]byte(ports.String())); err != nil || !reflect.DeepEqual(ports, ports2) {
				t.Errorf("ports %q: %v, again %v, %v", s, ports, ports2, err)
			}
		}
		var protocols, protocols2 Protocols
		if protocols.UnmarshalText([]byte(s)) == nil {
			if err := protocols2.UnmarshalText([]byte(protocols.String())); err != nil || !reflect.DeepEqual(protocols, protocols2) {
				t.Errorf("protocols %q: %v, again %v, %v", s, protocols, protocols2, err)
			}
		}
		var p, p2 Prefix
		if p.UnmarshalText([]byte(s)) == nil {
			if err := p2.UnmarshalText([]byte(p.String())); err != nil || p != p2 {
				t.Errorf("prefix %q: %v, again %v, %v", s, p, p2, err)
			}
		}
	})
}

func TestMatchDoesNotAllocate(t *testing.T) {
	s := Compile(Default(), inside)
	c := conversation{up, 6, "10.0.1.7", 5000, "198.51.100.9", 443, 80}
	r, res := c.record()
	if n := testing.AllocsPerRun(100, func() { s.Match(r, res, 80) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	s := Compile(Default(), inside)
	c := conversation{up, 6, "10.0.1.7", 5000, "198.51.100.9", 443, 80}
	r, res := c.record()
	b.ReportAllocs()
	for b.Loop() {
		sink = s.Match(r, res, 80)
	}
}

var sink int
