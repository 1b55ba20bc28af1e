package routerostest

import (
	"slices"
	"strings"
)

// policySet is what a group may do.
type policySet map[string]bool

// policyAll is nil: everything.
var policyAll policySet

func (p policySet) has(name string) bool { return p == nil || p[name] }

// policyNames are those of a version, in the order in which groups print them.
func policyNames(version Profile) []string {
	names := []string{
		"local", "telnet", "ssh", "ftp", "reboot", "read", "write", "policy", "test", "winbox", "password", "web",
		"sniff", "sensitive", "api", "romon",
	}
	if version < V7_16 {
		return append(names, "dude", "tikapp")
	}
	return append(names, "rest-api")
}

// normalPolicies writes a group's policies as the device prints them: those it
// has, then those it lacks with an exclamation mark.
func (d *Device) normalPolicies(p *property, value string) (string, *trap) {
	has := map[string]bool{}
	names := policyNames(d.cfg.Profile)
	for item := range strings.SplitSeq(value, ",") {
		if item == "" {
			continue
		}
		name, refused := strings.CutPrefix(item, "!")
		if !slices.Contains(names, name) {
			return "", noMatch(p.name)
		}
		has[name] = !refused
	}
	var with, without []string
	for _, name := range names {
		if has[name] {
			with = append(with, name)
		} else {
			without = append(without, "!"+name)
		}
	}
	return strings.Join(append(with, without...), ","), nil
}

// policiesOf is what a user may do.
func (d *Device) policiesOf(user *item) policySet {
	set := policySet{}
	if group := d.menus["/user/group"].byName(user.values["group"]); group != nil {
		for name := range strings.SplitSeq(group.values["policy"], ",") {
			set[name] = true
		}
	}
	return set
}

// permission says no to what a group may not do.
func permission(m *menu, verb string, may policySet) *trap {
	need := []string{"read"}
	switch {
	case verb == "reboot":
		need = []string{"reboot"}
	case writes(verb) && m.policy != "":
		need = []string{"write", m.policy}
	case writes(verb):
		need = []string{"write"}
	}
	for _, policy := range need {
		if !may.has(policy) {
			return &trap{message: "not enough permissions (9)"}
		}
	}
	return nil
}
