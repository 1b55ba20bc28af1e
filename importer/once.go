package importer

import (
	"cmp"
	"fmt"
	"slices"

	"nfacct/archive"
	"nfacct/collector/flow"
)

// once leaves those records of a datagram out that repeat another stream's.
func (s *source) once(t *tally, router int, key streamKey, from int) error {
	r := &s.repeats
	if !r.scanned {
		if !r.another(router, key) {
			return nil
		}
		if err := s.scan(); err != nil { // a target that was added meanwhile
			return err
		}
	}
	e := r.streams[key]
	records := s.batch.records
	if e == nil && r.bounded {
		s.uncompared(t, key, records[from:])
	}
	if e == nil || e.best {
		return nil
	}
	kept := from
	var left counts
	for i := from; i < len(records); i++ {
		if r.repeated(e, &records[i]) {
			left.add(1, records[i].Bytes)
			continue
		}
		if kept != i {
			records[kept] = records[i]
		}
		kept++
	}
	s.batch.records = records[:kept]
	if r.bounded {
		s.uncompared(t, key, records[from:kept])
	}
	if left.records == 0 {
		return nil
	}
	if n := t.oddity(archive.FoundRepeated, key.source.Addr(), e.name()); n != nil {
		n.add(left.records, left.bytes)
	}
	return nil
}

// uncompared notes records that may repeat what another stream has of the router, of
// which not all is known.
func (s *source) uncompared(t *tally, key streamKey, records []flow.Record) {
	if n := t.oddity(archive.FoundUncompared, key.source.Addr(), ""); n != nil {
		for i := range records {
			n.add(1, records[i].Bytes)
		}
	}
}

// repeated says whether a better stream has the record.
func (r *repeats) repeated(e *exported, record *flow.Record) bool {
	for later := int64(-1); later <= 1; later++ {
		sight := sightOf(e.router, record, later)
		at, known := slices.BinarySearchFunc(r.seen, sight, func(s sighting, flow uint64) int { return cmp.Compare(s.flow, flow) })
		if known && r.seen[at].place < e.place {
			return true
		}
	}
	return false
}

// name is what the operator looks for among the router's targets.
func (e *exported) name() string {
	version := map[flow.Version]string{flow.V5: "version 5", flow.V9: "version 9", flow.IPFIX: "IPFIX"}[e.key.version]
	return fmt.Sprintf("%s to %s (from port %d)", version, e.target, e.key.source.Port())
}
