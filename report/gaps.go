package report

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"time"

	"nfacct/archive"
)

// leastGap is how many slots must be silent before it is a gap. A router that
// works says something every few minutes, if only of its own DNS and NTP.
const leastGap = 2

// spoolName finds the time in a spool file's name (see package spool), which is
// the start of the quarter-hour that it was received in.
var spoolName = regexp.MustCompile(`(\d{8}T\d{6}Z)(?:-\d+)?\.pcapng\.zst$`)

// readGaps finds the spans in which routers were not heard: neither in spool
// files, nor in flows of files whose time is not known.
func (q *question) readGaps(ctx context.Context) error {
	heard, err := q.archive.RoutersHeard(ctx, q.Period.From.Add(-1), q.Period.To.Add(1))
	if err != nil {
		return err
	}
	slots := map[string]map[int64]bool{} // starts of quarter-hours, by router
	mark := func(router string, unix int64) {
		if slots[router] == nil {
			slots[router] = map[int64]bool{}
		}
		slots[router][unix-unix%archive.SlotSeconds] = true
	}
	calendar := archive.NewCalendar(q.loc)
	days := map[archive.Day]bool{}
	for _, h := range heard {
		if !h.Day.Before(q.Period.From) && !q.Period.To.Before(h.Day) {
			days[h.Day] = true
		}
		if h.Hour >= 0 {
			for n := range int64(4) {
				mark(h.Router, calendar.SlotStartUnix(h.Day, archive.Slot(4*h.Hour))+n*archive.SlotSeconds)
			}
			continue
		}
		if found := spoolName.FindStringSubmatch(h.File); found != nil {
			if start, err := time.Parse("20060102T150405Z", found[1]); err == nil {
				mark(h.Router, start.Unix())
			}
		}
	}
	if q.known = days; len(days) == 0 {
		return nil
	}
	end := q.Period.End.Unix()
	if now := q.Now.Unix(); now < end { // up to what was heard last; the rest is not over
		end = q.Period.Start.Unix()
		for _, of := range slots {
			for unix := range of {
				end = max(end, min(unix+archive.SlotSeconds, q.Period.End.Unix()))
			}
		}
	}
	for _, router := range slices.Sorted(maps.Keys(slots)) {
		q.findGaps(router, slots[router], end, days)
	}
	slices.SortStableFunc(q.u.Gaps, func(a, b Gap) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Router, b.Router)) })
	return nil
}

// findGaps looks through the period's quarter-hours. Days of which nothing was
// imported at all are another doubt.
func (q *question) findGaps(router string, heard map[int64]bool, end int64, days map[archive.Day]bool) {
	start := q.Period.Start.Unix()
	first := start - start%archive.SlotSeconds
	silent := int64(-1)
	finish := func(to int64) {
		if silent >= 0 && to-silent >= leastGap*archive.SlotSeconds {
			q.u.Gaps = append(q.u.Gaps, Gap{
				Router: router,
				From:   time.Unix(max(silent, start), 0).In(q.loc), To: time.Unix(min(to, end), 0).In(q.loc),
			})
		}
		silent = -1
	}
	for unix := first; unix < end; unix += archive.SlotSeconds {
		switch {
		case heard[unix] || !days[q.day(time.Unix(max(unix, start), 0))]:
			finish(unix)
		case silent < 0:
			silent = unix
		}
	}
	finish(end)
}
