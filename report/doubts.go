package report

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// tolerated is the part of a day's records that may be lost before the figures
// are in doubt: one in a thousand is less than what export itself gets wrong.
const tolerated = 1000

// mostGaps is how many gaps are said one by one.
const mostGaps = 10

// doubt says why the figures are not the whole period's; nothing if they are, as
// far as anybody can know.
func (q *question) doubt(context.Context) error {
	u := q.u
	doubt := func(d Doubt) { u.Doubts = append(u.Doubts, d) }
	switch {
	case q.Now.Before(q.Period.Start):
		doubt(Doubt{Kind: "future"})
	case q.Now.Before(q.Period.End):
		d := Doubt{Kind: "running"}
		if u.DataUntil != nil {
			d.Until, _ = SpanText(&q.Period, *u.DataUntil, q.Period.End)
		}
		doubt(d)
	}
	if len(u.Books) == 0 {
		doubt(Doubt{Kind: "empty"})
	} else if missing := q.missingDays(); len(missing) > 0 {
		doubt(Doubt{Kind: "missing_days", Count: uint64(len(missing)), What: dayRanges(missing)})
	}
	if n := len(q.Pending); n > 0 {
		doubt(Doubt{Kind: "pending", Count: uint64(n), What: slices.Min(q.Pending)})
	}
	for i, gap := range u.Gaps {
		if i == mostGaps {
			doubt(Doubt{Kind: "more_gaps", Count: uint64(len(u.Gaps) - i)})
			break
		}
		from, until := SpanText(&q.Period, gap.From, gap.To)
		doubt(Doubt{Kind: "silent", Router: gap.Router, What: from, Until: until})
	}
	u.Doubts = append(u.Doubts, bookDoubts(u.Books)...)
	// Squid's log is known from its first entry on, as flows are from theirs, in every
	// kind of period.
	switch {
	case q.squid && q.proxyBegin.IsZero():
		doubt(Doubt{Kind: "proxy_missing"})
	case u.Proxy != nil && q.proxyBegin.After(q.Period.Start.Add(tolerable)):
		begin, _ := SpanText(&q.Period, q.proxyBegin, q.Period.End)
		doubt(Doubt{Kind: "proxy_begin", What: begin})
	case q.squid && u.Proxy == nil && !q.Now.Before(q.Period.Start):
		doubt(Doubt{Kind: "proxy_begin", What: q.proxyBegin.Format("2006-01-02 15:04")})
	}
	if u.Proxy != nil && u.Proxy.Unread {
		doubt(Doubt{Kind: "proxy_unread"})
	}
	for _, cut := range q.proxyCuts {
		from, until := SpanText(&q.Period, cut.From.In(q.loc), cut.Until.In(q.loc))
		doubt(Doubt{Kind: "proxy_cut", What: from, Until: until})
	}
	if q.Group != "" { // heads of a department see their own hosts, and no sums of others
		u.Books, u.Excluded, u.Facts.Rules = []archive.Book{}, []Exclusion{}, []Rule{}
		t := &u.Totals
		t.Unattributed, t.Transit, t.Internal, t.RouterLocal, t.UnattributedShare = archive.Counts{}, archive.Counts{}, archive.Counts{}, archive.Counts{}, 0
	}
	english := phrase.English()
	for _, d := range u.Doubts {
		u.Incomplete = append(u.Incomplete, d.Text(english))
	}
	u.Complete = len(u.Doubts) == 0
	return nil
}

// loading says that days were being loaded while they were read. What follows from
// that alone is not said beside it: that books do not balance, or that there is
// nothing.
func (u *Usage) loading(days []archive.Day) {
	names := map[string]bool{}
	for _, day := range days {
		names[day.String()] = true
	}
	for i := range u.Books {
		if b := &u.Books[i]; names[b.Day.String()] {
			b.Difference, b.Imbalances = "", nil
		}
	}
	doubts := []Doubt{{Kind: "loading", What: dayRanges(days)}}
	for _, d := range u.Doubts {
		if !(d.Kind == "books" && names[d.What] || d.Kind == "empty" || d.Kind == "missing_days" && d.What == doubts[0].What) {
			doubts = append(doubts, d)
		}
	}
	u.Doubts, u.Incomplete, u.Complete = doubts, nil, false
	for _, d := range u.Doubts {
		u.Incomplete = append(u.Incomplete, d.Text(phrase.English()))
	}
}

// Loading are the days that were being loaded while they were read, as text; empty
// when there were none. Then figures are between what they were and what they will
// be, and a mail of them has to wait.
func (u *Usage) Loading() string {
	for _, d := range u.Doubts {
		if d.Kind == "loading" {
			return d.What
		}
	}
	return ""
}

// unsettled are the doubts that imports to come may end. What was lost is lost.
var unsettled = []string{"future", "running", "empty", "missing_days", "pending", "loading"}

// Unsettled is the first reason, in English, why more traffic may yet be found in
// the period, so that who is not over quota now may be so later; empty when the
// figures are as good as they get.
func (u *Usage) Unsettled() string {
	for _, d := range u.Doubts {
		if slices.Contains(unsettled, d.Kind) {
			return d.Text(phrase.English())
		}
	}
	return ""
}

// HostsOver are the hosts over a bound of a host's quota, in order.
func (u *Usage) HostsOver() []netip.Addr {
	var hosts []netip.Addr
	for i := range u.Offenders {
		if o := &u.Offenders[i]; o.Subject == "host" {
			if addr, err := netip.ParseAddr(o.Name); err == nil {
				hosts = append(hosts, addr)
			}
		}
	}
	slices.SortFunc(hosts, netip.Addr.Compare)
	return slices.Compact(hosts)
}

// bookDoubts says what books give cause to doubt: of each router once, with all
// its days together, and what does not balance by day.
func bookDoubts(books []archive.Book) (doubts []Doubt) {
	sums := map[string]*archive.Book{}
	var routers []string
	for i := range books {
		b := &books[i]
		sum := sums[b.Router]
		if sum == nil {
			sum = &archive.Book{Router: b.Router}
			sums[b.Router] = sum
			routers = append(routers, b.Router)
		}
		sum.Add(*b)
	}
	slices.Sort(routers)
	for _, router := range routers {
		b := sums[router]
		if b.LostRecords > b.Records/tolerated {
			doubts = append(doubts, Doubt{Kind: "lost", Router: router, Count: b.LostRecords, Share: part(b.LostRecords, b.LostRecords+b.Records), Bytes: missing(b)})
		}
		if b.KernelDropped > b.Datagrams/tolerated {
			doubts = append(doubts, Doubt{Kind: "dropped", Router: router, Count: b.KernelDropped})
		}
		if b.SpoolLost > b.Datagrams/tolerated {
			doubts = append(doubts, Doubt{Kind: "unspooled", Router: router, Count: b.SpoolLost})
		}
		if n := b.Rejected[archive.RejectedDamaged]; n > 0 {
			doubts = append(doubts, Doubt{Kind: "damaged", Router: router, Count: n})
		}
		if b.NoTemplate > 0 {
			doubts = append(doubts, Doubt{Kind: "no_template", Router: router, Count: b.NoTemplate})
		}
		for _, f := range b.Findings {
			if (f.Kind == archive.FoundUnlisted || f.Kind == archive.FoundSilentHop) && f.Bytes > b.Bytes/tolerated {
				doubts = append(doubts, Doubt{Kind: string(f.Kind), Router: router, What: f.Example, Count: f.Bytes})
			}
			if doubtful(f) {
				doubts = append(doubts, Doubt{Kind: string(f.Kind), Router: router, Count: f.Records, Finding: &f})
			}
		}
	}
	for i := range books {
		if b := &books[i]; b.Difference != "" {
			doubts = append(doubts, Doubt{Kind: "books", Router: b.Router, What: b.Day.String()})
		}
	}
	return doubts
}

// missing is about how much traffic lost records were of, if they were as those
// that came.
func missing(b *archive.Book) uint64 {
	if b.Records == 0 {
		return 0
	}
	return uint64(float64(b.Bytes) / float64(b.Records) * float64(b.LostRecords))
}

// missingDays are the days, up to now, of which nothing was imported.
func (q *question) missingDays() (missing []archive.Day) {
	today := q.day(q.Now)
	for day := q.Period.From; !q.Period.To.Before(day) && !today.Before(day); day = day.Add(1) {
		if !q.known[day] {
			missing = append(missing, day)
		}
	}
	return missing
}

// dayRanges writes days as a person would: 2026-11-01 – 2026-11-03, 2026-11-09.
func dayRanges(days []archive.Day) string {
	var parts []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j].Add(1) {
			j++
		}
		if j > i {
			parts = append(parts, fmt.Sprintf("%s – %s", days[i], days[j]))
		} else {
			parts = append(parts, days[i].String())
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
