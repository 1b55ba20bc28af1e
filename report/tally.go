package report

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// tally is a host's figures while a report is made, in a sixth of the room that a
// Host takes: a network may have a host for each address that somebody makes up,
// and a /64 of IPv6 does not run out of them.
type tally struct {
	addr            netip.Addr
	up, down, flows uint64
	peers           uint64
	proxied         uint64
	busiestBytes    uint64
	busiest         int64 // when that hour begins, in seconds; see busy
	course, tops    uint32
	group           int32 // its department; -1 for none
	busy            bool  // busiest is known
	new, leaseless  bool
	named           []Name
	users           []string // of the proxy
	quota           *QuotaState
	weak            uint64       // bytes down by weak rules
	parts           []RouterPart // of several routers
}

func (t *tally) bytes() uint64 { return t.up + t.down }

// tallies are the hosts of a report.
type tallies struct {
	places map[netip.Addr]uint32
	chunks [][]tally // so that none is copied as they grow
	packed []byte    // courses, tops: what each host's offsets point to
	order  []*tally  // the biggest first
}

const chunkSize = 1 << 10

func newTallies() *tallies {
	return &tallies{places: map[netip.Addr]uint32{}, packed: make([]byte, 1, 4096)} // offset 0 is nothing
}

func (a *tallies) at(n uint32) *tally { return &a.chunks[n/chunkSize][n%chunkSize] }

// of is a host's; nil when there is none.
func (a *tallies) of(addr netip.Addr) *tally {
	if n, ok := a.places[addr]; ok {
		return a.at(n)
	}
	return nil
}

// add makes a host's.
func (a *tallies) add(addr netip.Addr) *tally {
	n := uint32(len(a.places))
	if n%chunkSize == 0 {
		a.chunks = append(a.chunks, make([]tally, chunkSize))
	}
	a.places[addr] = n
	t := a.at(n)
	t.addr, t.group = addr, -1
	return t
}

// sort orders the hosts, the biggest first.
func (a *tallies) sort() {
	a.order = make([]*tally, len(a.places))
	for n := range a.order {
		a.order[n] = a.at(uint32(n))
	}
	slices.SortFunc(a.order, func(x, y *tally) int {
		return cmp.Or(cmp.Compare(y.bytes(), x.bytes()), x.addr.Compare(y.addr))
	})
}

// pack keeps a list of numbers, and returns where.
func (a *tallies) pack(numbers []uint64) uint32 {
	at := uint32(len(a.packed))
	a.packed = binary.AppendUvarint(a.packed, uint64(len(numbers)))
	for _, n := range numbers {
		a.packed = binary.AppendUvarint(a.packed, n)
	}
	return at
}

// unpack is what pack kept.
func (a *tallies) unpack(at uint32) []uint64 {
	if at == 0 {
		return nil
	}
	rest := a.packed[at:]
	next := func() uint64 {
		n, size := binary.Uvarint(rest)
		rest = rest[size:]
		return n
	}
	numbers := make([]uint64, next())
	for i := range numbers {
		numbers[i] = next()
	}
	return numbers
}

// packSparse keeps a list of numbers of which most are 0: before each other one
// stands how many there are.
func (a *tallies) packSparse(numbers []uint64) uint32 {
	var sparse []uint64
	var zeros uint64
	for _, n := range numbers {
		if n == 0 {
			zeros++
			continue
		}
		sparse = append(sparse, zeros, n)
		zeros = 0
	}
	if sparse == nil {
		return 0
	}
	return a.pack(sparse)
}

// unpackSparse is what packSparse kept, of so many numbers.
func (a *tallies) unpackSparse(at uint32, length int) []uint64 {
	numbers := make([]uint64, length)
	place := 0
	sparse := a.unpack(at)
	for i := 0; i+1 < len(sparse); i += 2 {
		place += int(sparse[i])
		numbers[place] = sparse[i+1]
		place++
	}
	return numbers
}

// mostHeld is how many hosts a Usage holds as such; those behind them are made
// when EachHost comes to them.
const mostHeld = 10_000

// rest are the hosts of a Usage that it does not hold.
type rest struct {
	order []*tally
	host  func(*tally) Host
}

// HostCount is how many hosts there are.
func (u *Usage) HostCount() int {
	if u.rest == nil {
		return len(u.Hosts)
	}
	return len(u.Hosts) + len(u.rest.order)
}

// Others are the sums of the hosts behind the first so many.
func (u *Usage) Others(shown int) (sum Host) {
	for i := range u.Hosts[min(shown, len(u.Hosts)):] {
		h := &u.Hosts[shown+i]
		sum.UpBytes = plus(sum.UpBytes, h.UpBytes)
		sum.DownBytes = plus(sum.DownBytes, h.DownBytes)
		sum.Flows = plus(sum.Flows, h.Flows)
	}
	if u.rest != nil {
		for _, t := range u.rest.order {
			sum.UpBytes = plus(sum.UpBytes, t.up)
			sum.DownBytes = plus(sum.DownBytes, t.down)
			sum.Flows = plus(sum.Flows, t.flows)
		}
	}
	return sum
}

// EachHost calls each with every host, the biggest first, until it returns an error.
// Hosts holds only the first of them, when there are more than ten thousand.
func (u *Usage) EachHost(each func(*Host) error) error {
	for i := range u.Hosts {
		if err := each(&u.Hosts[i]); err != nil {
			return err
		}
	}
	if u.rest == nil {
		return nil
	}
	share := 0.0
	if n := len(u.Hosts); n > 0 {
		share = u.Hosts[n-1].CumulativeShare
	}
	so := uint64(0)
	for _, t := range u.rest.order {
		h := u.rest.host(t)
		so = plus(so, h.Bytes())
		h.CumulativeShare = min(1, share+part(so, u.Totals.Bytes()))
		if err := each(&h); err != nil {
			return err
		}
	}
	return nil
}

// makeHosts makes the hosts of the report, all steps done.
func (q *question) makeHosts() {
	u := q.u
	order := q.hosts.order
	held := order[:min(len(order), mostHeld)]
	u.Hosts = make([]Host, len(held))
	var so uint64
	for i, t := range held {
		u.Hosts[i] = q.makeHost(t)
		so += t.bytes()
		u.Hosts[i].CumulativeShare = part(so, u.Totals.Bytes())
	}
	if len(order) > len(held) {
		u.rest = &rest{order[len(held):], q.makeHost}
	}
}

// makeHost is a tally as the report shows it; its cumulative share is not known here.
func (q *question) makeHost(t *tally) Host {
	h := Host{
		Host: t.addr.String(), Names: []string{}, Named: t.named, UpBytes: t.up, DownBytes: t.down, Flows: t.flows, Peers: t.peers,
		Share: part(t.bytes(), q.u.Totals.Bytes()), BusiestHourBytes: t.busiestBytes,
		Buckets: q.hosts.unpackSparse(t.course, len(q.u.Buckets)), ProxyUsers: t.users, New: t.new, NotInDHCP: t.leaseless, Quota: t.quota,
		Routers: t.parts, WeakBytes: t.weak,
	}
	for i := range t.named {
		h.Names = append(h.Names, t.named[i].Name)
	}
	if t.group >= 0 {
		h.Group = &q.departments.names[t.group]
	}
	if t.busy {
		start := time.Unix(t.busiest, 0).In(q.loc)
		h.BusiestHour = &start
	}
	if q.shares {
		proxied := t.proxied
		h.ProxiedBytes, h.DirectShare = &proxied, direct(t.bytes(), proxied)
	}
	q.makeTops(&h, t)
	return h
}
