package netflow

import (
	"math"
	"math/bits"

	"nfacct/collector/flow"
)

// sampling is what one record says about it.
type sampling struct {
	explicit         uint64 // 1 in N: element 34 or 50
	algorithm        uint64 // 304: how the rest is meant
	interval, space  uint64 // packets taken, packets left out: 305 and 306
	spaced           bool   // 306 was there
	size, population uint64 // taken, out of how many: 309 and 310
	time, pause      uint64 // microseconds in which all are taken, and none: 307 and 308
	paused           bool   // 308 was there
	probability      float64
	hashed, selected [2]uint64 // least and greatest hash, of all and of those taken: 329 to 332
	flows, skipped   uint64    // flow records taken, and left out: 396 and 397
	selector         uint64    // which sampler: 48 or 302
	named            bool
}

// The selectorAlgorithm of RFC 5477 section 8.2 and the registry of IANA
// (psamp-parameters). 35 and 49, NetFlow's own, need not be read: 34 and 50 mean
// one packet in N in all their modes.
const (
	systematicCount = 1
	systematicTime  = 2
	randomNOutOfN   = 3
	probabilistic   = 4
	propertyMatch   = 5 // a filter: what it leaves out is not wanted
	hashBOB         = 6
	hashIPSX        = 7
	hashCRC         = 8
)

// rate is N of "1 in N packets", to the nearest whole number. The quantities that
// the algorithm goes by come first; then NetFlow's own, then any that are whole.
// An interval without a space is no rate: Cisco's IOS XR sends 305 beside 309 and
// 310, once as 1 and once as the population (pmacct's tests 104 and 112).
func (s *sampling) rate() (n uint32, ok bool) {
	switch s.algorithm {
	case propertyMatch:
		return 0, false
	case systematicCount:
		n, ok = s.byCount()
	case systematicTime:
		n, ok = s.byTime()
	case randomNOutOfN:
		n, ok = s.bySize()
	case probabilistic:
		n, ok = s.byProbability()
	case hashBOB, hashIPSX, hashCRC:
		n, ok = s.byHash()
	}
	if ok {
		return n, true
	}
	if s.explicit != 0 {
		return uint32(min(s.explicit, math.MaxUint32)), true
	}
	if n, ok = s.bySize(); ok {
		return n, true
	}
	if n, ok = s.byCount(); ok {
		return n, true
	}
	if n, ok = s.byProbability(); ok {
		return n, true
	}
	if n, ok = s.byHash(); ok {
		return n, true
	}
	if n, ok = s.byTime(); ok {
		return n, true
	}
	if s.flows != 0 { // RFC 7014 section 6.1.2
		return ratio(s.flows, s.skipped, s.flows), true
	}
	return 0, false
}

func (s *sampling) byCount() (uint32, bool) {
	if s.interval == 0 || !s.spaced {
		return 0, false
	}
	return ratio(s.interval, s.space, s.interval), true
}

// byTime takes packets to come evenly.
func (s *sampling) byTime() (uint32, bool) {
	if s.time == 0 || !s.paused {
		return 0, false
	}
	return ratio(s.time, s.pause, s.time), true
}

func (s *sampling) bySize() (uint32, bool) {
	if s.size == 0 || s.population < s.size {
		return 0, false
	}
	return ratio(s.population, 0, s.size), true
}

func (s *sampling) byProbability() (uint32, bool) {
	if !(s.probability > 0 && s.probability <= 1) {
		return 0, false
	}
	return uint32(max(1, min(math.Round(1/s.probability), math.MaxUint32))), true
}

func (s *sampling) byHash() (uint32, bool) {
	if s.hashed[1] <= s.hashed[0] || s.selected[1] < s.selected[0] || s.selected[0] < s.hashed[0] || s.selected[1] > s.hashed[1] {
		return 0, false
	}
	if s.selected == s.hashed {
		return 1, true
	}
	return ratio(s.hashed[1]-s.hashed[0], 1, s.selected[1]-s.selected[0]+1), true
}

// take notes what a field says. weak fields count only where a better one says
// nothing.
func (s *sampling) take(a action, v uint64, width uint8, weak bool) {
	switch a {
	case samplingInterval:
		if !weak || s.explicit == 0 {
			s.explicit = v
		}
	case selectorAlgorithm:
		s.algorithm = v
	case samplingPacketInterval:
		s.interval = v
	case samplingPacketSpace:
		s.space, s.spaced = v, true
	case samplingTimeInterval:
		s.time = v
	case samplingTimeSpace:
		s.pause, s.paused = v, true
	case samplingSize:
		s.size = v
	case samplingPopulation:
		s.population = v
	case samplingProbability: // a float64, or a float32 (RFC 7011, section 6.2)
		if width == 4 {
			s.probability = float64(math.Float32frombits(uint32(v)))
		} else if width == 8 {
			s.probability = math.Float64frombits(v)
		}
	case hashMin:
		s.hashed[0] = v
	case hashMax:
		s.hashed[1] = v
	case selectedMin:
		s.selected[0] = v
	case selectedMax:
		s.selected[1] = v
	case samplingFlowInterval:
		s.flows = v
	case samplingFlowSpacing:
		s.skipped = v
	case selector:
		s.selector, s.named = v, true
	}
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

// readInterval reads element 34 in a data record, as only RouterOS sends it.
// RouterOS 6.49 writes it little-endian (reported for 6.49.6 to fastnetmon,
// akvorado and goflow2; right again by 7.10), and nothing in the datagram tells
// which it is. The smaller of the two readings is taken: the other one of any
// rate that an office samples at is beyond 65,535. both says that the other one
// could be meant too, so that those who know what the router is set to can decide:
// see flow.Record.OtherSampling.
func readInterval(v uint64, width uint8) (n uint32, repaired, both bool) {
	if width != 4 {
		return uint32(min(v, math.MaxUint32)), false, false
	}
	n = uint32(v)
	other := bits.ReverseBytes32(n)
	return min(n, other), other < n, n != other && max(n, other) < 1<<24
}

// sample sets a record's sampling from what the record itself says about it.
func (p *plan) sample(r *flow.Record, w *work) {
	if p.has&flow.HasSampling != 0 && r.Sampling != 0 {
		return // element 34
	}
	if p.tells {
		if n, ok := w.sampling.rate(); ok {
			r.Sampling = n
			r.Has |= flow.HasSampling
			return
		}
		if !p.selects {
			return
		}
	}
	n := w.rates.sampler(w.sampling.selector)
	r.Sampling = n
	if n != 0 {
		r.Has |= flow.HasSampling
	} else {
		r.Has &^= flow.HasSampling
	}
}
