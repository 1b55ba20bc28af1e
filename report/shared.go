package report

import (
	"context"
	"net/netip"
	"slices"
	"strings"
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

// mostSharedDays is the longest period that is asked for them, so that a report of a
// year need not read every hour of it.
const mostSharedDays = 7

// readShared finds the hosts that several routers charged.
func (q *question) readShared(ctx context.Context) error {
	routers := map[string]bool{}
	for i := range q.u.Books {
		routers[q.u.Books[i].Router] = true
	}
	if len(routers) < 2 || q.Period.From.Add(mostSharedDays-1).Before(q.Period.To) {
		return nil
	}
	parts := map[netip.Addr][]RouterPart{}
	for day := q.Period.From; !q.Period.To.Before(day); day = day.Add(1) {
		hosts, err := q.archive.Reader().SharedHosts(ctx, day)
		if err != nil {
			return err
		}
		for _, h := range hosts {
			if !q.shown(h.Host) {
				continue
			}
			at := slices.IndexFunc(parts[h.Host], func(p RouterPart) bool { return p.Router == h.Router })
			if at < 0 {
				at = len(parts[h.Host])
				parts[h.Host] = append(parts[h.Host], RouterPart{Router: h.Router})
			}
			p := &parts[h.Host][at]
			p.UpBytes, p.DownBytes = p.UpBytes+h.UpBytes, p.DownBytes+h.DownBytes
		}
	}
	for host, of := range parts {
		q.u.SharedHosts = append(q.u.SharedHosts, SharedHost{host.String(), of})
	}
	slices.SortFunc(q.u.SharedHosts, func(a, b SharedHost) int {
		return netip.MustParseAddr(a.Host).Compare(netip.MustParseAddr(b.Host))
	})
	return nil
}

// mostSharedLines is how many are named in the text; the JSON has all.
const mostSharedLines = 20

// shared names the hosts that several routers charged, with what each did.
func (t *text) shared() {
	for i, h := range t.u.SharedHosts {
		if i == mostSharedLines {
			t.paragraph("", t.Plural("text.shared.more", uint64(len(t.u.SharedHosts)-i)))
			break
		}
		var parts []string
		for _, p := range h.Routers {
			parts = append(parts, Clean(p.Router)+" "+t.Bytes(p.UpBytes+p.DownBytes))
		}
		t.paragraph("", t.Text("text.shared", h.Host, strings.Join(parts, ", ")))
	}
	if len(t.u.SharedHosts) > 0 {
		t.line("")
	}
}
