package report

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"nfacct/archive"
)

// readBooks reads the period's books and what they say of all traffic.
func (q *question) readBooks(ctx context.Context) error {
	books, err := q.archive.Reader().Books(ctx, q.Period.From, q.Period.To)
	if err != nil {
		return err
	}
	q.u.Books = books
	if q.firstHeard, err = q.archive.Routers().FirstHeard(ctx); err != nil {
		return err
	}
	t := &q.u.Totals
	var border uint64
	excluded := map[string]archive.Counts{}
	for i := range books {
		c := &books[i].Classes
		t.Unattributed = t.Unattributed.Plus(c.Unattributed)
		t.Transit = t.Transit.Plus(c.Transit)
		t.Internal = t.Internal.Plus(c.Internal)
		t.RouterLocal = t.RouterLocal.Plus(c.RouterLocal)
		if r := books[i].Router; books[i].Estimated && !slices.Contains(q.u.Estimated, r) {
			q.u.Estimated = append(q.u.Estimated, r)
		}
		border = plus(border, plus(plus(c.Up.Bytes, c.Down.Bytes), c.Unattributed.Bytes))
		for rule, n := range books[i].Excluded {
			excluded[rule] = excluded[rule].Plus(n)
		}
	}
	if border > 0 {
		t.UnattributedShare = float64(t.Unattributed.Bytes) / float64(border)
	}
	for rule, n := range excluded {
		q.u.Excluded = append(q.u.Excluded, Exclusion{Rule: rule, Counts: n})
	}
	slices.SortFunc(q.u.Excluded, func(a, b Exclusion) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Rule, b.Rule))
	})
	return nil
}

// total is what some days have together.
type total struct {
	up, down uint64
	hosts    int
	last     netip.Addr           // hosts come one after the other
	days     map[archive.Day]bool // that had traffic
	known    int                  // days of which something is known, if only that nobody had traffic
}

func (t *total) add(d *archive.HostDay) {
	if t.days == nil {
		t.days = map[archive.Day]bool{}
	}
	if t.up = plus(t.up, d.UpBytes); d.Host != t.last {
		t.hosts++
	}
	t.down = plus(t.down, d.DownBytes)
	t.last = d.Host
	t.days[d.Day] = true
}

// weekdays is how many weeks back the same weekday is looked at.
const weekdays = 4

// since is the first day that a report of a period reads without a gap up to the
// period's end: of the period before, or of the first month that quotas judge.
func (r *Reporter) since(p *Period) archive.Day {
	from := p.before(r.loc).From
	if month := archive.MonthOf(p.From).First(); month.Before(from) && r.monthly() {
		return month
	}
	return from
}

// readDays reads usage by host and day: of the period, of the one before, of the
// same weekdays that are complete, and of what quotas of a month need.
func (q *question) readDays(ctx context.Context) error {
	p := q.Period
	before := p.before(q.loc)
	from := q.since(&p)
	q.measured = newMeasured(q, archive.MonthOf(p.From).First())
	q.byDay()
	if p.Kind == KindDay {
		if err := q.readHours(ctx); err != nil {
			return err
		}
	}
	var earlier total
	calendar := archive.NewCalendar(q.loc)
	err := q.archive.Reader().HostDays(ctx, from, p.To, func(d *archive.HostDay) {
		if !q.shown(d.Host) {
			return
		}
		q.measured.add(d)
		switch {
		case !d.Day.Before(p.From):
			if p.Kind != KindDay {
				q.addDay(d, calendar)
			}
		case !d.Day.Before(before.From) && !before.To.Before(d.Day):
			earlier.add(d)
		}
	})
	if err != nil {
		return err
	}
	q.measured.finish()
	q.finishHosts()
	own, err := q.notComplete(ctx, &p)
	if err != nil {
		return err
	}
	known, missing, err := q.completeness(ctx, &before)
	if err != nil {
		return err
	}
	earlier.known = max(known, len(earlier.days))
	if q.u.Before = q.compare(before.From, before.To, &earlier, 1); q.u.Before != nil {
		q.u.Before.unless(missing)
		q.u.Before.unless(own)
	}
	if p.Kind != KindDay {
		return nil
	}
	var same total
	hosts := 0 // those of several weeks as often
	var unknown archive.Day
	for week := 1; week <= weekdays; week++ {
		day := p.From.Add(-7 * week)
		other := DayPeriod(day, q.loc)
		if missing, err := q.notComplete(ctx, &other); err != nil {
			return err
		} else if !missing.IsZero() {
			if !q.firstDay().IsZero() && !day.Before(q.firstDay()) && unknown.IsZero() {
				unknown = day
			}
			continue
		}
		same.known++
		if err := q.archive.Reader().HostDays(ctx, day, day, func(d *archive.HostDay) {
			if q.shown(d.Host) {
				same.add(d)
				hosts++
			}
		}); err != nil {
			return err
		}
	}
	q.u.Weekday = q.compare(p.From.Add(-7*weekdays), p.From.Add(-7), &same, max(1, same.known))
	switch {
	case q.u.Weekday != nil:
		q.u.Weekday.unless(own)
		q.u.Weekday.Hosts = hosts / same.known
	case !unknown.IsZero(): // there were such days, and none can be compared with
		q.u.Weekday = &Comparison{From: p.From.Add(-7 * weekdays), To: p.From.Add(-7), NotComplete: unknown.String()}
	}
	return nil
}

// byDay makes the buckets: hours of a day, or days.
func (q *question) byDay() {
	p := q.Period
	calendar := archive.NewCalendar(q.loc)
	q.u.Buckets = []Bucket{}
	if p.Kind == KindDay {
		for hour := range (calendar.Slots(p.From) + 3) / 4 {
			q.u.Buckets = append(q.u.Buckets, Bucket{Start: calendar.SlotStart(p.From, archive.Slot(4*hour))})
		}
		return
	}
	for day := p.From; !p.To.Before(day); day = day.Add(1) {
		start, _ := calendar.Bounds(day)
		q.u.Buckets = append(q.u.Buckets, Bucket{Start: start})
	}
}

// bucket is the place of a day among the buckets of a longer period.
func (q *question) bucket(day archive.Day) int {
	at := func(d archive.Day) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }
	return int(at(day).Sub(at(q.Period.From)) / (24 * time.Hour))
}

// addDay adds a host's day to the period's figures.
func (q *question) addDay(d *archive.HostDay, calendar *archive.Calendar) {
	t := q.host(d.Host)
	t.up = plus(t.up, d.UpBytes)
	t.down = plus(t.down, d.DownBytes)
	t.flows = plus(t.flows, d.Flows)
	if !t.busy || d.BusiestBytes > t.busiestBytes {
		t.busy, t.busiest, t.busiestBytes = true, calendar.SlotStart(d.Day, archive.Slot(4*d.BusiestHour)).Unix(), d.BusiestBytes
	}
	n := q.bucket(d.Day)
	q.course[n] = plus(q.course[n], plus(d.UpBytes, d.DownBytes))
	q.u.Buckets[n].UpBytes = plus(q.u.Buckets[n].UpBytes, d.UpBytes)
	q.u.Buckets[n].DownBytes = plus(q.u.Buckets[n].DownBytes, d.DownBytes)
}

// host is the figures of an address. Its course is in q.course until the next host
// comes: they come one after the other.
func (q *question) host(addr netip.Addr) *tally {
	if q.current != nil && q.current.addr == addr {
		return q.current
	}
	q.keepCourse()
	t := q.hosts.add(addr)
	t.group = int32(q.departments.index(addr))
	q.current, q.course = t, make([]uint64, len(q.u.Buckets))
	return t
}

// keepCourse packs the course of the host that is over.
func (q *question) keepCourse() {
	t := q.current
	if t == nil {
		return
	}
	if q.Period.Kind == KindDay {
		for n, bytes := range q.course {
			if !t.busy || bytes > t.busiestBytes {
				t.busy, t.busiest, t.busiestBytes = true, q.u.Buckets[n].Start.Unix(), bytes
			}
		}
	}
	t.course = q.hosts.packSparse(q.course)
	q.current = nil
}

// finishHosts sorts the hosts, the biggest first, and sums them up.
func (q *question) finishHosts() {
	q.keepCourse()
	q.hosts.sort()
	t := &q.u.Totals
	for _, h := range q.hosts.order {
		t.UpBytes = plus(t.UpBytes, h.up)
		t.DownBytes = plus(t.DownBytes, h.down)
		t.Flows = plus(t.Flows, h.flows)
	}
	t.Hosts = len(q.hosts.order)
}

func part(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// compare is what other days had; nil when nothing is known of them. The sums are
// divided by so many.
func (q *question) compare(from, to archive.Day, t *total, by int) *Comparison {
	if t.known == 0 {
		return nil
	}
	c := &Comparison{From: from, To: to, Days: t.known, UpBytes: t.up / uint64(by), DownBytes: t.down / uint64(by), Hosts: t.hosts}
	now := &q.u.Totals
	c.UpChange, c.DownChange, c.Change = change(now.UpBytes, c.UpBytes), change(now.DownBytes, c.DownBytes), change(now.Bytes(), c.Bytes())
	// A month of 31 days has a tenth more than one of 28 because it is longer.
	if days := dayCount(from, to); by == 1 && days != q.Period.Days {
		c.PerDay = true
		longer := float64(q.Period.Days) / float64(days)
		for _, change := range []*float64{c.UpChange, c.DownChange, c.Change} {
			if change != nil {
				*change = (*change+1)/longer - 1
			}
		}
	}
	return c
}

// dayCount is how many days there are from one to another, both included.
func dayCount(from, to archive.Day) (n int) {
	for day := from; !to.Before(day); day = day.Add(1) {
		n++
	}
	return n
}

// unless takes back what a comparison says when something is missing of a day.
func (c *Comparison) unless(missing archive.Day) {
	if !missing.IsZero() {
		c.NotComplete, c.UpChange, c.DownChange, c.Change = missing.String(), nil, nil, nil
	}
}

func change(now, then uint64) *float64 {
	if then == 0 {
		return nil
	}
	c := (float64(now) - float64(then)) / float64(then)
	return &c
}

// readHours reads the figures of a day, which are those of its hours.
func (q *question) readHours(ctx context.Context) error {
	buckets := q.u.Buckets
	busy := make([]bool, len(buckets))
	err := q.archive.Reader().HostHours(ctx, q.Period.From, func(hour *archive.HostHour) {
		n := hour.Hour
		if n >= len(buckets) { // there is no such hour; the books say that something is wrong
			return
		}
		busy[n] = true
		if !q.shown(hour.Host) {
			return
		}
		t := q.host(hour.Host)
		t.up = plus(t.up, hour.UpBytes)
		t.down = plus(t.down, hour.DownBytes)
		t.flows = plus(t.flows, hour.Flows)
		q.course[n] = plus(q.course[n], plus(hour.UpBytes, hour.DownBytes))
		buckets[n].UpBytes = plus(buckets[n].UpBytes, hour.UpBytes)
		buckets[n].DownBytes = plus(buckets[n].DownBytes, hour.DownBytes)
	})
	for hour, had := range busy {
		if !had {
			q.u.QuietHours = append(q.u.QuietHours, hour)
		}
	}
	q.keepCourse()
	return err
}
