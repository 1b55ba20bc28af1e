package attribution

import (
	"math"
	"math/bits"

	"nfacct/collector/flow"
)

// MaxSampling is the largest sampling factor that is believed.
const MaxSampling = 1 << 20

// factor is a fraction by which counters are multiplied.
type factor struct{ num, den uint64 }

// ratio is the fraction of the smallest denominator that is the given number
// to within a millionth, by continued fractions: 4.333333 is 13/3, so a
// sampling of 3 in 13 packets is exact although TOML has no fractions.
func ratio(x float64) factor {
	if x <= 1 {
		return factor{1, 1}
	}
	h, k := [2]uint64{1, uint64(x)}, [2]uint64{0, 1}
	rest := x - math.Floor(x)
	for math.Abs(x-float64(h[1])/float64(k[1])) > 1e-6 && rest > 1e-9 && k[1] < 1<<20 {
		rest = 1 / rest
		whole := math.Floor(rest)
		rest -= whole
		h[0], h[1] = h[1], uint64(whole)*h[1]+h[0]
		k[0], k[1] = k[1], uint64(whole)*k[1]+k[0]
	}
	return factor{h[1], k[1]}
}

// of scales a counter, rounded to the nearest, held at the largest number.
func (f factor) of(n uint64) uint64 {
	hi, lo := bits.Mul64(n, f.num)
	lo, carry := bits.Add64(lo, f.den/2, 0)
	hi += carry
	if hi >= f.den {
		return math.MaxUint64
	}
	q, _ := bits.Div64(hi, lo, f.den)
	return q
}

// SamplingStated is whether the configuration or the router's own facts state the
// sampling, so that the records' own is not asked.
func (a *Attributor) SamplingStated() bool { return a.sampling.num != 0 }

// Scale gives the record's bytes and packets multiplied by the sampling
// factor: the configured one, else the record's own. estimated says that a
// factor other than one was used. A record's own factor above MaxSampling is
// taken for a fault of the exporter and ignored.
func (a *Attributor) Scale(r *flow.Record) (bytes, packets uint64, estimated bool) {
	f := a.sampling
	if f.num == 0 {
		if r.Has&flow.HasSampling == 0 || r.Sampling <= 1 || r.Sampling > MaxSampling {
			return r.Bytes, r.Packets, false
		}
		f = factor{uint64(r.Sampling), 1}
	}
	if f.num == f.den {
		return r.Bytes, r.Packets, false
	}
	return f.of(r.Bytes), f.of(r.Packets), true
}
