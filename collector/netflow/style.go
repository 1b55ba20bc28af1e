package netflow

// style is how an IPFIX exporter numbers its messages. RFC 7011 section 3.1
// wants the count of all data records sent before the message, and RouterOS
// keeps to it. softflowd counts those of the message too, and never options
// records, and it is not alone; so the style is learnt from what adds up.
type style struct {
	including bool // the number includes the message's own records
	noOptions bool // records of options templates are not counted
}

// carriedStyle is the number of the set that carries a style: see Carry.
const carriedStyle = 4

func (s style) raw() []byte {
	for i := range styles {
		if styles[i] == s {
			return []byte{byte(i), 0, 0, 0}
		}
	}
	return nil
}

var styles = [...]style{{}, {noOptions: true}, {including: true}, {including: true, noOptions: true}}

func (s style) size(u units) uint32 {
	if s.noOptions {
		return u.data
	}
	return u.data + u.options
}

// learn adopts another style when that one explains the number and the present
// one does not: the third time in a row when something spoke against it, else at
// once. But a message that seems to include its own records can be one after as
// many that were lost, so this is believed the second time, and what was counted as
// lost until then is taken back: owed.
func (q *sequence) learn(now *instant) (late uint32) {
	var fits [len(styles)]bool
	for i, s := range styles {
		if s.including {
			fits[i] = !now.units.unknown && now.sequence == q.newest.sequence+s.size(now.units)
		} else {
			fits[i] = !q.newest.units.unknown && now.sequence == q.newest.sequence+s.size(q.newest.units)
		}
	}
	best := -1
	for i, s := range styles {
		if fits[i] && s == q.style {
			q.doubt = 0
			mayInclude := false
			for i := range styles {
				if !fits[i] && q.against[i] < proofs {
					q.against[i]++
				}
				mayInclude = mayInclude || fits[i] && styles[i].including
			}
			if !mayInclude {
				q.owed = 0 // truly lost
			}
			return 0
		}
		if fits[i] && (best < 0 || q.against[i] < q.against[best]) {
			best = i
		}
	}
	if best < 0 {
		q.doubt = 0
		return 0
	}
	need := uint8(1)
	switch {
	case q.against[best] >= proofs:
		need = proofs
	case styles[best].including && !q.style.including && int32(now.sequence-q.next()) > 0:
		need = 2
	}
	if q.doubt++; q.doubt >= need {
		late, q.owed = q.owed, 0
		q.style, q.against, q.doubt, q.open = styles[best], [len(styles)]uint8{}, 0, 0
	}
	return late
}
