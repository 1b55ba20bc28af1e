package migrate

import (
	"database/sql"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/importer"
)

// parser makes records of the rows of a unit.
type parser struct {
	unit  *unit
	sink  *importer.Sink
	clock *time.Location
	local *time.Location // of the archive's days
	skip  bool           // repeated rows

	start   int64             // of the day
	moments map[string]moment // by what the row has for its time
	repeats repeats
}

// moment is a row's time, worked out.
type moment struct {
	at    int64 // Unix nanoseconds
	known bool
	day   archive.Day // of the archive
	order int         // of moments in the table: seconds
}

// maxMoments bounds what is remembered; a day of quarter-hours has 96.
const maxMoments = 1 << 14

func newParser(u *unit, m *Migrator, s *Source, sink *importer.Sink) *parser {
	p := &parser{unit: u, sink: sink, clock: m.opts.Clock, local: m.opts.Location, skip: m.opts.SkipRepeated, moments: map[string]moment{}}
	if u.table.layout == stamped && s.instants && !m.opts.ClockGiven {
		p.clock = time.UTC
	}
	start, _ := archive.NewCalendar(u.clock(m)).Bounds(u.day)
	p.start = start.UnixNano()
	return p
}

// row takes one row, whose CRC-32 is sum.
func (p *parser) row(columns []sql.RawBytes, sum uint32) error {
	found := &p.unit.found
	at := p.moment(columns)
	again := p.repeats.row(at.order, sum)
	if again {
		found.repeated++
	}
	found.unchecked = p.repeats.overflow
	bytes := number(columns[colBytes])
	reject := func(reason string) error {
		found.reject(reason, bytes)
		p.sink.Reject(at.day, reason, 1)
		return nil
	}
	if again && p.skip {
		return reject(repeated)
	}
	src, ok := p.address(columns[colSrc])
	dst, ok2 := p.address(columns[colDst])
	if !ok || !ok2 {
		return reject(noAddress)
	}
	packets, hasPackets := counter(columns[colPackets])
	bytes, hasBytes := counter(columns[colBytes])
	if !hasBytes || !hasPackets && columns[colPackets] != nil {
		bytes = number(columns[colBytes])
		return reject(noCounters)
	}
	r, err := p.sink.Next()
	if err != nil {
		return err
	}
	found.records++
	found.bytes += bytes
	*r = flow.Record{
		Has:      flow.HasBytes | flow.HasPackets | flow.EstimatedTime,
		Received: at.at, Start: at.at, End: at.at,
		Src: src, Dst: dst, Bytes: bytes, Packets: packets,
	}
	if !at.known {
		found.lacks("time")
	}
	if !hasPackets {
		r.Has &^= flow.HasPackets
		found.lacks("packets")
	}
	if r.Proto, ok = protocol(columns[colProto]); ok {
		r.Has |= flow.HasProto
	} else {
		found.lacks("protocol")
	}
	if r.SrcPort, ok = port(columns[colSrcPort]); ok {
		r.Has |= flow.HasSrcPort
	}
	if r.DstPort, ok2 = port(columns[colDstPort]); ok2 {
		r.Has |= flow.HasDstPort
	}
	if !ok || !ok2 {
		found.lacks("port")
	}
	return nil
}

// address reads an address as the layout writes it.
func (p *parser) address(text []byte) (netip.Addr, bool) {
	if p.unit.table.layout == stamped {
		n, err := strconv.ParseUint(string(text), 10, 32)
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), err == nil && text != nil
	}
	if addr, ok := parse4(text); ok {
		return addr, true
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(string(text)))
	return addr.Unmap().WithZone(""), err == nil
}

// parse4 is netip.ParseAddr for the usual case, without a string in between.
func parse4(text []byte) (netip.Addr, bool) {
	var parts [4]byte
	n, digits, at := 0, 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9' && digits < 3 && (digits == 0 || n > 0): // 010 may be octal
			n, digits = n*10+int(c-'0'), digits+1
		case c == '.' && digits > 0 && n < 256 && at < 3:
			parts[at] = byte(n)
			n, digits, at = 0, 0, at+1
		default:
			return netip.Addr{}, false
		}
	}
	if at != 3 || digits == 0 || n > 255 {
		return netip.Addr{}, false
	}
	parts[3] = byte(n)
	return netip.AddrFrom4(parts), true
}

// counter reads packets or bytes. More than 2^56 no link has carried.
func counter(text []byte) (uint64, bool) {
	if len(text) == 0 || len(text) > 17 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n := number(text)
	return n, n < 1<<56
}

// port reads a port; what is none is 0.
func port(text []byte) (uint16, bool) {
	n, ok := counter(text)
	if !ok || n > 65535 {
		return 0, false
	}
	return uint16(n), true
}

// protocols are names that flow-print writes with -n (from /etc/protocols).
var protocols = map[string]uint8{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "ipv6": 41, "gre": 47, "esp": 50, "ah": 51, "ospf": 89, "ospfigp": 89, "ipv6-icmp": 58, "ipip": 94, "sctp": 132}

func protocol(text []byte) (uint8, bool) {
	if n, ok := counter(text); ok && n < 256 {
		return uint8(n), true
	}
	n, ok := protocols[strings.ToLower(string(text))]
	return n, ok
}

// moment is the time of a row.
func (p *parser) moment(columns []sql.RawBytes) moment {
	key := columns[colTime]
	if len(columns) > colClock {
		key = columns[colClock]
	}
	if m, ok := p.moments[string(key)]; ok {
		return m
	}
	if len(p.moments) >= maxMoments {
		clear(p.moments)
	}
	m := p.workOut(columns)
	m.day = archive.DayOf(time.Unix(0, m.at).In(p.local))
	p.moments[string(key)] = m
	return m
}

func (p *parser) workOut(columns []sql.RawBytes) moment {
	text := string(columns[colTime])
	if p.unit.table.layout == texts {
		of, err := time.Parse(time.TimeOnly, text)
		if err != nil {
			return moment{at: p.start}
		}
		seconds := of.Hour()*3600 + of.Minute()*60 + of.Second()
		d := p.unit.day
		at := time.Date(d.Year, d.Month, d.Day, of.Hour(), of.Minute(), of.Second(), 0, p.clock)
		// Where clocks jump over midnight, some readings are none.
		return moment{at: max(at.UnixNano(), p.start), known: true, order: seconds}
	}
	unix, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return moment{at: p.start}
	}
	at := time.Unix(unix, 0)
	if len(columns) > colClock {
		if reading, err := time.ParseInLocation(time.DateTime, string(columns[colClock]), p.clock); err == nil {
			at = reading
		}
	} else if p.clock != time.UTC { // the operator says whose clock a reading in UTC is
		u := at.UTC()
		at = time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), 0, p.clock)
	}
	return moment{at: at.UnixNano(), known: true, order: int(unix)}
}

// repeats finds the rows that a second run of the scripts entered again. A run
// enters the files of the day by name, so their times rise; where they fall, a
// new run began, and its rows are repeated as far as they are the same rows in
// the same order as those of the same file before.
type repeats struct {
	before   map[int][]uint32 // check sums of the rows of a file, the longest run
	current  map[int][]uint32
	last     int
	rows     int
	overflow bool
}

// maxRepeats bounds the rows that are remembered, at 4 bytes each.
const maxRepeats = 1 << 24

func (r *repeats) row(at int, sum uint32) bool {
	if r.overflow {
		return false
	}
	if r.current == nil {
		r.before, r.current = map[int][]uint32{}, map[int][]uint32{}
	}
	if at < r.last {
		for file, rows := range r.current {
			if len(rows) > len(r.before[file]) {
				r.before[file] = rows
			}
		}
		r.current = map[int][]uint32{}
	}
	r.last = at
	if r.rows++; r.rows > maxRepeats {
		*r = repeats{overflow: true}
		return false
	}
	rows := append(r.current[at], sum)
	r.current[at] = rows
	before := r.before[at]
	return len(before) >= len(rows) && before[len(rows)-1] == sum
}
