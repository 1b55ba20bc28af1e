package query

import (
	"bytes"
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
)

// merger sums groups of several tables. A group is known by the bytes of its bare
// columns.
type merger struct {
	columns int
	groups  map[string]*sums
	key     []byte
}

// sums are the measures of a group, each of 128 bits: a month's octets may be forged.
type sums [4]wide

// wide is a sum that does not wrap.
type wide struct{ high, low uint64 }

func (w *wide) add(o wide) {
	var carry uint64
	w.low, carry = bits.Add64(w.low, o.low, 0)
	w.high += o.high + carry
}

func (w wide) compare(o wide) int {
	return cmp.Or(cmp.Compare(w.high, o.high), cmp.Compare(w.low, o.low))
}

// parseWide reads the digits of a sum of the server's.
func parseWide(digits []byte) (w wide, err error) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return w, fmt.Errorf("%q is no sum", digits)
		}
		high, low := bits.Mul64(w.low, 10)
		w.high = w.high*10 + high
		var carry uint64
		w.low, carry = bits.Add64(low, uint64(c-'0'), 0)
		w.high += carry
	}
	return w, nil
}

// value is the sum as an answer has it: a number, or digits beyond 64 bits.
func (w wide) value() any {
	if w.high == 0 {
		return w.low
	}
	const chunk = 10_000_000_000_000_000_000 // 10^19
	high, low := bits.Div64(w.high%chunk, w.low, chunk)
	return fmt.Sprintf("%d%019d", high, low)
}

func newMerger(q *Question) *merger {
	return &merger{columns: len(q.Group), groups: map[string]*sums{}}
}

// add takes one row: the bare columns, each with its length before it, and sums.
func (m *merger) add(values [][]byte) error {
	m.key = m.key[:0]
	for _, value := range values[:m.columns] {
		m.key = append(append(m.key, byte(len(value))), value...)
	}
	var found sums
	for i, digits := range values[m.columns:] {
		w, err := parseWide(digits)
		if err != nil {
			return err
		}
		found[i] = w
	}
	return m.sum(string(m.key), &found)
}

func (m *merger) sum(key string, found *sums) error {
	s := m.groups[key]
	if s == nil {
		if len(m.groups) == mostMerged {
			return errManyGroups
		}
		s = &sums{}
		m.groups[key] = s
	}
	for i := range found {
		s[i].add(found[i])
	}
	return nil
}

func (m *merger) merge(o *merger) error {
	for key, found := range o.groups {
		if err := m.sum(key, found); err != nil {
			return err
		}
	}
	return nil
}

// line is a line of the answer before it is cut.
type line struct {
	bare  [][]byte
	shown []any
	sums  []wide
}

func (l *line) values() []any {
	row := slices.Clone(l.shown)
	for _, w := range l.sums {
		row = append(row, w.value())
	}
	return row
}

// lines are the groups in the order of the answer.
func (m *merger) lines(q *Question, s *Setting) []line {
	measures := q.measures(q.directions()[0])
	byMeasure := slices.IndexFunc(measures, func(m measure) bool { return m.name == "bytes" || m.name == "rows" })
	names := map[uint16]string{}
	for name, id := range s.Routers {
		names[id] = name
	}
	list := make([]line, 0, len(m.groups))
	for key, found := range m.groups {
		l := line{sums: found[:len(measures)]}
		for rest := []byte(key); len(rest) > 0; {
			n := int(rest[0])
			l.bare, rest = append(l.bare, rest[1:1+n]), rest[1+n:]
		}
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b line) int {
		if n := b.sums[byMeasure].compare(a.sums[byMeasure]); n != 0 {
			return n
		}
		for i, f := range q.Group {
			if n := f.compare(a.bare[i], b.bare[i]); n != 0 {
				return n
			}
		}
		return 0
	})
	for i := range list {
		for k, f := range q.Group {
			list[i].shown = append(list[i].shown, f.write(list[i].bare[k], s, names))
		}
	}
	return list
}

// compare orders bare values as the server does.
func (f Field) compare(a, b []byte) int {
	if f.kind == addresses || f.kind == days {
		return bytes.Compare(a, b)
	}
	return cmp.Compare(number(a), number(b))
}

func number(digits []byte) uint64 {
	n, _ := strconv.ParseUint(string(digits), 10, 64)
	return n
}

// write is a bare value as shown writes it in SQL.
func (f Field) write(bare []byte, s *Setting, names map[uint16]string) any {
	switch f.kind {
	case addresses:
		text := ntoa(bare)
		switch {
		case f.Bits == 0:
			return text
		case len(bare) == 4:
			return text + "/" + strconv.Itoa(min(f.Bits, 32))
		case f.Bits <= 32:
			return text + "/64"
		}
		return text + "/" + strconv.Itoa(f.Bits)
	case services:
		n := number(bare)
		return strconv.FormatUint(n>>16, 10) + "/" + strconv.FormatUint(n&0xffff, 10)
	case departments:
		if n := number(bare); n > 0 {
			return s.Departments[n-1].Name
		}
		return "-"
	case routers:
		if name, known := names[uint16(number(bare))]; known {
			return name
		}
		return nil
	case days:
		return string(bare)
	}
	return number(bare)
}

// ntoa writes an address as INET6_NTOA does: of IPv6 addresses that hold an IPv4 one,
// the last four bytes in decimal.
func ntoa(bare []byte) string {
	addr, ok := netip.AddrFromSlice(bare)
	if !ok {
		return ""
	}
	if b := addr.As16(); addr.Is6() && !addr.Is4In6() && [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0 || b[14] != 0 || b[15] > 1) {
		return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
	}
	return addr.String()
}
