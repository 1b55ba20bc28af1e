package importer

import (
	"slices"
	"time"

	"nfacct/archive"
)

const (
	second = int64(time.Second)

	// maxSkew is how far a record's end may lie from its arrival before the
	// exporter's clock is taken to be wrong. A router without NTP begins in 1970;
	// flows are exported within a minute of their end, or by the active timeout
	// while they go on.
	maxSkew = 10 * 60 * second

	// maxLength is the longest flow that is believed. RouterOS 6.3x has been seen
	// to export flows of 49 days; where they began is not known, so they are
	// accounted where they ended.
	maxLength = 24 * 3600 * second
)

// NetFlow is not older than 1996, and a time of 1970 or 2106 is that of a clock
// that was not set.
var (
	earliest = time.Date(1996, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
)

// maxMonths is how many months one file may hold. Each is a table of the
// archive; a capture with times by chance must not make hundreds of them.
const maxMonths = 24

// months are those that the datagrams of a file came in.
type months struct {
	last date   // day 0 of it
	all  []date // no more than maxMonths
}

// plausible says whether a datagram's time can be believed: it lies between
// earliest and latest, in one of the first maxMonths months of its file.
func (m *months) plausible(received int64, calendar *calendar) bool {
	if received < earliest || received >= latest {
		return false
	}
	month := calendar.day(received).date &^ 31
	if month == m.last {
		return true
	}
	if !slices.Contains(m.all, month) {
		if len(m.all) == maxMonths {
			return false
		}
		m.all = append(m.all, month)
	}
	m.last = month
	return true
}

// date is a local calendar day in the few bits that a table's key has for it.
type date uint32

func dateOf(d archive.Day) date { return date(d.Year)<<9 | date(d.Month)<<5 | date(d.Day) }

// day is the date in the archive's words.
func (d date) day() archive.Day {
	return archive.Day{Year: int(d >> 9), Month: time.Month(d >> 5 & 15), Day: int(d & 31)}
}

// span is one local day in Unix nanoseconds: from included, to not.
type span struct {
	from, to int64
	date     date
}

// calendar tells the local day of moments, and remembers the last two days
// asked for: those on both sides of a midnight.
type calendar struct {
	local *archive.Calendar
	days  [2]span
}

func newCalendar(loc *time.Location) calendar { return calendar{local: archive.NewCalendar(loc)} }

func (c *calendar) day(at int64) span {
	if d := c.days[0]; d.from <= at && at < d.to {
		return d
	}
	if d := c.days[1]; d.from <= at && at < d.to {
		c.days[0], c.days[1] = d, c.days[0]
		return d
	}
	day, _ := c.local.SlotOf(time.Unix(0, at))
	from, to := c.local.Bounds(day)
	d := span{from.UnixNano(), to.UnixNano(), dateOf(day)}
	c.days[0], c.days[1] = d, c.days[0]
	return d
}

// slot is the quarter-hour of the day, counted in elapsed time from its start,
// and the moment it begins.
func (d *span) slot(at int64) (slot uint8, start int64) {
	n := (at - d.from) / (archive.SlotSeconds * second)
	return uint8(n), d.from + n*archive.SlotSeconds*second
}

// times gives a record's start and end as they are accounted: within reason of
// its arrival, in order, and no longer apart than a day.
func times(start, end, received int64) (from, to int64) {
	length := end - start
	if length < 0 || length > maxLength {
		length = 0
	}
	if end < received-maxSkew || end > received+maxSkew {
		end = received
	}
	return end - length, end
}
