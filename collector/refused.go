package collector

import (
	"cmp"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxRefused bounds how many refused addresses are remembered: source
// addresses are easily forged.
const maxRefused = 1024

// namedRefused is how many of them the log names one by one; of those that follow
// it says once a minute how many they are, for forged addresses must not fill it.
// Status has them all.
const namedRefused = 3

// Refused is an address that sends without being a configured exporter.
type Refused struct {
	Address   netip.Addr `json:"address"`
	Datagrams uint64     `json:"datagrams"`
	First     time.Time  `json:"first"`
	Last      time.Time  `json:"last"`
}

type refusedTable struct {
	log *slog.Logger

	mu     sync.Mutex
	known  map[netip.Addr]*Refused
	others uint64 // datagrams of addresses that found the table full
	total  uint64

	said       int    // of known, by name or number
	saidOthers uint64 // of others
}

func newRefusedTable(log *slog.Logger) *refusedTable {
	return &refusedTable{log: log, known: make(map[netip.Addr]*Refused)}
}

func (t *refusedTable) add(from netip.Addr, received int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
	at := time.Unix(0, received)
	entry := t.known[from]
	switch {
	case entry != nil:
	case len(t.known) >= maxRefused:
		t.others++
		return
	default:
		entry = &Refused{Address: from, First: at}
		t.known[from] = entry
		if len(t.known) <= namedRefused {
			t.said = len(t.known)
			t.log.Warn("datagrams from an address that is no router's are refused", "exporter", from, "refused_addresses", len(t.known),
				"remedy", "if it is a router of yours, add the address to its export list")
		}
	}
	entry.Datagrams++
	entry.Last = at
}

// complain says how many addresses are new since the last time; to be called once
// a minute.
func (t *refusedTable) complain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) == t.said && t.others == t.saidOthers {
		return
	}
	more, beyond := len(t.known)-t.said, t.others-t.saidOthers
	t.said, t.saidOthers = len(t.known), t.others
	t.log.Warn("datagrams from more addresses that are no router's are refused", "more_addresses", more, "datagrams_beyond_table", beyond,
		"refused_addresses", len(t.known), "remedy", "nfacct status lists them; if one is a router of yours, add it to its export list")
}

func (t *refusedTable) count() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// list gives the refused addresses, busiest first, and the number of datagrams
// of all others.
func (t *refusedTable) list() (known []Refused, others uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, entry := range t.known {
		known = append(known, *entry)
	}
	slices.SortFunc(known, func(a, b Refused) int {
		return cmp.Or(cmp.Compare(b.Datagrams, a.Datagrams), a.Address.Compare(b.Address))
	})
	return known, t.others
}

// rate lets one message a minute through.
type rate struct{ last time.Time }

func (r *rate) allows(now time.Time) bool {
	if !r.last.IsZero() && now.Sub(r.last) < time.Minute {
		return false
	}
	r.last = now
	return true
}
