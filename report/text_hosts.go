package report

import (
	"slices"
	"strconv"
	"strings"
)

// Columns: address and name share 33 with the space between them, then 3 sizes of
// 8, share, flows and peers, each with a space before it.
const (
	hostColumns    = 33
	addressColumns = 15 // every IPv4 address
	addressMost    = 22 // a longer one gets a line of its own
)

// row writes a line of the table of hosts.
func (t *text) row(address string, addresses int, name, up, down, total, share, flows, peers string) {
	names := hostColumns - 1 - addresses
	t.line(pad(address, addresses) + " " + pad(cut(name, names), names) + " " + padLeft(up, 8) + " " + padLeft(down, 8) + " " + padLeft(total, 8) +
		" " + padLeft(share, 6) + " " + padLeft(flows, 6) + " " + padLeft(peers, 5))
}

func (t *text) hosts() {
	u := t.u
	shown := u.Hosts[:min(t.rows, len(u.Hosts))]
	addresses := addressColumns
	for i := range shown {
		if n := len(shown[i].Host); n <= addressMost {
			addresses = max(addresses, n)
		}
	}
	t.line("")
	t.row(t.Text("text.host"), addresses, t.Text("text.name"), t.Text("text.up"), t.Text("text.down"), t.Text("text.sum"),
		t.Text("text.share"), t.Text("text.flows"), t.Text("text.peers"))
	rest := u.Others(len(shown))
	for i := range shown {
		h := &shown[i]
		address, name := h.Host, strings.Join(h.Names, ", ")
		if marks := h.marks(); marks != "" { // before the name, which may be cut
			name = strings.TrimSpace(marks + " " + name)
		}
		if len(address) > addresses {
			t.line(address + " " + cut(name, columns-len(address)-1))
			address, name = "", ""
		}
		t.row(address, addresses, name, t.Bytes(h.UpBytes), t.Bytes(h.DownBytes), t.Bytes(h.Bytes()), t.Percent(h.Share), short(h.Flows), short(h.Peers))
		if changed := h.NamesByTime(&u.Period); changed != "" {
			t.paragraph("    ", changed)
		}
		t.parts(h, addresses)
	}
	all := &u.Totals
	if n := u.HostCount() - len(shown); n > 0 {
		t.row(cut(t.Plural("mail.others", uint64(n)), addresses), addresses, "", t.Bytes(rest.UpBytes), t.Bytes(rest.DownBytes), t.Bytes(rest.Bytes()),
			t.Percent(part(rest.Bytes(), all.Bytes())), short(rest.Flows), "")
	}
	// No sum of peers: hosts share them.
	t.row(t.Text("text.all"), addresses, "", t.Bytes(all.UpBytes), t.Bytes(all.DownBytes), t.Bytes(all.Bytes()), t.Percent(part(all.Bytes(), all.Bytes())), short(all.Flows), "")
	if marks := u.marks(); marks != "" {
		var legend []string
		for _, mark := range marks {
			legend = append(legend, t.Text("text.mark."+map[rune]string{'+': "new", '?': "no_lease", '~': "soft", '!': "hard", '*': "weak"}[mark]))
		}
		t.paragraph("", strings.Join(legend, ", "))
	}
	if n := len(u.SharedHosts); n > 0 {
		t.paragraph("", t.Plural("text.shared", uint64(n)))
	}
}

// marks are signs before a host's name: + new, ? without lease, ~ and ! over quota,
// * download by weak rules.
func (h *Host) marks() string {
	marks := ""
	if h.New {
		marks += "+"
	}
	if h.NotInDHCP {
		marks += "?"
	}
	if h.Quota != nil {
		marks += map[string]string{QuotaSoft: "~", QuotaHard: "!"}[h.Quota.State]
	}
	if h.WeakDownload() {
		marks += "*"
	}
	return marks
}

// marks are those that any host has.
func (u *Usage) marks() string {
	all := ""
	for i := range u.Hosts {
		all += u.Hosts[i].marks()
	}
	marks := ""
	for _, mark := range "+?~!*" {
		if strings.ContainsRune(all, mark) {
			marks += string(mark)
		}
	}
	return marks
}

// detailed is how many hosts are told of in full: those that the HTML lists.
const detailed = 25

// habits says of the biggest hosts when, with whom and for what.
func (t *text) habits() {
	headed := false
	day := ""
	if t.u.Period.Kind != KindDay {
		day = "2006-01-02 "
	}
	for i := range t.u.Hosts[:min(t.details, t.rows, len(t.u.Hosts))] {
		h := &t.u.Hosts[i]
		var facts []string
		if h.Group != nil {
			facts = append(facts, Clean(*h.Group))
		}
		if h.BusiestHour != nil {
			facts = append(facts, t.Text("mail.busiest", h.BusiestHour.Format(day)+Clock(*h.BusiestHour))+" ("+t.Bytes(h.BusiestHourBytes)+")")
		}
		if i > 0 && h.CumulativeShare > 0 {
			facts = append(facts, t.Text("mail.cumulative", t.Percent(h.CumulativeShare)))
		}
		if h.DirectShare != nil && h.ProxiedBytes != nil {
			facts = append(facts, t.Text("text.direct", t.Percent(*h.DirectShare), t.Bytes(*h.ProxiedBytes)))
		}
		if len(h.ProxyUsers) > 0 {
			facts = append(facts, t.Text("text.users", Clean(t.listed(h.ProxyUsers, 3))))
		}
		if facts == nil && len(h.TopServices)+len(h.TopPeers) == 0 {
			continue
		}
		if !headed {
			t.heading("text.details")
			if t.u.TopsAtLeast {
				t.paragraph("  ", t.Text("mail.tops"))
			}
			headed = true
		}
		t.paragraph("  ", strings.TrimSpace(h.Host+" "+cut(strings.Join(h.Names, ", "), 30))+": "+strings.Join(facts, "; "))
		var parts []string
		for i := range h.TopServices {
			s := &h.TopServices[i]
			parts = append(parts, s.Name+" "+t.Bytes(s.Bytes()))
		}
		if parts != nil {
			t.paragraph("    ", strings.Join(parts, ", "))
		}
		parts = nil
		for i := range h.TopPeers {
			p := &h.TopPeers[i]
			parts = append(parts, p.Peer+" "+t.Bytes(p.Bytes()))
		}
		if parts != nil {
			t.paragraph("    ", strings.Join(parts, ", "))
		}
	}
}

// listed is the first so many of a list, and how many more there are.
func (t *text) listed(list []string, most int) string {
	if n := len(list) - most; n > 0 {
		list = append(slices.Clone(list[:most]), t.Plural("text.more", uint64(n)))
	}
	return strings.Join(list, ", ")
}

// mostNames is how many hosts a list of them names.
const mostNames = 30

// strangers lists new hosts, and those without a lease.
func (t *text) strangers() {
	for _, list := range []struct {
		key string
		all int
		has func(*Host) bool
	}{
		{"mail.new_hosts", t.u.Totals.NewHosts, func(h *Host) bool { return h.New }},
		{"mail.no_lease", t.u.Totals.NotInDHCP, func(h *Host) bool { return h.NotInDHCP }},
	} {
		var parts []string
		more := 0
		for i := range t.u.Hosts {
			h := &t.u.Hosts[i]
			switch {
			case !list.has(h):
			case len(parts) == mostNames:
				more++
			default:
				part := h.Host
				if len(h.Names) > 0 {
					part += " (" + cut(h.Names[0], 30) + ")"
				}
				parts = append(parts, part)
			}
		}
		more = max(more, list.all-len(parts)) // of hosts that are not held
		if parts == nil {
			continue
		}
		t.heading(list.key)
		if more > 0 {
			parts = append(parts, t.Plural("text.more", uint64(more)))
		}
		t.paragraph("  ", strings.Join(parts, ", "))
		if since := t.u.NewHosts.Text(t.Catalogue); since != "" && list.key == "mail.new_hosts" {
			t.paragraph("  ", since)
		}
	}
}

// short keeps a count within 5 columns.
func short(n uint64) string {
	switch {
	case n < 100_000:
		return strconv.FormatUint(n, 10)
	case n < 10_000_000:
		return strconv.FormatUint(n/1000, 10) + "k"
	}
	return strconv.FormatUint(n/1_000_000, 10) + "M"
}
