package archive

import (
	"context"
	"slices"
	"strings"
	"time"
)

// NoteLists notes what is on a router's address lists from an instant on, by
// name of the list; a list without entries is empty from then on. Nothing is
// written of lists that are as they were.
func (r Routers) NoteLists(ctx context.Context, router string, lists map[string][]string, from time.Time) error {
	if len(lists) == 0 {
		return nil
	}
	doing := "address lists of " + router
	id, err := r.ID(ctx, router)
	if err != nil {
		return err
	}
	known, err := mapped[string, string](ctx, r.a.db, doing, `SELECT list, entries FROM router_lists AS noted WHERE router = ?
AND valid_from = (SELECT MAX(valid_from) FROM router_lists WHERE router = noted.router AND list = noted.list)`, id)
	if err != nil {
		return err
	}
	for name, entries := range lists {
		entries = slices.DeleteFunc(slices.Clone(entries), func(entry string) bool { return entry == "" || strings.Contains(entry, ",") })
		slices.Sort(entries) // a router lists them as they were added
		text := strings.ToValidUTF8(strings.Join(slices.Compact(entries), ","), "\uFFFD")
		if name = cut(name, 190); known[name] == text {
			continue
		}
		if err := r.a.exec(ctx, doing, "REPLACE INTO router_lists (router, list, valid_from, entries) VALUES (?, ?, ?, ?)", id, name, from.UTC().Truncate(time.Second), text); err != nil {
			return err
		}
	}
	return nil
}

// Lists are the address lists of some routers at an instant, those of one name
// together. Before a router's lists were first read they are taken to have been
// as they were then.
func (r Routers) Lists(ctx context.Context, routers []string, at time.Time) (map[string][]string, error) {
	type key struct{ router, list string }
	type row struct {
		key
		from    time.Time
		entries string
	}
	found := map[key]string{}
	err := each(ctx, r.a.db, "address lists", `SELECT name, list, valid_from, entries FROM router_lists JOIN routers ON routers.id = router ORDER BY router, list, valid_from`, func(r *row) []any {
		return []any{&r.router, &r.list, &r.from, &r.entries}
	}, func(r *row) error {
		if _, has := found[r.key]; !has || !r.from.After(at) {
			found[r.key] = r.entries
		}
		return nil
	})
	lists := map[string][]string{}
	for k, entries := range found {
		if slices.Contains(routers, k.router) {
			lists[k.list] = append(lists[k.list], strings.FieldsFunc(entries, func(r rune) bool { return r == ',' })...)
		}
	}
	return lists, err
}
