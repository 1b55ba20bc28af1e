package importer

import "nfacct/importer/attribution"

// basis is what the attribution of a day's records rests on.
type basis struct {
	rules    [attribution.Rules]counts
	v5       counts
	uplinks  uint64             // bytes that outside interfaces counted, as often as they did
	unlisted map[uint32]*counts // by ifIndex
}

// maxUnlisted bounds the interfaces that are named; what else there is stands
// under interface 0.
const maxUnlisted = 16

func (b *basis) add(p *piece, records uint64) {
	b.rules[p.rule].add(records, p.bytes)
	b.uplinks += p.bytes * uint64(p.passed)
	if p.v5 {
		b.v5.add(records, p.bytes)
	}
	if p.unlisted != 0 {
		b.interfaceOf(p.unlisted).add(records, p.bytes)
	}
}

func (b *basis) interfaceOf(index uint32) *counts {
	if b.unlisted == nil {
		b.unlisted = map[uint32]*counts{}
	}
	if b.unlisted[index] == nil {
		if len(b.unlisted) >= maxUnlisted {
			index = 0
		}
		if b.unlisted[index] == nil {
			b.unlisted[index] = new(counts)
		}
	}
	return b.unlisted[index]
}

func (b *basis) merge(o *basis) {
	for rule := range o.rules {
		b.rules[rule].add(o.rules[rule].records, o.rules[rule].bytes)
	}
	b.v5.add(o.v5.records, o.v5.bytes)
	b.uplinks += o.uplinks
	for index, c := range o.unlisted {
		b.interfaceOf(index).add(c.records, c.bytes)
	}
}
