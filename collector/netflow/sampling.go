package netflow

import (
	"math"
	"math/bits"

	"nfacct/collector/flow"
)

// sampling is what one record says about it.
type sampling struct {
	explicit         uint64 // 1 in N: element 34 or 50
	interval, space  uint64 // packets taken, packets left out: 305 and 306
	size, population uint64 // taken, out of how many: 309 and 310
	selector         uint64 // which sampler: 48 or 302
	selected         bool
}

// rate is N of "1 in N packets", to the nearest whole number.
func (s sampling) rate() (n uint32, ok bool) {
	switch {
	case s.explicit != 0:
		return uint32(min(s.explicit, math.MaxUint32)), true
	case s.interval != 0:
		return ratio(s.interval, s.space, s.interval), true
	case s.size != 0 && s.population >= s.size:
		return ratio(s.population, 0, s.size), true
	}
	return 0, false
}

// ratio is (a + b) / c, rounded, at least 1 and at most what 32 bits hold.
func ratio(a, b, c uint64) uint32 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		sum = math.MaxUint64
	}
	n := sum / c
	if rest := sum % c; rest >= c-rest {
		n++
	}
	return uint32(max(1, min(n, math.MaxUint32)))
}

// repairInterval swaps the bytes of element 34 in a data record when only that
// makes sense: RouterOS 6.49 writes it little-endian (reported for 6.49.6 to
// fastnetmon and akvorado; right again by 7.10). Inferred, and done only where
// no sampling can be meant: one packet in more than 16 million against one in
// at most 65535.
func repairInterval(v uint64, width uint8) (n uint32, repaired bool) {
	if width != 4 {
		return uint32(min(v, math.MaxUint32)), false
	}
	n = uint32(v)
	if swapped := bits.ReverseBytes32(n); n >= 1<<24 && swapped <= math.MaxUint16 {
		return swapped, true
	}
	return n, false
}

// sampler is one that an options record described.
type sampler struct {
	id   uint64
	rate uint32
}

// maxSamplers bounds the samplers of a stream; further ones are not kept.
const maxSamplers = 64

func (s *stream) setSampler(id uint64, rate uint32) {
	for i := range s.samplers {
		if s.samplers[i].id == id {
			s.samplers[i].rate = rate
			return
		}
	}
	if len(s.samplers) < maxSamplers {
		s.samplers = append(s.samplers, sampler{id, rate})
	}
}

// rate is the sampling of records that name no sampler: what the exporter said
// without naming one, or its only sampler.
func (s *stream) rate() uint32 {
	if s.sampling == 0 && len(s.samplers) == 1 {
		return s.samplers[0].rate
	}
	return s.sampling
}

// sample sets a record's sampling from what the record itself says about it.
func (p *plan) sample(r *flow.Record, w *work) {
	if p.has&flow.HasSampling != 0 && r.Sampling != 0 {
		return // element 34
	}
	if n, ok := w.sampling.rate(); ok {
		r.Sampling = n
		r.Has |= flow.HasSampling
		return
	}
	if !p.selects {
		return
	}
	n := w.stream.sampling
	for _, s := range w.stream.samplers {
		if s.id == w.sampling.selector {
			n = s.rate
		}
	}
	r.Sampling = n
	if n != 0 {
		r.Has |= flow.HasSampling
	} else {
		r.Has &^= flow.HasSampling
	}
}

// option reads one record of an options template.
func (p *plan) option(b []byte, s *stream) (saying sampling) {
	for i := range p.steps {
		step := &p.steps[i]
		v := number(b[step.offset:][:step.width])
		switch step.action {
		case samplingInterval:
			if !step.weak || saying.explicit == 0 {
				saying.explicit = v
			}
		case samplingPacketInterval:
			saying.interval = v
		case samplingPacketSpace:
			saying.space = v
		case samplingSize:
			saying.size = v
		case samplingPopulation:
			saying.population = v
		case selector:
			saying.selector, saying.selected = v, true
		case initMilliseconds:
			s.init, s.hasInit = v, true
		}
	}
	if n, ok := saying.rate(); ok {
		if saying.selected {
			s.setSampler(saying.selector, n)
		} else {
			s.sampling = n
		}
	}
	return saying
}

// kept is the last record of an options template for one sampler, for Carry.
type kept struct {
	selector uint64
	record   []byte
}

// What is kept of a stream for Carry: records of all its options templates
// together, and bytes of each.
const (
	maxKept      = 64
	maxKeptBytes = 1024
)

// keep remembers an options record. It allocates only for a sampler that is new.
func (s *stream) keep(t *template, selector uint64, record []byte) {
	if len(record) > maxKeptBytes {
		return
	}
	for i := range t.kept {
		if k := &t.kept[i]; k.selector == selector {
			k.record = append(k.record[:0], record...)
			return
		}
	}
	if s.kept < maxKept {
		s.kept++
		t.kept = append(t.kept, kept{selector, append([]byte(nil), record...)})
	}
}
