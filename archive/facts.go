package archive

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// RouterFacts are what a router said of itself that accounting needs, from an
// instant on.
type RouterFacts struct {
	ValidFrom    time.Time // whole seconds
	Version      string    // of RouterOS
	WAN          []uint32  // ifIndex of the outside interfaces
	Inside       []netip.Prefix
	Own          []netip.Addr
	InnerRouters []netip.Addr
	Sampling     float64 // packets that each exported one stands for; 1: no sampling
	// ActiveTimeout is after how long it exports a flow that goes on, in whole
	// seconds; 0 is not known.
	ActiveTimeout time.Duration
}

// same says whether two facts say the same, whenever they did.
func (f RouterFacts) same(o RouterFacts) bool {
	return f.Version == o.Version && f.Sampling == o.Sampling && f.ActiveTimeout.Truncate(time.Second) == o.ActiveTimeout.Truncate(time.Second) && slices.Equal(f.WAN, o.WAN) && slices.Equal(f.Inside, o.Inside) &&
		slices.Equal(f.Own, o.Own) && slices.Equal(f.InnerRouters, o.InnerRouters)
}

// NoteFacts notes what a router says of itself. Nothing is written when it said
// the same before.
func (r Routers) NoteFacts(ctx context.Context, router string, f RouterFacts) error {
	history, err := r.FactsOf(ctx, router)
	if err != nil {
		return err
	}
	if n := len(history); n > 0 && history[n-1].same(f) {
		return nil
	}
	id, err := r.ID(ctx, router)
	if err != nil {
		return err
	}
	return r.a.exec(ctx, "facts of "+router, "REPLACE INTO router_facts (router, valid_from, version, wan, inside, own, inner_routers, sampling, active_timeout) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		id, f.ValidFrom.UTC().Truncate(time.Second), cut(f.Version, 60), list(f.WAN), list(f.Inside), list(f.Own), list(f.InnerRouters), f.Sampling, min(f.ActiveTimeout/time.Second, math.MaxUint32))
}

// FactsOf is what a router said of itself, oldest first.
func (r Routers) FactsOf(ctx context.Context, router string) ([]RouterFacts, error) {
	id, err := r.ID(ctx, router)
	if err != nil {
		return nil, err
	}
	index := func(text string) (uint32, error) {
		n, err := strconv.ParseUint(text, 10, 32)
		return uint32(n), err
	}
	return collect(ctx, r.a.db, "facts of "+router, "SELECT valid_from, version, wan, inside, own, inner_routers, sampling, active_timeout * 1000000000 FROM router_facts WHERE router = ? ORDER BY valid_from", func(f *RouterFacts) []any {
		return []any{&f.ValidFrom, &f.Version, listed(&f.WAN, index), listed(&f.Inside, netip.ParsePrefix),
			listed(&f.Own, netip.ParseAddr), listed(&f.InnerRouters, netip.ParseAddr), &f.Sampling, &f.ActiveTimeout}
	}, id)
}

// list writes values as they stand in the table.
func list[T any](values []T) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, ",")
}

// listed takes a column that list wrote.
func listed[T any](into *[]T, parse func(string) (T, error)) text[[]T] {
	return text[[]T]{into, func(text []byte, into *[]T) error {
		for part := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' }) {
			value, err := parse(part)
			if err != nil {
				return err
			}
			*into = append(*into, value)
		}
		return nil
	}}
}

// cut makes a text one of at most n characters, and of UTF-8.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) > n {
		text = string([]rune(text)[:n])
	}
	return text
}

// NoteInterfaces notes what a router calls its interfaces, by ifIndex, from an
// instant on. Names that it gave them before are not written again.
func (r Routers) NoteInterfaces(ctx context.Context, router string, names map[uint32]string, from time.Time) error {
	doing := "interfaces of " + router
	id, err := r.ID(ctx, router)
	if err != nil {
		return err
	}
	known, err := mapped[uint32, string](ctx, r.a.db, doing, `SELECT ifindex, name FROM interfaces AS named WHERE router = ?
AND valid_from = (SELECT MAX(valid_from) FROM interfaces WHERE router = named.router AND ifindex = named.ifindex)`, id)
	if err != nil {
		return err
	}
	for index, name := range names {
		if name = cut(name, 190); name == "" || known[index] == name {
			continue
		}
		if err := r.a.exec(ctx, doing, "REPLACE INTO interfaces (router, ifindex, valid_from, name) VALUES (?, ?, ?, ?)", id, index, from.UTC().Truncate(time.Second), name); err != nil {
			return err
		}
	}
	return nil
}

// nameGrace is how long a name holds after it was last seen: a router that cannot be
// read for a night loses no host its name.
const nameGrace = 24 * time.Hour

// NoteHostNames notes what a source called hosts at an instant, when it was asked.
// Those that it called so before are not written again; they were seen until then.
func (r Routers) NoteHostNames(ctx context.Context, source string, names map[netip.Addr]string, from time.Time) error {
	from = from.Truncate(time.Second).UTC()
	type row struct {
		HostName
		seen time.Time
	}
	var again []any // host and begin of what is called so still
	known := map[netip.Addr]bool{}
	err := each(ctx, r.a.db, "names of hosts", `SELECT host, name, valid_from, valid_to FROM host_names AS named WHERE source = ?
AND valid_from = (SELECT MAX(valid_from) FROM host_names WHERE host = named.host AND source = named.source)`, func(n *row) []any {
		return []any{(*address)(&n.Host), &n.Name, &n.From, (*moment)(&n.seen)}
	}, func(n *row) error {
		now, named := names[n.Host]
		// One that came back after long has a gap in which it was not called so.
		if named && cut(now, 190) == n.Name && (n.seen.IsZero() || from.Sub(n.seen) <= nameGrace) {
			known[n.Host] = true
			again = append(again, n.Host.AsSlice(), n.From)
		}
		return nil
	}, source)
	if err != nil {
		return err
	}
	for host, name := range names {
		host = host.Unmap()
		if name = cut(name, 190); name == "" || known[host] || !host.IsValid() {
			continue
		}
		if err := r.a.exec(ctx, "name of "+host.String(), "REPLACE INTO host_names (host, source, valid_from, name) VALUES (?, ?, ?, ?)", host.AsSlice(), source, from, name); err != nil {
			return err
		}
	}
	for len(again) > 0 {
		part := again[:min(len(again), 1000)]
		again = again[len(part):]
		err := r.a.exec(ctx, "names of hosts", "UPDATE host_names SET valid_to = GREATEST(COALESCE(valid_to, ?), ?) WHERE source = ? AND (host, valid_from) IN ((?, ?)"+strings.Repeat(", (?, ?)", len(part)/2-1)+")",
			append([]any{from, from, source}, part...)...)
		if err != nil {
			return err
		}
	}
	// The new ones; and those of before there were ends, of which no more is known.
	return r.a.exec(ctx, "names of hosts", "UPDATE host_names SET valid_to = GREATEST(valid_from, ?) WHERE source = ? AND valid_to IS NULL", from, source)
}
