package importer

import (
	"maps"
	"slices"
	"strconv"

	"nfacct/archive"
	"nfacct/importer/attribution"
)

// basis is what the attribution of a day's records rests on.
type basis struct {
	rules    [attribution.Rules]counts
	v5       [attribution.Rules]counts // of rules, what came by version 5
	uplinks  uint64                    // bytes of the router itself that outside interfaces counted
	unlisted map[uint32]*counts        // by ifIndex
}

// maxUnlisted bounds the interfaces that are named; what else there is stands
// under interface 0.
const maxUnlisted = 16

func (b *basis) add(p *piece, records uint64) {
	b.rules[p.rule].add(records, p.bytes)
	if p.passed {
		b.uplinks = plus(b.uplinks, p.bytes)
	}
	if p.v5 {
		b.v5[p.rule].add(records, p.bytes)
	}
	if p.unlisted != 0 {
		b.interfaceOf(p.unlisted).add(records, p.bytes)
	}
}

func (b *basis) interfaceOf(index uint32) *counts {
	if b.unlisted == nil {
		b.unlisted = map[uint32]*counts{0: {}}
	}
	if b.unlisted[index] == nil {
		if len(b.unlisted) > maxUnlisted {
			return b.unlisted[0]
		}
		b.unlisted[index] = new(counts)
	}
	return b.unlisted[index]
}

func (b *basis) merge(o *basis) {
	for rule := range o.rules {
		b.rules[rule].add(o.rules[rule].records, o.rules[rule].bytes)
		b.v5[rule].add(o.v5[rule].records, o.v5[rule].bytes)
	}
	b.uplinks = plus(b.uplinks, o.uplinks)
	for _, index := range slices.Sorted(maps.Keys(o.unlisted)) { // so that the same ones are named each time
		b.interfaceOf(index).add(o.unlisted[index].records, o.unlisted[index].bytes)
	}
}

// weak are the rules that version 5 makes do with, for want of translated addresses.
var weak = [...]attribution.Rule{
	attribution.NextHop, attribution.NextHopOnly, attribution.Reverse, attribution.ReverseOnly,
}

// findings adds what the operator can do something about.
func (b *basis) findings(list []archive.Finding) []archive.Finding {
	add := func(kind archive.FindingKind, c counts, example string) {
		if c != (counts{}) {
			list = archive.AddFinding(list, archive.Finding{Kind: kind, Counts: archive.Counts{Records: c.records, Bytes: c.bytes}, Example: example})
		}
	}
	for index, c := range b.unlisted {
		add(archive.FoundUnlisted, *c, strconv.FormatUint(uint64(index), 10))
	}
	add(archive.FoundSilentHop, b.rules[attribution.NextHopSilent], "")
	for _, rule := range weak {
		add(archive.FoundWeak, b.v5[rule], rule.String())
	}
	return list
}
