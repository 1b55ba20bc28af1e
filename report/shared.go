package report

import (
	"context"
	"net/netip"
	"strings"

	"nfacct/archive"
)

// SharedHost is a host that several routers charged: its figures are of two hosts
// where the routers have networks of the same addresses, and twice those of one
// where both saw its traffic.
type SharedHost struct {
	Host    string       `json:"host"`
	Routers []RouterPart `json:"routers"`
}

// RouterPart is what one router charged to a host.
type RouterPart struct {
	Router    string `json:"router"`
	UpBytes   uint64 `json:"up_bytes"`
	DownBytes uint64 `json:"down_bytes"`
}

// Bytes is both directions.
func (p *RouterPart) Bytes() uint64 { return plus(p.UpBytes, p.DownBytes) }

// readShared finds the hosts that several routers charged, and those whose downloads
// rest on weak rules.
func (q *question) readShared(ctx context.Context) error {
	routers, weak := map[string]bool{}, false
	for i := range q.u.Books {
		b := &q.u.Books[i]
		routers[b.Router] = true
		for rule := range b.Rules {
			weak = weak || strings.HasPrefix(rule, "next hop") || strings.HasPrefix(rule, "answer to an upload")
		}
	}
	if len(routers) < 2 && !weak {
		return nil
	}
	var parts []RouterPart
	var host netip.Addr
	finish := func() {
		if t := q.hosts.of(host); t != nil && len(parts) > 1 {
			t.parts, parts = parts, nil
			q.u.SharedHosts = append(q.u.SharedHosts, SharedHost{host.String(), t.parts})
		}
		parts = parts[:0]
	}
	err := q.archive.Reader().RouterHosts(ctx, q.Period.From, q.Period.To, func(h *archive.RouterHost) {
		if h.Host != host {
			finish()
			host = h.Host
		}
		if !q.shown(h.Host) {
			return
		}
		parts = append(parts, RouterPart{h.Router, h.UpBytes, h.DownBytes})
		if t := q.hosts.of(h.Host); t != nil {
			t.weak = plus(t.weak, h.WeakBytes)
		}
	})
	finish()
	return err
}

// WeakDownload says that so much of a host's download was charged by the next hop or by
// the uploads that it answers that it may be another's.
func (h *Host) WeakDownload() bool { return h.WeakBytes > h.DownBytes/tolerated }

// parts are the lines below a host that several routers charged.
func (t *text) parts(h *Host, addresses int) {
	for i := range h.Routers {
		p := &h.Routers[i]
		name := Clean(p.Router)
		if i == mostParts {
			t.paragraph("  ", t.Plural("text.more", uint64(len(h.Routers)-i)))
			break
		}
		t.row("", addresses, "- "+name, t.Bytes(p.UpBytes), t.Bytes(p.DownBytes), t.Bytes(p.Bytes()), t.Percent(part(p.Bytes(), t.u.Totals.Bytes())), "", "")
	}
}

// mostParts is how many routers stand below a host; the JSON has all.
const mostParts = 20
