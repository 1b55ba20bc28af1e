package netflow

import (
	"cmp"
	"slices"
)

// CarryMost bounds what Carry emits, in bytes: what streams need that sent flow
// records within Limits.Age. A flood of made-up streams is not copied into each
// file. carryYoung of it is for streams that have sent no flow records yet that
// could be read: their data, or their templates, may come in the next file.
const (
	CarryMost  = 4 << 20
	carryYoung = CarryMost / 16
)

// carriedYoung is the number of a set that says that a stream has sent no flow
// records. No exporter sends it, see carriedStyle.
const carriedYoung = 5

// choice is a stream to be carried: with all its templates, or only with those
// that data came for.
type choice struct {
	stream *stream
	all    bool
}

// isProven says whether a stream has sent flow records.
func (s *stream) isProven() bool { return s.valid > 0 }

// isIdle says that no data came for a template.
func (t *template) isIdle(s *stream) bool { return t.place.in == &s.untried }

// weight is about how many bytes it takes to carry a stream, with the templates that
// no data came for, and without.
func (s *stream) weight() (all, busy int) {
	const head = v5Header + 6*setHeader // and the sets that are always there
	all, busy = head, head
	for _, t := range s.templates {
		n := len(t.raw) + setHeader
		for _, record := range t.kept {
			n += len(record) + setHeader
		}
		n += n * head / carrySize // headers of further datagrams
		if all += n; !t.isIdle(s) {
			busy += n
		}
	}
	return all, busy
}

// chosen are the streams to carry. Each exporter has an equal share, and what one
// does not need the others may use; within it the streams of most worth come first.
func (d *Decoder) chosen() (all []choice) {
	var newest int64
	for _, s := range d.streams {
		newest = max(newest, s.received)
	}
	proven, young := map[*exporter][]choice{}, map[*exporter][]choice{}
	for _, s := range d.streams {
		switch {
		case !s.sequence.known || newest-s.received > int64(d.limits.Age): // nothing of it is of use
		case s.isProven() && newest-s.validAt <= int64(d.limits.Age):
			proven[s.owner] = append(proven[s.owner], choice{stream: s})
		case len(s.templates) > 0 || s.wanting:
			young[s.owner] = append(young[s.owner], choice{stream: s})
		}
	}
	all = append(share(proven, CarryMost-carryYoung), share(young, carryYoung)...)
	slices.SortFunc(all, func(a, b choice) int { return a.stream.key.compare(b.stream.key) })
	return all
}

// share shares a number of bytes out among exporters.
func share(of map[*exporter][]choice, room int) (all []choice) {
	type need struct {
		streams []choice
		bytes   int
		first   key
	}
	var needs []need
	for _, streams := range of {
		n := need{streams: streams, first: streams[0].stream.key}
		for _, c := range streams {
			bytes, _ := c.stream.weight()
			n.bytes += bytes
			if c.stream.key.compare(n.first) < 0 {
				n.first = c.stream.key
			}
		}
		needs = append(needs, n)
	}
	slices.SortFunc(needs, func(a, b need) int { return cmp.Or(cmp.Compare(a.bytes, b.bytes), a.first.compare(b.first)) })
	for i, n := range needs {
		left := room / (len(needs) - i)
		slices.SortFunc(n.streams, func(a, b choice) int {
			return cmp.Or(cmp.Compare(b.stream.valid, a.stream.valid), cmp.Compare(b.stream.received, a.stream.received), a.stream.key.compare(b.stream.key))
		})
		for _, c := range n.streams {
			bytes, busy := c.stream.weight()
			if c.all = bytes <= left; !c.all {
				bytes = busy
			}
			if bytes > left || !c.all && !c.stream.isProven() {
				continue
			}
			left -= bytes
			room -= bytes
			all = append(all, c)
		}
	}
	return all
}
