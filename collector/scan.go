package collector

import (
	"net/netip"
	"runtime/debug"
	"time"

	"nfacct/collector/netflow"
)

// scan reads a buffer's datagrams: sequence numbers, templates, counts.
func (w *writer) scan(b *buffer) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	for i := 0; i < len(b.packets); {
		i = w.scanFrom(b, i)
	}
}

// scanFrom reads datagrams from the i-th on. It returns early, with the number
// of the next one, when the decoder panics: a mistake of ours that a hostile
// datagram found may cost the decoder's memory, but no datagram and not the
// collector.
func (w *writer) scanFrom(b *buffer, i int) (next int) {
	defer func() {
		if problem := recover(); problem != nil {
			w.c.state.panics++
			w.decoder = netflow.NewDecoder(netflow.Limits{})
			if w.panicSaid.allows(time.Now()) {
				w.c.log.Error("decoder failed on a datagram, which is kept; templates are learnt anew",
					"exporter", b.packets[i].src, "err", problem, "stack", string(debug.Stack()))
			}
			next = i + 1
		}
	}()
	for ; i < len(b.packets); i++ {
		p := &b.packets[i]
		g := w.decoder.Scan(p.src, p.received, b.blocks[p.start:p.end])
		w.account(p.src.Addr()).add(p, &g)
	}
	return i
}

// account finds or makes the account of an exporter. There are no more of them
// than addresses in the allow list.
func (w *writer) account(addr netip.Addr) *account {
	routers := w.c.routers.Load()
	if w.last != nil && addr == w.lastAddr && routers == w.routers {
		return w.last
	}
	w.routers = routers
	a := w.c.state.exporters[addr]
	if a == nil {
		name, allowed := (*routers)[addr]
		if !allowed { // taken off the list while its last datagrams waited
			return &account{}
		}
		a = &account{Exporter: Exporter{Router: name, Address: addr}}
		w.c.state.exporters[addr] = a
		w.c.log.Info("exporter heard", "router", a.Router, "exporter", addr)
	}
	w.last, w.lastAddr = a, addr
	return a
}
