package officetest

import (
	"math/bits"
	"net/netip"
	"sort"
	"time"
)

// Truth adds up records by local day, so that what an accounting reports can be
// compared with what really happened. Feed it every record that was exported.
//
// A record belongs to the day of its last packet. When its first packet lies in
// the day before, bytes and packets are divided at midnight in proportion to
// time (rounded down for the earlier day, nothing lost); the record itself still
// counts, as a flow, in the later day only. The peer is one of both days.
type Truth struct {
	location *time.Location
	days     map[string]*DayTruth

	midnight int64 // Unix ms of the start of the day of the last record
	next     int64 // and of the day after it
	today    *DayTruth
	before   *DayTruth // the day before, made when something falls into it
}

// DayTruth is one local day.
type DayTruth struct {
	// Classes are the records whose last packet is of this day, with the bytes
	// that fall into it, by Class.
	Classes [classes]Counts
	// Causes is the same for up and down records, by Cause.
	Causes [causes]Counts
	Hosts  map[netip.Addr]*HostTruth
}

// Counts are records and their IP-layer bytes.
type Counts struct{ Records, Bytes uint64 }

// HostTruth is one inside host's day.
type HostTruth struct {
	by    [causes]Usage
	peers map[netip.Addr]uint8 // bit set of causes
}

// Usage is traffic of one host.
type Usage struct {
	UpBytes, DownBytes     uint64
	UpPackets, DownPackets uint64
	Flows                  uint64
}

// NewTruth makes an empty one for days of the office's time zone.
func (o *Office) NewTruth() *Truth {
	return &Truth{location: o.cfg.Location, days: map[string]*DayTruth{}}
}

// Day is the truth about a day, named as in 2026-11-23. A day without traffic has
// no hosts.
func (t *Truth) Day(day string) *DayTruth {
	d := t.days[day]
	if d == nil {
		d = &DayTruth{Hosts: map[netip.Addr]*HostTruth{}}
		t.days[day] = d
	}
	return d
}

// Usage adds up a host's traffic of the given causes, and counts its peers.
func (h *HostTruth) Usage(of ...Cause) (sum Usage, peers int) {
	var wanted uint8
	for _, c := range of {
		u := h.by[c]
		sum.UpBytes += u.UpBytes
		sum.DownBytes += u.DownBytes
		sum.UpPackets += u.UpPackets
		sum.DownPackets += u.DownPackets
		sum.Flows += u.Flows
		wanted |= 1 << c
	}
	for _, had := range h.peers {
		if had&wanted != 0 {
			peers++
		}
	}
	return sum, peers
}

// Add counts one record.
func (t *Truth) Add(r *Record) {
	if r.End < t.midnight || r.End >= t.next {
		t.turn(r.End)
	}
	bytes, packets := r.Bytes, r.Packets
	if r.Start < t.midnight {
		inside, whole := uint64(t.midnight-r.Start), uint64(r.End-r.Start)
		earlyBytes, earlyPackets := share(bytes, inside, whole), share(packets, inside, whole)
		bytes -= earlyBytes
		packets -= earlyPackets
		t.before.add(r, 0, earlyBytes, earlyPackets)
	}
	t.today.add(r, 1, bytes, packets)
}

// share is the part of n that falls into inside of whole ms, rounded down.
func share(n, inside, whole uint64) uint64 {
	high, low := bits.Mul64(n, inside)
	part, _ := bits.Div64(high, low, whole)
	return part
}

// turn moves to the local day that holds the given time.
func (t *Truth) turn(ms int64) {
	year, month, day := time.UnixMilli(ms).In(t.location).Date()
	start := dayStart(year, month, day, t.location)
	t.midnight = start.UnixMilli()
	t.next = dayStart(year, month, day+1, t.location).UnixMilli()
	t.today = t.Day(start.Format(time.DateOnly))
	t.before = t.Day(start.Add(-time.Second).Format(time.DateOnly))
}

// dayStart is a day's first second: midnight, or the second after the one that
// clocks jump from over midnight. Noon always exists, and the day begins within
// the 20 hours before it.
func dayStart(year int, month time.Month, day int, loc *time.Location) time.Time {
	const hours = 20
	noon := time.Date(year, month, day, 12, 0, 0, 0, loc)
	from := noon.Add(-hours * time.Hour)
	today := noon.Format(time.DateOnly)
	seconds := sort.Search(hours*3600, func(n int) bool {
		return from.Add(time.Duration(n)*time.Second).Format(time.DateOnly) >= today
	})
	return from.Add(time.Duration(seconds) * time.Second)
}

func (d *DayTruth) add(r *Record, records, bytes, packets uint64) {
	class := &d.Classes[r.Class]
	class.Records += records
	class.Bytes += bytes
	if r.Class > Down {
		return
	}
	cause := &d.Causes[r.Cause]
	cause.Records += records
	cause.Bytes += bytes
	h := d.Hosts[r.Host]
	if h == nil {
		h = &HostTruth{peers: map[netip.Addr]uint8{}}
		d.Hosts[r.Host] = h
	}
	h.peers[r.Peer] |= 1 << r.Cause
	u := &h.by[r.Cause]
	u.Flows += records
	if r.Class == Up {
		u.UpBytes += bytes
		u.UpPackets += packets
		return
	}
	u.DownBytes += bytes
	u.DownPackets += packets
}
