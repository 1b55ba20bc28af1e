package report

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
)

// leastGap is how many slots must be silent before it is a gap. A router that
// works says something every few minutes, if only of its own DNS and NTP.
const leastGap = 2

// spoolName finds the time in a spool file's name (see package spool), which is
// the start of the quarter-hour that it was received in.
var spoolName = regexp.MustCompile(`(\d{8}T\d{6}Z)(?:-\d+)?\.pcapng\.zst$`)

// hearing is when routers were heard: in spool files, or in flows of files whose
// time is not known.
type hearing struct {
	slots map[string]map[int64]bool // starts of quarter-hours, by router
	days  map[archive.Day]bool      // of the period: those that something was heard of
	// tables are days of routers that came from a table of an old database. When it
	// has nothing nobody can say why.
	tables map[string]map[archive.Day]bool
}

// hear finds when routers were heard in a period. A router is silent from its
// first day on, and only if it is configured or was heard about then: those of
// old are gone for good.
func (q *question) hear(ctx context.Context, p *Period) (*hearing, error) {
	heard, err := q.archive.Routers().Heard(ctx, p.From.Add(-1), p.To.Add(1))
	if err != nil {
		return nil, err
	}
	h := &hearing{slots: map[string]map[int64]bool{}, days: map[archive.Day]bool{}, tables: map[string]map[archive.Day]bool{}}
	for _, router := range q.Routers {
		h.slots[router] = map[int64]bool{}
	}
	mark := func(router string, unix int64) {
		if h.slots[router] == nil {
			h.slots[router] = map[int64]bool{}
		}
		h.slots[router][unix-unix%archive.SlotSeconds] = true
	}
	calendar := archive.NewCalendar(q.loc)
	captured := captures{}
	for _, one := range heard {
		captured.add(one.Router, one.File)
		if !one.Day.Before(p.From) && !p.To.Before(one.Day) {
			h.days[one.Day] = true
		}
		if strings.HasPrefix(one.File, archive.TablePrefix) {
			if h.tables[one.Router] == nil {
				h.tables[one.Router] = map[archive.Day]bool{}
			}
			h.tables[one.Router][one.Day] = true
		}
		if one.Hour >= 0 {
			for n := range int64(4) {
				mark(one.Router, calendar.SlotStartUnix(one.Day, archive.Slot(4*one.Hour))+n*archive.SlotSeconds)
			}
			continue
		}
		if found := spoolName.FindStringSubmatch(one.File); found != nil {
			if start, err := time.Parse("20060102T150405Z", found[1]); err == nil {
				mark(one.Router, start.Unix())
			}
		}
	}
	captured.slots(mark)
	maps.DeleteFunc(h.slots, func(router string, _ map[int64]bool) bool {
		first, known := q.firstHeard[router]
		return !known || p.To.Before(first)
	})
	return h, nil
}

// gaps are the spans of a period, up to an instant, in which routers were silent.
func (q *question) gaps(h *hearing, p *Period, end int64) (gaps []Gap) {
	for _, router := range slices.Sorted(maps.Keys(h.slots)) {
		start := p.Start.Unix()
		if first := q.firstHeard[router]; p.From.Before(first) {
			begin, _ := archive.NewCalendar(q.loc).Bounds(first)
			start = begin.Unix()
		}
		gaps = append(gaps, q.findGaps(router, h, start, end)...)
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Router, b.Router)) })
	return gaps
}

// readGaps finds the spans of the period in which routers were not heard.
func (q *question) readGaps(ctx context.Context) error {
	h, err := q.hear(ctx, &q.Period)
	if err != nil {
		return err
	}
	end := q.Period.End.Unix()
	if q.known = h.days; len(h.days) > 0 {
		end = q.findAll(h)
	}
	q.markUnknown(end)
	return nil
}

// findAll finds the gaps of the period and the days from old tables, and returns
// up to when something was heard, or could have been.
func (q *question) findAll(h *hearing) (end int64) {
	for _, router := range slices.Sorted(maps.Keys(h.tables)) {
		days := slices.SortedFunc(maps.Keys(h.tables[router]), archive.Day.Compare)
		days = slices.DeleteFunc(days, func(day archive.Day) bool { return day.Before(q.Period.From) || q.Period.To.Before(day) })
		if len(days) > 0 {
			q.u.OldTables = append(q.u.OldTables, OldTable{Router: router, Days: dayRanges(days)})
		}
	}
	end = q.Period.End.Unix()
	if now := q.Now.Unix(); now < end { // up to what was heard last; the rest is not over
		end = q.Period.Start.Unix()
		for _, of := range h.slots {
			for unix := range of {
				end = max(end, min(unix+archive.SlotSeconds, q.Period.End.Unix()))
			}
		}
	}
	if now := q.Now.Unix(); q.Now.Before(q.Period.End) && end > q.Period.Start.Unix() {
		until := time.Unix(min(end, now), 0).In(q.loc)
		q.u.DataUntil = &until
	}
	q.u.Gaps = q.gaps(h, &q.Period, end)
	return end
}

// markUnknown marks the buckets of which nobody knows whether there was traffic:
// of days that nothing came of, behind what was heard last, and those without
// traffic through half of which or more a router was silent.
func (q *question) markUnknown(heard int64) {
	for i := range q.u.Buckets {
		b := &q.u.Buckets[i]
		if b.Bytes() > 0 {
			continue
		}
		end := q.Period.End
		if i+1 < len(q.u.Buckets) {
			end = q.u.Buckets[i+1].Start
		}
		b.NoData = !q.known[q.day(b.Start)] || b.Start.Unix() >= heard
		for _, gap := range q.u.Gaps {
			from, to := gap.From, gap.To
			if from.Before(b.Start) {
				from = b.Start
			}
			if end.Before(to) {
				to = end
			}
			b.NoData = b.NoData || 2*to.Sub(from) >= end.Sub(b.Start)
		}
	}
}

// tolerable is how long a router may be silent on a day that others are compared
// with: an upgrade changes no total that anybody would notice.
const tolerable = time.Hour

// notComplete is the first day of a period of which something is missing; the
// zero Day when all are complete.
func (q *question) notComplete(ctx context.Context, p *Period) (archive.Day, error) {
	_, missing, err := q.completeness(ctx, p)
	return missing, err
}

// firstDay is the first day that anything came from any router; the zero Day when
// nothing ever did.
func (q *question) firstDay() (first archive.Day) {
	for _, day := range q.firstHeard {
		if first.IsZero() || day.Before(first) {
			first = day
		}
	}
	return first
}

// completeness is on how many days of a period anything was heard, and the first
// of which something is missing.
func (q *question) completeness(ctx context.Context, p *Period) (known int, missing archive.Day, err error) {
	h, err := q.hear(ctx, p)
	if err != nil {
		return 0, archive.Day{}, err
	}
	known = len(h.days)
	type key struct {
		router string
		day    archive.Day
	}
	silent := map[key]time.Duration{}
	calendar := archive.NewCalendar(q.loc)
	for _, gap := range q.gaps(h, p, p.End.Unix()) {
		for from := gap.From; from.Before(gap.To); {
			day := q.day(from)
			_, to := calendar.Bounds(day)
			if gap.To.Before(to) {
				to = gap.To
			}
			silent[key{gap.Router, day}] += to.Sub(from)
			from = to
		}
	}
	for day := p.From; !p.To.Before(day); day = day.Add(1) {
		if !h.days[day] {
			return known, day, nil
		}
		for router := range h.slots {
			if silent[key{router, day}] > tolerable {
				return known, day, nil
			}
		}
	}
	return known, archive.Day{}, nil
}

// findGaps looks through quarter-hours. Days of which nothing was imported at all
// are another doubt.
func (q *question) findGaps(router string, h *hearing, start, end int64) (gaps []Gap) {
	first := start - start%archive.SlotSeconds
	silent := int64(-1)
	finish := func(to int64) {
		if silent >= 0 && to-silent >= leastGap*archive.SlotSeconds {
			gaps = append(gaps, Gap{
				Router: router,
				From:   time.Unix(max(silent, start), 0).In(q.loc), To: time.Unix(min(to, end), 0).In(q.loc),
			})
		}
		silent = -1
	}
	for unix := first; unix < end; unix += archive.SlotSeconds {
		day := q.day(time.Unix(max(unix, start), 0))
		switch {
		case h.slots[router][unix] || !h.days[day] || h.tables[router][day]:
			finish(unix)
		case silent < 0:
			silent = unix
		}
	}
	finish(end)
	return gaps
}
