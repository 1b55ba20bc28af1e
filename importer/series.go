package importer

import (
	"cmp"
	"net/netip"
	"slices"

	"nfacct/archive"
)

// Two routers in series both export what a host behind the inner one does, and both
// are right: neither copy is left out, for the one knows the host and the other the
// line. But the host is charged twice, so it is found: conversations of one host in a
// quarter-hour that two routers have with the same counters to the byte.

// series looks for them among the rows of a file, which come host by host.
type series struct {
	found map[twice]*oddity
	host  [2]uint64
	mixed bool // rows of several routers
	rows  []conversation
}

// twice is two routers, the lower number first, on a day.
type twice struct {
	day         date
	one, second uint16
}

// conversation is what is compared of a row.
type conversation struct {
	peer     [2]uint64
	ports    uint64 // and what else is equal: day, slot, protocol
	when     uint64
	up, down uint64
	flows    uint32
	router   uint16
}

const (
	// maxConversations bounds those of one host that are compared: 4 MB.
	maxConversations = 1 << 16
	// leastTwice: hosts of two networks with the same addresses ask the same servers
	// for the time from the same port, and what is said is the same.
	leastTwice = 1000 // bytes
	ephemeral  = 1024 // ports from here on are chosen by chance
)

func newSeries() *series { return &series{found: map[twice]*oddity{}} }

// add takes a row.
func (s *series) add(b *biflow) {
	k := &b.key
	if host := [2]uint64{k[0], k[1]}; host != s.host || len(s.rows) == 0 {
		s.compare()
		s.host, s.mixed, s.rows = host, false, s.rows[:0]
	}
	if len(s.rows) == maxConversations {
		return
	}
	router := uint16(k[4] >> 16)
	s.mixed = s.mixed || len(s.rows) > 0 && s.rows[0].router != router
	s.rows = append(s.rows, conversation{[2]uint64{k[2], k[3]}, k[4] >> 32, k[5], b.upBytes, b.downBytes, b.flows, router})
}

// compare looks at the host that is at hand.
func (s *series) compare() {
	if !s.mixed {
		return
	}
	slices.SortFunc(s.rows, func(a, b conversation) int {
		return cmp.Or(slices.Compare(a.peer[:], b.peer[:]), cmp.Compare(a.ports, b.ports), cmp.Compare(a.when, b.when),
			cmp.Compare(a.up, b.up), cmp.Compare(a.down, b.down), cmp.Compare(a.router, b.router))
	})
	for i := 1; i < len(s.rows); i++ {
		a, b := &s.rows[i-1], &s.rows[i]
		if a.peer != b.peer || a.ports != b.ports || a.when != b.when || a.up != b.up || a.down != b.down || a.router == b.router {
			continue
		}
		bytes := plus(b.up, b.down)
		if bytes < leastTwice && b.ports>>16 < ephemeral {
			continue
		}
		key := twice{date(b.when >> 32), a.router, b.router}
		n := s.found[key]
		if n == nil {
			n = &oddity{kind: archive.FoundTwice, other: int(b.router)}
			s.found[key] = n
		}
		n.add(uint64(b.flows), bytes)
		if host := netipAddr(s.host[0], s.host[1], b.when&2 != 0); n.example == "" || host.Less(netip.MustParseAddr(n.example)) {
			n.example = host.String()
		}
	}
}

// book writes what was found to the books of a file that is over, each to those of
// the first of the two routers.
func (s *series) book(books *tallies) {
	s.compare()
	for key, n := range s.found {
		t := books.of(place{key.day, int(key.one)})
		t.found = append(t.found, *n)
	}
}

// begin forgets what it saw of the file before.
func (s *series) begin() { *s = series{found: map[twice]*oddity{}, rows: s.rows[:0]} }
