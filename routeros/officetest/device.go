package officetest

import (
	"net/netip"
	"slices"
	"time"
)

// A simulated device lets the office work, and exports what its own settings make of
// the records. This file is what it needs beyond that.

// Timeouts are those of a flow cache, in milliseconds.
type Timeouts struct{ Active, Inactive int64 }

// Work is Records with a function that is called at each Unix second before its
// records. It gives the timeouts of the flow cache from then on, and ends the
// simulation by returning false.
func (o *Office) Work(from, to time.Time, second func(now int64) (Timeouts, bool), yield func(*Record) bool) {
	o.simulate(from, to, func(s *simulation, now int64) bool {
		timeouts, on := second(now)
		s.active, s.inactive = timeouts.Active, timeouts.Inactive
		return on
	}, yield)
}

// Location is the time zone of the office.
func (o *Office) Location() *time.Location { return o.cfg.Location }

// LinkLocal is the provider's router, as IPv6 knows it.
func LinkLocal() netip.Addr { return linkLocal }

// The device's own Ethernet addresses, and the provider's.
func MACLAN() [6]byte { return macLAN }
func MACWAN() [6]byte { return macWAN }
func MACISP() [6]byte { return macISP }

// Offset is the n-th address of an IPv4 prefix.
func Offset(p netip.Prefix, n int) netip.Addr { return offset(p, n) }

// Managed says whether the host goes past the proxy by permission, and Fixed whether
// its lease is: that of a server or the proxy.
func (h *Host) Managed() bool { return h.role == roleManagement }
func (h *Host) Fixed() bool   { return h.role == roleProxy || h.role == roleServer }

// Slot is the record's place in the flow cache; each connection takes two.
func (r *Record) Slot() int32 { return r.slot }

// Share is a part of n: inside of whole, rounded as the truth is.
func Share(n, inside, whole uint64) uint64 { return share(n, inside, whole) }

// Layout is an export version and the fields of its templates.
type Layout struct{ layout }

// Layout is that of a format.
func (f Format) Layout() Layout { return Layout{f.layout()} }

// IPFIXLayout is that which the toggles of a device choose.
func IPFIXLayout(on func(toggle string) bool) Layout {
	four, six := ipfixLayouts(on)
	return Layout{layout{10, four, six}}
}

// Sampled has elements 34 and 35 too.
func (l Layout) Sampled() Layout {
	sampled := []field{{samplingInterval, 4}, {samplingAlgorithm, 1}}
	l.four, l.six = append(slices.Clip(l.four), sampled...), append(slices.Clip(l.six), sampled...)
	return l
}

// NewDeviceExporter is an exporter whose layout and settings change.
func NewDeviceExporter(l Layout, boot time.Time, send func(at int64, payload []byte) error) *Exporter {
	return newExporter(l.layout, boot, send)
}

// Reshape gives the exporter another layout: what waits is sent, and the templates
// are announced anew.
func (e *Exporter) Reshape(l Layout, now int64) {
	if slices.Equal(e.layout.four, l.four) && slices.Equal(e.layout.six, l.six) {
		return
	}
	_ = e.Flush(now)
	e.shape(l.layout)
}

// Settings are those of a target.
type Settings struct {
	Refresh  uint64 // datagrams between two announcements of templates
	Timeout  int64  // seconds after which they are announced anyway; 0: never
	Sampling uint32 // for elements 34 and 35; 0: all packets are counted
	Swapped  bool   // element 34 has its bytes in the wrong order
}

// Set changes the exporter's settings.
func (e *Exporter) Set(s Settings) {
	e.refresh, e.timeout, e.sampling, e.swapped = s.Refresh, s.Timeout, s.Sampling, s.Swapped
}

// Tick sends what has waited long enough, and gives the first error of sending.
func (e *Exporter) Tick(now int64) error {
	e.tick(now)
	return e.err
}
