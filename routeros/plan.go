package routeros

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Setting is one property to write.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Was   string `json:"was"` // what the router says now; "" when new
	// Secret values are not shown, in commands or elsewhere.
	Secret bool `json:"-"`
}

// MarshalJSON leaves secrets out.
func (s Setting) MarshalJSON() ([]byte, error) {
	type plain Setting // without this method
	if s.Secret {
		s.Value = "..."
	}
	return json.Marshal(plain(s))
}

// Change is one thing to write: a command of the API.
type Change struct {
	Menu     string    `json:"menu"`         // /ip/traffic-flow/target
	Verb     string    `json:"verb"`         // set, add or remove
	ID       string    `json:"id,omitempty"` // of the item, in a list
	Settings []Setting `json:"settings"`
	// find is how a person names the item: dst-address=... port=...
	find string
	// name is that of a user or group.
	name string
	// among are the words of print that leave out what cannot be the item: menus
	// of block lists may be longer than an answer can be.
	among []string
}

// Command is what an administrator would type for it.
func (c Change) Command() string {
	var b strings.Builder
	b.WriteString(typed(c.Menu) + " " + c.Verb)
	if c.find != "" {
		b.WriteString(" [find " + c.find + "]")
	} else if c.ID != "" {
		b.WriteString(" " + clean(c.ID))
	}
	for _, s := range c.Settings {
		value := quote(s.Value)
		if s.Secret {
			value = `"..."`
		}
		fmt.Fprintf(&b, " %s=%s", s.Key, value)
	}
	return b.String()
}

// quote writes a value as the command line of RouterOS reads it.
func quote(value string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.,:/*", r)
	}
	if value != "" && !strings.ContainsFunc(value, func(r rune) bool { return !plain(r) }) {
		return value
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, `?`, `\?`).Replace(value)
	return `"` + clean(escaped) + `"`
}

// Plan is the difference between what a router does and what is wanted.
type Plan struct {
	// Changes in the order of writing.
	Changes []Change
	// Notes are what is not to be written but to be known: foreign targets, what
	// this version does not support, what undo cannot do.
	Notes []string
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// ipfixFields are the fields of IPFIX that accounting needs; all are on by
// default. sys-init-time came after 6.42, which does without.
var ipfixFields = []string{
	"bytes", "packets", "protocol", "src-address", "dst-address", "src-port", "dst-port",
	"in-interface", "out-interface", "first-forwarded", "last-forwarded", "gateway",
	"nat-src-address", "nat-dst-address", "nat-src-port", "nat-dst-port", "sys-init-time",
}

// optionalField may be missing without a word.
const optionalField = "sys-init-time"

// Compare plans what turns the found state into the wanted one. Writes come in
// this order: the target, the fields of IPFIX, and what switches the export on.
func Compare(found *State, w Wanted) Plan {
	plan := Plan{Notes: slices.Clone(w.Notes)}
	plan.target(found, w)
	if w.Version == "ipfix" {
		var wanted []Setting
		for _, field := range ipfixFields {
			if _, has := found.IPFIX[field]; has || field != optionalField {
				wanted = append(wanted, Setting{Key: field, Value: "yes"})
			}
		}
		if found.IPFIX == nil {
			plan.note("this RouterOS has no %s: its ipfix sends what it likes; version 9 is safer", typed(menuIPFIX))
		} else {
			plan.set(menuIPFIX, found.IPFIX, wanted)
		}
	}
	flow := []Setting{
		{Key: "active-flow-timeout", Value: formatDuration(w.ActiveTimeout)},
		{Key: "inactive-flow-timeout", Value: formatDuration(w.InactiveTimeout)},
	}
	if len(w.Interfaces) > 0 {
		flow = append(flow, Setting{Key: "interfaces", Value: strings.Join(w.Interfaces, ",")})
	}
	if w.CacheEntries != "" {
		flow = append(flow, Setting{Key: "cache-entries", Value: w.CacheEntries})
	}
	plan.set(menuFlow, found.Flow, append(flow, Setting{Key: "enabled", Value: "yes"}))
	if isYes(found.Flow["packet-sampling"]) {
		plan.note("the router samples (packet-sampling=yes), so bytes and packets will be estimates: %s set packet-sampling=no", typed(menuFlow))
	}
	return plan
}

// Bare is whether the router exports nothing here: it has no target of ours, and
// its export is off. Otherwise changes mean that it has drifted.
func (p *Plan) Bare() bool {
	added, enabled := false, false
	for _, change := range p.Changes {
		added = added || change.Menu == menuTarget && change.Verb == "add"
		for _, setting := range change.Settings {
			enabled = enabled || change.Menu == menuFlow && setting.Key == "enabled"
		}
	}
	return added && enabled
}

// Check says what a router of that version cannot do at all, before anything is
// written to it.
func (w Wanted) Check(found *State) error {
	if v := ParseVersion(found.Version); !w.Collector.Addr().Is4() && !v.AtLeast(7, 24) {
		return fmt.Errorf("RouterOS %s sends flows to IPv4 addresses only (IPv6 came with 7.24), and the collector is %s; write an IPv4 address of this machine to provision.collector", found.Version, w.Collector.Addr())
	}
	return nil
}

// set plans one set command for those properties of a menu that differ.
func (p *Plan) set(menu string, found Values, wanted []Setting) {
	if change := p.differ(menu, found, wanted); change != nil {
		p.Changes = append(p.Changes, *change)
	}
}

// differ keeps the settings that differ from what was found, and notes those
// that this version does not have.
func (p *Plan) differ(menu string, found Values, wanted []Setting) *Change {
	change := Change{Menu: menu, Verb: "set"}
	for _, s := range wanted {
		was, has := found[s.Key]
		switch {
		case !has:
			p.note("this version does not support %s in %s: it stays as it is", s.Key, typed(menu))
		case !kindOf(menu, s.Key).same(was, s.Value):
			s.Was = was
			change.Settings = append(change.Settings, s)
		}
	}
	if change.Settings == nil {
		return nil
	}
	return &change
}

// target plans our target, and says what there is beside it.
func (p *Plan) target(found *State, w Wanted) {
	to := w.Collector
	if !to.Addr().Is4() && !ParseVersion(found.Version).AtLeast(7, 24) {
		p.note("RouterOS %s sends flows to IPv4 addresses only (IPv6 came with 7.24): write an IPv4 address to provision.collector", found.Version)
	}
	settings := []Setting{
		{Key: "dst-address", Value: to.Addr().String()},
		{Key: "port", Value: strconv.Itoa(int(to.Port()))},
		{Key: "version", Value: w.Version},
		{Key: "v9-template-refresh", Value: strconv.Itoa(w.TemplateRefresh)},
		{Key: "v9-template-timeout", Value: formatDuration(w.TemplateTimeout)},
	}
	if w.Version == "5" {
		settings = settings[:3] // it has no templates
		p.note("version 5 has no NAT fields: some downloads cannot be charged to a host")
	}
	if w.Source.IsValid() {
		settings = append(settings, Setting{Key: "src-address", Value: w.Source.String()})
	}
	// Of several that send here the one that is in force is ours: to switch on
	// another would count every byte twice.
	ours := found.at(to)
	slices.SortStableFunc(ours, func(a, b Values) int { return disabled(a) - disabled(b) })
	if len(ours) == 0 {
		p.Changes = append(p.Changes, Change{Menu: menuTarget, Verb: "add", Settings: settings})
	} else {
		// A property that is not printed is at its default.
		first := Values{"disabled": "no", "src-address": ""}
		for key, value := range ours[0] {
			first[key] = value
		}
		settings = append(settings, Setting{Key: "disabled", Value: "no"})
		if change := p.differ(menuTarget, first, settings); change != nil {
			change.ID = first[".id"]
			if len(ours) == 1 { // else its number alone tells it from the others
				change.find = finding(to)
			}
			p.Changes = append(p.Changes, *change)
		}
	}
	for _, extra := range ours[min(len(ours), 1):] {
		if !isYes(extra["disabled"]) {
			p.note("target %s sends to %s as well, so that every byte counts twice; remove it: %s remove %[1]s", clean(extra[".id"]), to, typed(menuTarget))
		}
	}
	for _, other := range found.Targets {
		if at := destination(other); at != to {
			p.note("the router also sends flows to %s; that target is not ours and stays as it is (%s)", where(other), clean(other[".id"]))
		}
	}
}

func disabled(target Values) int {
	if isYes(target["disabled"]) {
		return 1
	}
	return 0
}

// where is where a target sends to, as its router wrote it.
func where(target Values) string {
	if to := destination(target); to.IsValid() {
		return to.String()
	}
	return clean(target["dst-address"] + target["address"])
}

// finding is how a person names a target, when it is the only one there.
func finding(to netip.AddrPort) string {
	return fmt.Sprintf("dst-address=%s port=%d", to.Addr(), to.Port())
}
