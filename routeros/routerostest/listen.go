package routerostest

import "slices"

// listener is a listen that waits for changes.
type listener struct {
	session *session
	menu    *menu
	request request
}

func (d *Device) listenTo(s *session, m *menu, r request) *trap {
	if t := permission(m, "print", s.policies); t != nil {
		return t
	}
	d.listeners = append(d.listeners, &listener{s, m, r})
	return nil
}

// tell sends what became of an item.
func (l *listener) tell(d *Device, i *item, gone bool) {
	words := []string{"!re", "=.id=" + i.ref(), "=.dead=" + d.cfg.Profile.dead()}
	if !gone {
		words = d.row(l.menu, i, nil)
	}
	l.session.reply(l.request, words)
}

// cancel ends the listen with the tag given, or all of the session.
func (s *session) cancel(r request) bool {
	d := s.device
	tag, one := r.values["tag"]
	d.mu.Lock()
	var ended []*listener
	d.listeners = slices.DeleteFunc(d.listeners, func(l *listener) bool {
		if l.session != s || one && (!l.request.tagged || l.request.tag != tag) {
			return false
		}
		ended = append(ended, l)
		return true
	})
	d.mu.Unlock()
	for _, l := range ended {
		s.fail(l.request, &trap{"interrupted", interrupted})
	}
	if one && ended == nil {
		return s.fail(r, &trap{message: "unknown tag " + tag})
	}
	return s.reply(r, []string{"!done"})
}
