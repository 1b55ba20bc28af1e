package archive

import (
	"context"
	"encoding/json"
	"fmt"
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

// mostMembers is the longest list that is kept: of longer ones no uplinks are made,
// and a list of PPPoE clients changes by the minute.
const mostMembers = 64

// NoteInterfaceLists notes which interfaces are in a router's interface lists from
// an instant on; a list that is not there is empty from then on. Nothing is written
// of lists that are as they were.
func (a *Archive) NoteInterfaceLists(ctx context.Context, router string, lists map[string][]string, from time.Time) error {
	doing := "interface lists of " + router
	id, err := a.RouterID(ctx, router)
	if err != nil {
		return err
	}
	history, err := a.InterfaceLists(ctx, router)
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
		if len(members) <= mostMembers {
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
		if err := a.exec(ctx, doing, "REPLACE INTO interface_lists (router, list, valid_from, members) VALUES (?, ?, ?, ?)", id, name, from.UTC().Truncate(time.Second), text); err != nil {
			return err
		}
	}
	return nil
}

// InterfaceLists are a router's interface lists over time, oldest first.
func (a *Archive) InterfaceLists(ctx context.Context, router string) ([]InterfaceList, error) {
	doing := "interface lists of " + router
	id, err := a.RouterID(ctx, router)
	if err != nil {
		return nil, err
	}
	rows, err := a.db.QueryContext(ctx, "SELECT list, valid_from, members FROM interface_lists WHERE router = ? ORDER BY valid_from, list", id)
	if err != nil {
		return nil, wrap(doing, err)
	}
	defer rows.Close()
	var history []InterfaceList
	for rows.Next() {
		var l InterfaceList
		var members []byte
		if err := rows.Scan(&l.List, &l.From, &members); err != nil {
			return nil, wrap(doing, err)
		}
		if err := json.Unmarshal(members, &l.Members); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		history = append(history, l)
	}
	return history, wrap(doing, rows.Err())
}

// InterfaceNames are the names of a router's interfaces over time, oldest first.
func (a *Archive) InterfaceNames(ctx context.Context, router string) ([]InterfaceName, error) {
	doing := "interfaces of " + router
	id, err := a.RouterID(ctx, router)
	if err != nil {
		return nil, err
	}
	rows, err := a.db.QueryContext(ctx, "SELECT ifindex, valid_from, name FROM interfaces WHERE router = ? ORDER BY valid_from, ifindex", id)
	if err != nil {
		return nil, wrap(doing, err)
	}
	defer rows.Close()
	var history []InterfaceName
	for rows.Next() {
		var n InterfaceName
		if err := rows.Scan(&n.Index, &n.From, &n.Name); err != nil {
			return nil, wrap(doing, err)
		}
		history = append(history, n)
	}
	return history, wrap(doing, rows.Err())
}
