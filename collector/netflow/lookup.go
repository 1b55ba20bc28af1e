package netflow

import "nfacct/collector/flow"

// find gives the template to read a data set by, or nil: the stream's own. A set
// that came in another port's stream may be read by isSibling too.
func (d *Decoder) find(s *stream, id uint16, set []byte, received int64) *template {
	t := s.recent
	if t == nil || t.id != id {
		if t = s.templates[id]; t == nil {
			return nil
		}
	}
	if received-t.received > int64(d.limits.Age) {
		s.withdraw(t)
		return nil
	}
	if t.trust != sound && (t.trust == aside || !d.compiled(s, t).fits(set)) {
		return nil
	}
	s.recent = t
	return t
}

// use marks a template as used: those that data came for make room last.
func (s *stream) use(t *template, received int64) {
	s.tried.use(&t.place)
	t.received = max(t.received, received)
}

// maxProbes bounds how many templates of other streams are looked up for one
// datagram.
const maxProbes = 1024

// borrow gives a template of another port of the exporter, of the same version
// and source id, that fits a set to the byte; nil when there is none. RFC 3954
// section 5.1 names only address and source id, and there are exporters that
// send templates and data from different ports. RFC 7011 section 8 ties
// templates to the transport session, yet some do the same in IPFIX (pmacct's
// test 112). own is where the set came, or nil when that stream is forgotten.
func (d *Decoder) borrow(own *stream, k key, h *header, id uint16, set []byte) (*stream, *template) {
	if own != nil && own.templates[id] != nil {
		return nil, nil // it has one, and waits for it to be sent again
	}
	for _, s := range d.kin[k.anyPort()] {
		if s == own || d.work.probes >= maxProbes {
			continue
		}
		d.work.probes++
		t := s.templates[id]
		if t == nil || t.trust == aside || h.received-t.received > int64(d.limits.Age) {
			continue
		}
		now := instant{uptime: h.uptime, export: h.export, received: h.received}
		if k.version == flow.V9 && s.sequence.newest.moved(&now) {
			continue // it is of a time before a reboot, or of another exporter
		}
		if d.compiled(s, t).fits(set) {
			return s, t
		}
	}
	return nil, nil
}

// distrust marks the templates of an exporter that began anew. since is when, by
// the collector's clock: those that were sent later are its present ones.
func (s *stream) distrust(how trust, since int64) {
	for _, t := range s.templates {
		if t.announced <= since {
			t.trust = max(t.trust, how)
		}
	}
}

// began acts on what the sequence number of a datagram said.
func (s *stream) began(loss Loss, received int64) {
	switch {
	case s.sequence.rebooted:
		s.distrust(aside, received)
	case loss.Restart:
		s.distrust(doubtful, received)
	case loss.Shared && !s.shared: // there was no reboot
		for _, t := range s.templates {
			t.trust = min(t.trust, doubtful)
		}
	}
	s.shared = loss.Shared
}
