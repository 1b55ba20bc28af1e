package report

import (
	"cmp"
	"fmt"
	"net/mail"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"nfacct/report/phrase"
	"nfacct/report/squid"
)

// Config says what reports are like.
type Config struct {
	// Language of reports, as package phrase has it; Catalogue is a file with
	// another one, or with other words.
	Language  string `toml:"language"`
	Catalogue string `toml:"catalogue"`
	// Units are iec (GiB) or si (GB).
	Units string `toml:"units"`
	// Names are the sources of hosts' names, the most trusted first.
	Names []string `toml:"names"`
	// HostsFile is a file of names in the form of /etc/hosts.
	HostsFile string `toml:"hosts_file"`
	// DNS asks the resolver of this machine for the names of the biggest hosts.
	DNS bool `toml:"dns"`
	// TopPeers and TopServices are how many of each a host is shown with.
	TopPeers    int `toml:"top_peers"`
	TopServices int `toml:"top_services"`
	// HostsMost is how many hosts text and HTML list; what the others moved is one
	// line. JSON and workbooks have all.
	HostsMost   int          `toml:"hosts_most"`
	Departments []Group      `toml:"department"`
	Quotas      []Quota      `toml:"quota"`
	Squid       squid.Config `toml:"squid"`
}

// Group is a department.
type Group struct {
	Name string `toml:"name"`
	Members
	// To are the addresses of those who get the department's own report.
	To []string `toml:"to"`
}

// Members are hosts, by any of several ways to list them.
type Members struct {
	// Hosts are addresses, networks, or ranges of addresses with a dash.
	Hosts []string `toml:"hosts"`
	// List is a file of the same, one a line.
	List string `toml:"list"`
	// AddressList is the name of a router's address list.
	AddressList string `toml:"address_list"`
}

// AddressLists are the routers' address lists that the configuration names.
func (c *Config) AddressLists() []string {
	var names []string
	for i := range c.Departments {
		names = append(names, c.Departments[i].AddressList)
	}
	for i := range c.Quotas {
		names = append(names, c.Quotas[i].AddressList)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// empty says that nobody is meant.
func (m *Members) empty() bool { return len(m.Hosts) == 0 && m.List == "" && m.AddressList == "" }

// Quota is a bound on traffic past the proxy.
type Quota struct {
	Name string `toml:"name"`
	// Enabled switches the quota off without losing it; left out, it is on.
	Enabled *bool `toml:"enabled"`
	// Each is whose traffic is measured: of each host, of each department, or of
	// all the hosts listed together.
	Each string `toml:"each"` // host, department, list
	// Period is day or month.
	Period string `toml:"period"`
	Soft   Size   `toml:"soft"` // 0: none
	Hard   Size   `toml:"hard"` // 0: none
	// Departments and Members say whom it is for; without them it is for all.
	Departments []string `toml:"departments"`
	Members
}

// Default fills in what is left out: a quota is of each host and of a day.
func (q *Quota) Default() {
	q.Each, q.Period = cmp.Or(q.Each, "host"), cmp.Or(q.Period, "day")
}

// On says whether the quota is in force.
func (q *Quota) On() bool { return q.Enabled == nil || *q.Enabled }

// nameSources are where names can come from.
var nameSources = []string{"lease", "comment", "dns", "file"}

// DefaultConfig is English, and asks nobody for names.
func DefaultConfig() Config {
	return Config{
		Language: "en", Units: "iec", Names: slices.Clone(nameSources), TopPeers: 5, TopServices: 5, HostsMost: 1000,
		Squid: squid.DefaultConfig(),
	}
}

// Check reports each wrong value with its key and a remedy.
func (c Config) Check(report func(key, problem, remedy string)) {
	if _, err := phrase.New("en", c.Units); err != nil {
		report("units", err.Error(), "")
	} else if _, err := phrase.New(c.Language, c.Units); err != nil && c.Catalogue == "" {
		report("language", err.Error(), "")
	}
	if c.Catalogue != "" {
		if _, err := c.Phrases(); err != nil {
			report("catalogue", err.Error(), "")
		}
	}
	for i, name := range c.Names {
		if !slices.Contains(nameSources, name) {
			report("names", fmt.Sprintf("%q is no source of names", name), "choose of "+strings.Join(nameSources, ", "))
		} else if slices.Contains(c.Names[:i], name) {
			report("names", fmt.Sprintf("%q stands here twice", name), "")
		}
	}
	if c.HostsFile != "" {
		// A wrong line costs one name and no report: the reader warns about it.
		if file, err := os.Open(c.HostsFile); err != nil {
			report("hosts_file", err.Error(), "write a file in the form of /etc/hosts, or leave the key empty")
		} else {
			file.Close()
		}
	}
	if c.TopPeers < 0 || c.TopPeers > mostTop || c.TopServices < 0 || c.TopServices > mostTop {
		report("top_peers", fmt.Sprintf("top_peers and top_services are 0 to %d", mostTop), "")
	}
	if c.HostsMost < 1 || c.HostsMost > mostHeld {
		report("hosts_most", fmt.Sprintf("%d hosts: a page lists 1 to %d", c.HostsMost, mostHeld), "JSON and the workbook have all hosts in any case")
	}
	var names []string
	for i := range c.Departments {
		d := &c.Departments[i]
		at := fmt.Sprintf("department[%d].", i)
		switch {
		case !fit(d.Name):
			report(at+"name", fmt.Sprintf("%q is not fit to be shown", d.Name), "use 1 to 64 letters, digits and signs, without space around them")
		case slices.Contains(names, d.Name):
			report(at+"name", fmt.Sprintf("department %q stands here twice", d.Name), "give each its own name")
		}
		names = append(names, d.Name)
		if d.empty() {
			report(at+"hosts", "a department without hosts", `write for example hosts = ["192.168.1.0/24"], or name a list`)
		}
		d.Members.check(at, report)
		for _, to := range d.To {
			if _, err := mail.ParseAddress(to); err != nil {
				report(at+"to", fmt.Sprintf("%q is no mail address", to), `write for example "Anna <anna@example.net>"`)
			}
		}
	}
	for i := range c.Quotas {
		c.Quotas[i].check(fmt.Sprintf("quota[%d].", i), names, report)
	}
	c.Squid.Check(func(key, problem, remedy string) { report("squid."+key, problem, remedy) })
}

// mostTop is how many peers of each host the archive keeps.
const mostTop = 10

func (q *Quota) check(at string, departments []string, report func(key, problem, remedy string)) {
	if !fit(q.Name) {
		report(at+"name", fmt.Sprintf("%q is not fit to be shown", q.Name), "use 1 to 64 letters, digits and signs, without space around them")
	}
	if !slices.Contains([]string{"host", "department", "list"}, q.Each) {
		report(at+"each", fmt.Sprintf("%q cannot have a quota", q.Each), "choose host, department or list")
	}
	if q.Each == "list" && q.empty() {
		report(at+"hosts", "a quota of a list without hosts", `write for example hosts = ["192.168.1.0/24"], or name a list`)
	}
	if q.Period != "day" && q.Period != "month" {
		report(at+"period", fmt.Sprintf("%q is no period of a quota", q.Period), "choose day or month")
	}
	switch {
	case q.Soft == 0 && q.Hard == 0:
		report(at+"hard", "a quota without bounds", `write for example hard = "5GiB"`)
	case q.Hard > 0 && q.Soft > q.Hard:
		report(at+"soft", fmt.Sprintf("the soft bound %s is above the hard one %s", q.Soft, q.Hard), "")
	}
	for _, name := range q.Departments {
		if !slices.Contains(departments, name) {
			report(at+"departments", fmt.Sprintf("there is no department %q", name), "add a [[report.department]] of that name")
		}
	}
	q.Members.check(at, report)
}

func (m *Members) check(at string, report func(key, problem, remedy string)) {
	for _, text := range m.Hosts {
		if _, _, err := parseRange(text); err != nil {
			report(at+"hosts", err.Error(), "")
		}
	}
	if m.List != "" {
		if err := readList(m.List, func(netip.Addr, netip.Addr) {}); err != nil {
			report(at+"list", err.Error(), "write one address, network or range a line; a remark begins with #")
		}
	}
}

// fit says whether a name can stand in reports.
func fit(name string) bool {
	return name != "" && len([]rune(name)) <= 64 && Clean(name) == name
}

// parseRange reads an address, a network, or two addresses with a dash.
func parseRange(text string) (from, to netip.Addr, err error) {
	text = strings.TrimSpace(text)
	if prefix, err := netip.ParsePrefix(text); err == nil {
		prefix = prefix.Masked()
		return prefix.Addr(), lastOf(prefix), nil
	}
	first, last, isRange := strings.Cut(text, "-")
	if from, err = netip.ParseAddr(strings.TrimSpace(first)); err == nil {
		if to = from; isRange {
			to, err = netip.ParseAddr(strings.TrimSpace(last))
		}
	}
	from, to = from.Unmap().WithZone(""), to.Unmap().WithZone("")
	if err != nil || from.BitLen() != to.BitLen() || to.Less(from) {
		return from, to, fmt.Errorf("%q is neither address nor network nor range: write for example 192.168.1.7, 192.168.1.0/24 or 192.168.1.10-192.168.1.20", text)
	}
	return from, to, nil
}

// lastOf is the last address of a network.
func lastOf(prefix netip.Prefix) netip.Addr {
	b := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// Size is a number of bytes, written as 512MiB or 20GB in a configuration file.
type Size uint64

// UnmarshalText reads a size with a decimal (kB, MB) or binary (KiB, MiB) unit.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%q is not a size: write for example 512MiB or 20GB", text)
	}
	*s = Size(n)
	return nil
}

// MarshalText writes the size so that UnmarshalText reads the same number.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size in the largest unit that divides it.
func (s Size) String() string {
	for _, step := range []struct {
		by    Size
		units []string
	}{{1024, []string{"B", "KiB", "MiB", "GiB", "TiB"}}, {1000, []string{"B", "kB", "MB", "GB", "TB"}}} {
		n, unit := s, 0
		for n != 0 && n%step.by == 0 && unit < len(step.units)-1 {
			n, unit = n/step.by, unit+1
		}
		if unit > 0 {
			return strconv.FormatUint(uint64(n), 10) + step.units[unit]
		}
	}
	return strconv.FormatUint(uint64(s), 10) + "B"
}
