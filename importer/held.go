package importer

import (
	"bytes"
	"net/netip"

	"nfacct/collector/netflow"
)

// maxHeld bounds the data sets that wait for their templates, in bytes, with all
// that it takes to keep them. What is beyond stays counted as without template,
// and in the file: see lookBefore.
const maxHeld = 32 << 20

// heldCost is what a set takes beside its body.
const heldCost = 320

// maxHeldOf bounds how many sets of one datagram wait. An exporter puts records
// of one template into one set, so an honest datagram has some ten; and a set has
// hardly fewer than leastSet bytes: its header, two addresses, octets and packets.
const (
	maxHeldOf = 256
	leastSet  = 20
)

// maxTries is how often a set that waits is tried by templates of other ports
// that do not fit it, before it awaits the file's end.
const maxTries = 8

// held are data sets whose template is not known yet, found by what they wait for.
type held struct {
	shares  shares[heldList]
	piles   map[netflow.TemplateKey]*heldList
	tired   heldList // tried too often
	missing int      // sets without a template: those that wait, and those there was no room for
}

// heldSet is one of them. It is in two lists: of its stream, oldest first, and of
// what it waits for, or of those that are tired.
type heldSet struct {
	netflow.Unread
	router int
	tries  int
	stream *streamShare[heldList]
	pile   *heldList
	links  [2]heldLink
}

type heldLink struct{ prev, next *heldSet }

const (
	inStream = iota
	inPile
)

// heldList is a list of sets, by one of their two links.
type heldList struct{ first, last *heldSet }

func (l *heldList) add(set *heldSet, link int) {
	set.links[link] = heldLink{prev: l.last}
	if l.last != nil {
		l.last.links[link].next = set
	} else {
		l.first = set
	}
	l.last = set
}

func (l *heldList) remove(set *heldSet, link int) {
	at := set.links[link]
	if at.prev != nil {
		at.prev.links[link].next = at.next
	} else {
		l.first = at.next
	}
	if at.next != nil {
		at.next.links[link].prev = at.prev
	} else {
		l.last = at.prev
	}
}

// keep lets a set wait, if there is room. What has to give way for it is handed to
// leave.
func (h *held) keep(router int, u *netflow.Unread, leave func(router int, u *netflow.Unread) error) (kept bool, err error) {
	key := u.Key()
	stream := h.shares.of(streamKey{u.Source, key.Version, key.Domain})
	cost := heldCost + len(u.Body)
	for h.shares.size+cost > maxHeld {
		victim := h.shares.victim(stream, cost)
		if victim == nil {
			return false, nil
		}
		oldest := victim.kept.first
		h.remove(oldest)
		if err := leave(oldest.router, &oldest.Unread); err != nil {
			return false, err
		}
	}
	set := &heldSet{Unread: *u, router: router, stream: stream}
	set.Body = bytes.Clone(u.Body)
	stream.kept.add(set, inStream)
	set.pile = h.piles[key]
	if set.pile == nil {
		if h.piles == nil {
			h.piles = map[netflow.TemplateKey]*heldList{}
		}
		set.pile = new(heldList)
		h.piles[key] = set.pile
	}
	set.pile.add(set, inPile)
	h.shares.resize(stream, cost)
	return true, nil
}

// remove takes a set out: it was read, or gives way.
func (h *held) remove(set *heldSet) {
	set.stream.kept.remove(set, inStream)
	h.unpile(set)
	h.shares.resize(set.stream, -heldCost-len(set.Body))
}

func (h *held) unpile(set *heldSet) {
	set.pile.remove(set, inPile)
	if set.pile.first == nil && set.pile != &h.tired {
		delete(h.piles, set.Key())
	}
}

// tire notes that a set was tried in vain.
func (h *held) tire(set *heldSet) {
	if set.tries++; set.tries == maxTries {
		h.unpile(set)
		set.pile = &h.tired
		set.pile.add(set, inPile)
	}
}

// empty says that nothing waits.
func (h *held) empty() bool { return h.shares.size == 0 }

// waitsFor says whether something of an exporter waits.
func (h *held) waitsFor(addr netip.Addr) bool { return h.shares.exporters[addr] != nil }
