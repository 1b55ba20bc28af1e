package collector

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// handOver is how long a datagram waits for others to share its frame, at most.
const handOver = 500 * time.Millisecond

// idle is how long run waits for a datagram before it shows that it lives.
const idle = 5 * time.Second

// drainTime bounds how long a stopped receiver empties its socket.
const drainTime = time.Second

// receiver takes datagrams from one socket into buffers. It waits for the
// network only.
type receiver struct {
	c      *Collector
	socket *socket
	buffer *buffer
	until  time.Time // when buffer has to be handed over; zero while it is empty

	routers  *map[netip.Addr]string // the allow list of the last batch
	lastAddr netip.Addr             // the last one that it held
	stopped  atomic.Bool
	turned   atomic.Int64 // when run made a turn last, Unix nanoseconds

	accepted atomic.Uint64 // datagrams, of configured exporters
	dropped  atomic.Uint64 // of these, those for which there was no buffer
}

// stop makes run take what has arrived, and return.
func (r *receiver) stop() {
	r.stopped.Store(true)
	r.socket.stopWaiting()
}

func (r *receiver) run() {
	var said rate
	var end time.Time
	now := time.Now()
	for {
		r.turned.Store(now.UnixNano())
		stopped := r.stopped.Load()
		until := r.until
		if until.IsZero() {
			until = now.Add(idle)
		}
		n, err := r.socket.receive(until)
		now = time.Now()
		if err != nil {
			if said.allows(now) {
				r.c.log.Error("receiving has trouble and goes on", "listen", r.socket.at, "err", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		r.take(n, now)
		if !r.until.IsZero() && !now.Before(r.until) {
			r.hand()
		}
		if !stopped {
			continue
		}
		if end.IsZero() {
			end = now.Add(drainTime)
		}
		if n == 0 || now.After(end) {
			r.hand()
			return
		}
	}
}

// take puts the datagrams of a batch into the buffer, except those that are
// refused and those for which there is no room.
func (r *receiver) take(n int, now time.Time) {
	if n == 0 {
		return
	}
	received := now
	if r.c.cfg.Now != nil {
		received = r.c.cfg.Now()
	}
	at, slot := received.UnixNano(), slotOf(received)
	if routers := r.c.routers.Load(); routers != r.routers {
		r.routers, r.lastAddr = routers, netip.Addr{}
	}
	var accepted, dropped uint64
	for i := range n {
		src, payload := r.socket.get(i)
		if src.Addr() != r.lastAddr {
			if _, ok := (*r.routers)[src.Addr()]; !ok {
				r.c.refused.add(src.Addr(), at)
				continue
			}
			r.lastAddr = src.Addr()
		}
		accepted++
		if b := r.buffer; b != nil && (!b.fits(len(payload)) || b.slot != slot) {
			r.hand()
		}
		if r.buffer == nil {
			if r.buffer = r.c.queue.get(); r.buffer == nil {
				dropped++
				continue
			}
			r.buffer.slot = slot
			r.until = now.Add(handOver)
		}
		r.buffer.add(at, src, r.socket.at, payload)
	}
	r.accepted.Add(accepted)
	if dropped > 0 {
		r.dropped.Add(dropped)
	}
}

// hand gives the buffer to the writer.
func (r *receiver) hand() {
	if r.buffer != nil {
		r.c.queue.put(r.buffer)
		r.buffer, r.until = nil, time.Time{}
	}
}
