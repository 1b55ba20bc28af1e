package netflow

// started watches an IPFIX exporter's start-up time, which the header does not
// tell: RouterOS 7 and others send it (element 160) in each record or in options,
// and where only uptimes are sent (elements 21 and 22, RouterOS 6), these jump
// back.
type started struct {
	known  bool
	coarse bool // the uptime is that of a flow's end
	at     instant
	seen   int64 // when the last one came, Unix nanoseconds by the collector's clock
}

// ended is how far the end of a flow may lie behind its export, in milliseconds.
// More than the longest timeouts in use.
const ended = 1_800_000

// isNew says whether an uptime is worth looking at: no start takes less than a
// second.
func (b *started) isNew(h *header) bool {
	if b.known && h.received-b.at.received < second {
		b.seen = h.received
		return false
	}
	return true
}

// moved notes an uptime, and says whether the exporter started anew since the last
// one came: when that was.
func (b *started) moved(h *header, uptime uint32, coarse bool) (last int64, moved bool) {
	now := instant{uptime: uptime, export: h.export, received: h.received}
	slack := int32(tolerance)
	if coarse {
		slack = ended
	}
	last = b.seen
	moved = b.known && b.coarse == coarse && b.at.movedBy(&now, slack)
	*b = started{true, coarse, now, h.received}
	return last, moved
}

// rebooted reads the start-up time in the first record of a data set. If it moved,
// the templates that were sent before the last record of the time before are put
// aside: by one of another layout the record would be read wrongly.
func (s *stream) rebooted(h *header, p *plan, set []byte) {
	if !s.started.isNew(h) || p.kind != traffic || !p.hasInit && p.clock != uptimeClock || len(set) < p.size {
		return
	}
	if p.shape != nil {
		if _, ok := p.find(set); !ok {
			return
		}
	}
	want := endUptime
	if p.hasInit {
		want = initMilliseconds
	} else if p.onlyStart {
		want = startUptime
	}
	for i := range p.steps {
		if step := &p.steps[i]; step.action == want {
			uptime := uint32(number(set[step.offset:][:step.width]))
			if p.hasInit {
				uptime = uint32(h.export/millisecond) - uptime
			}
			s.ran(h, uptime, !p.hasInit)
			return
		}
	}
}

// start takes the start-up time of an options record, in milliseconds since 1970.
func (s *stream) start(h *header, init uint64) {
	s.init, s.hasInit = init, true
	if s.started.isNew(h) {
		s.ran(h, uint32(uint64(h.export/millisecond)-init), false)
	}
}

func (s *stream) ran(h *header, uptime uint32, coarse bool) {
	if last, moved := s.started.moved(h, uptime, coarse); moved && !s.sequence.senders.shared {
		s.distrust(aside, last)
	}
}
