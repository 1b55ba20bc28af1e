package archive

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// InterfaceName is what a router called the interface of an ifIndex from an instant on.
type InterfaceName struct {
	Index uint32
	From  time.Time
	Name  string
}

// InterfaceList are the names of the interfaces that were in a list from an instant on.
type InterfaceList struct {
	List    string
	From    time.Time
	Members []string
}

// MostMembers is the longest list that is kept: of longer ones no uplinks are made,
// and a list of PPPoE clients changes by the minute.
const MostMembers = 64

// NoteInterfaceLists notes which interfaces are in a router's interface lists from
// an instant on; a list that is not there is empty from then on. Nothing is written
// of lists that are as they were.
func (r Routers) NoteInterfaceLists(ctx context.Context, router string, lists map[string][]string, from time.Time) error {
	doing := "interface lists of " + router
	id, err := r.ID(ctx, router)
	if err != nil {
		return err
	}
	history, err := r.InterfaceLists(ctx, router)
	if err != nil {
		return err
	}
	known := map[string][]string{}
	for _, l := range history {
		known[l.List] = l.Members
	}
	now := map[string][]string{}
	for name := range known {
		now[name] = []string{}
	}
	for name, members := range lists {
		if len(members) <= MostMembers {
			now[cut(name, 190)] = slices.Sorted(slices.Values(members))
		}
	}
	for name, members := range now {
		if slices.Equal(known[name], members) {
			continue
		}
		text, err := json.Marshal(members)
		if err != nil {
			return err
		}
		if err := r.a.exec(ctx, doing, "REPLACE INTO interface_lists (router, list, valid_from, members) VALUES (?, ?, ?, ?)", id, name, from.UTC().Truncate(time.Second), text); err != nil {
			return err
		}
	}
	return nil
}

// InterfaceLists are a router's interface lists over time, oldest first.
func (r Routers) InterfaceLists(ctx context.Context, router string) ([]InterfaceList, error) {
	id, err := r.ID(ctx, router)
	if err != nil {
		return nil, err
	}
	return collect(ctx, r.a.db, "interface lists of "+router, "SELECT list, valid_from, members FROM interface_lists WHERE router = ? ORDER BY valid_from, list",
		func(l *InterfaceList) []any { return []any{&l.List, &l.From, fromJSON(&l.Members)} }, id)
}

// InterfaceNames are the names of a router's interfaces over time, oldest first.
func (r Routers) InterfaceNames(ctx context.Context, router string) ([]InterfaceName, error) {
	id, err := r.ID(ctx, router)
	if err != nil {
		return nil, err
	}
	return collect(ctx, r.a.db, "interfaces of "+router, "SELECT ifindex, valid_from, name FROM interfaces WHERE router = ? ORDER BY valid_from, ifindex",
		func(n *InterfaceName) []any { return []any{&n.Index, &n.From, &n.Name} }, id)
}
