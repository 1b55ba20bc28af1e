package routeros

import (
	"context"
	"errors"
	"slices"
)

// SavedAccount is what was written of one user or group.
type SavedAccount struct {
	Menu  string `json:"menu"` // /user or /user/group
	Name  string `json:"name"`
	Added bool   `json:"added"` // else it was there, and Key was set
	Key   string `json:"key,omitempty"`
	Was   string `json:"was,omitempty"`
}

func (s *Saved) noteAccount(c Change) {
	a := SavedAccount{Menu: c.Menu, Name: c.name, Added: c.Verb == "add"}
	if !a.Added && len(c.Settings) > 0 {
		a.Key, a.Was = c.Settings[0].Key, c.Settings[0].Was
	}
	same := func(b SavedAccount) bool { return b.Menu == a.Menu && b.Name == a.Name && (b.Added || b.Key == a.Key) }
	if !slices.ContainsFunc(s.Account, same) { // what was first is what is given back
		s.Account = append(s.Account, a)
	}
}

// UndoAccount plans that users and groups are as they were before: what was added
// is removed, users before their groups. What it cannot do it notes, and left says
// what that is of.
func (d *Device) UndoAccount(ctx context.Context, s *Saved) (plan Plan, left []SavedAccount, err error) {
	for _, a := range slices.Backward(s.Account) {
		items, err := d.print(ctx, a.Menu)
		var refused *DeviceError
		if errors.As(err, &refused) && !refused.Fatal && !refused.Cut {
			plan.note("whether %s %s is as it was before is not known: %v", typed(a.Menu), a.Name, err)
			left = append(left, a)
			continue
		}
		if err != nil {
			return plan, left, err
		}
		at := slices.IndexFunc(items, func(v Values) bool { return v["name"] == a.Name })
		if at < 0 {
			continue // gone already
		}
		change := Change{Menu: a.Menu, Verb: "remove", ID: items[at][".id"], find: "name=" + quote(a.Name), name: a.Name}
		if !a.Added {
			if kindOf(a.Menu, a.Key).same(items[at][a.Key], a.Was) {
				continue
			}
			value := a.Was
			if a.Key == "policy" { // what is not refused by name may stay
				value = refusing(a.Was, items[at][a.Key])
			}
			change.Verb, change.Settings = "set", []Setting{{Key: a.Key, Value: value, Was: items[at][a.Key]}}
		}
		if d.cfg.user() == a.Name {
			plan.note("nfacct logs in as %s itself and cannot undo that: as another user, %s", d.cfg.user(), change.Command())
			left = append(left, a)
			continue
		}
		plan.Changes = append(plan.Changes, change)
	}
	slices.Reverse(left)
	return plan, left, nil
}
