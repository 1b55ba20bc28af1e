package access

import (
	"net/netip"
	"sync"
	"time"
)

// Throttle slows guesses of passwords down, by address and by user, and locks nobody
// out: a user whose password is guessed at comes in from an address that the user came
// from before, because that pair has guesses of its own.
type Throttle struct {
	now func() time.Time

	mu        sync.Mutex
	addresses map[netip.Prefix]*bucket
	users     map[string]*bucket
	known     map[knownFrom]*bucket
}

type knownFrom struct {
	user string
	from netip.Prefix
}

// Guesses that are free, and how long each further one has to wait.
const (
	addressGuesses = 10
	addressWait    = 30 * time.Second
	userGuesses    = 20
	userWait       = 10 * time.Second
	mostBuckets    = 20_000
)

// bucket holds guesses; it fills up again with time.
type bucket struct {
	guesses float64
	at      time.Time
}

// NewThrottle has seen no guess.
func NewThrottle(now func() time.Time) *Throttle {
	return &Throttle{now: now, addresses: map[netip.Prefix]*bucket{}, users: map[string]*bucket{}, known: map[knownFrom]*bucket{}}
}

// network is what one who guesses has: an IPv4 address, or an IPv6 network of 64 bits.
func network(from netip.Addr) netip.Prefix {
	from = from.Unmap().WithZone("")
	bits := from.BitLen()
	if from.Is6() {
		bits = 64
	}
	prefix, _ := from.Prefix(bits)
	return prefix
}

// Take takes a guess at a user's password from an address. When there is none left it
// says how long to wait. Forgive gives it back when the password was right.
func (t *Throttle) Take(user string, from netip.Addr) (wait time.Duration) {
	at := network(from)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if pair := (knownFrom{user, at}); t.known[pair] != nil {
		return take(fill(t.known, pair, now, addressGuesses, addressWait), addressWait)
	}
	byUser := fill(t.users, user, now, userGuesses, userWait)
	if byUser.guesses < 1 {
		return byUser.wait(userWait)
	}
	if wait := take(fill(t.addresses, at, now, addressGuesses, addressWait), addressWait); wait > 0 {
		return wait
	}
	byUser.guesses--
	return 0
}

func take(b *bucket, every time.Duration) time.Duration {
	if b.guesses < 1 {
		return b.wait(every)
	}
	b.guesses--
	return 0
}

func (b *bucket) wait(every time.Duration) time.Duration {
	return time.Duration((1 - b.guesses) * float64(every))
}

// Forgive says that the guess was right.
func (t *Throttle) Forgive(user string, from netip.Addr) {
	pair := knownFrom{user, network(from)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.known[pair]; b != nil {
		b.guesses++
		return
	}
	for _, b := range []*bucket{t.addresses[pair.from], t.users[user]} {
		if b != nil {
			b.guesses++
		}
	}
	fill(t.known, pair, t.now(), addressGuesses, addressWait)
}

// fill is the bucket of a key as it is now. Full buckets are dropped when there are
// too many, and all when that is not enough: memory comes before slowness.
func fill[K comparable](of map[K]*bucket, key K, now time.Time, most float64, wait time.Duration) *bucket {
	b := of[key]
	if b == nil {
		if len(of) >= mostBuckets {
			for k, other := range of {
				if other.guesses+float64(now.Sub(other.at))/float64(wait) >= most {
					delete(of, k)
				}
			}
			if len(of) >= mostBuckets {
				clear(of)
			}
		}
		b = &bucket{guesses: most, at: now}
		of[key] = b
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.guesses = min(most, b.guesses+float64(passed)/float64(wait))
	}
	b.at = now
	return b
}
