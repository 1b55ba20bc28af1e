package routeros

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

const (
	menuGroup = "/user/group"
	menuUser  = "/user"
)

// accountPolicies are the least rights that provisioning needs: api to log in,
// read for facts, write for /ip traffic-flow. For facts alone api and read do.
var accountPolicies = []string{"api", "read", "write"}

// PlanAccount plans a group and a user of that name who can do what nfacct does
// and no more, and from this machine only. The password is only written when the
// user is new; a user that is there keeps the one it has.
func (d *Device) PlanAccount(ctx context.Context, name, password string, from netip.Addr) (Plan, error) {
	var plan Plan
	groups, err := d.print(ctx, menuGroup)
	if err != nil {
		return plan, err
	}
	users, err := d.print(ctx, menuUser)
	if err != nil {
		return plan, err
	}
	named := func(items []Values) int {
		return slices.IndexFunc(items, func(v Values) bool { return v["name"] == name })
	}
	if at := named(groups); at < 0 {
		plan.Changes = append(plan.Changes, Change{Menu: menuGroup, Verb: "add", name: name, Settings: []Setting{
			{Key: "name", Value: name}, {Key: "policy", Value: strings.Join(accountPolicies, ",")},
		}})
	} else if was := groups[at]["policy"]; !policies.same(was, strings.Join(accountPolicies, ",")) {
		plan.Changes = append(plan.Changes, Change{Menu: menuGroup, Verb: "set", ID: groups[at][".id"], find: "name=" + quote(name), name: name, Settings: []Setting{
			{Key: "policy", Value: refusing(strings.Join(accountPolicies, ","), was), Was: was},
		}})
	}
	if at := named(users); at < 0 {
		settings := []Setting{{Key: "name", Value: name}, {Key: "group", Value: name}, {Key: "password", Value: password, Secret: true}}
		if from.IsValid() && !from.IsLoopback() {
			settings = append(settings, Setting{Key: "address", Value: from.String()})
		}
		plan.Changes = append(plan.Changes, Change{Menu: menuUser, Verb: "add", name: name, Settings: settings})
	} else if was := users[at]["group"]; was != name {
		plan.Changes = append(plan.Changes, Change{Menu: menuUser, Verb: "set", ID: users[at][".id"], find: "name=" + quote(name), name: name, Settings: []Setting{
			{Key: "group", Value: name, Was: was},
		}})
	}
	return plan, nil
}

// refusing are policies, and those that a group has now refused by name: what is
// not refused may stay.
func refusing(wanted, now string) string {
	policy := granted(wanted)
	for _, other := range granted(now) {
		if !slices.Contains(policy, other) {
			policy = append(policy, "!"+other)
		}
	}
	return strings.Join(policy, ",")
}
