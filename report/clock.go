package report

import (
	"strconv"
	"strings"
	"time"
)

// SpanText writes the ends of a span of time of a period: 03:10 and 04:25, with
// dates when the period is longer than a day. Where clocks change in between, the
// zone stands with the times.
func SpanText(p *Period, from, to time.Time) (string, string) {
	form := "15:04"
	if p.Kind != KindDay {
		form = "2006-01-02 15:04"
	}
	_, a := from.Zone()
	_, b := to.Zone()
	if a != b {
		form += " MST"
	}
	end := to.Format(form)
	if to.Equal(p.End) && end == "00:00" {
		end = "24:00"
	}
	return from.Format(form), end
}

// Clock is a time of a day, 02:00; where clocks go back and it comes twice, with
// the zone's offset: 02:00 +0200 and 02:00 +0100.
func Clock(t time.Time) string {
	text := t.Format("15:04")
	for _, shift := range []time.Duration{-time.Hour, -30 * time.Minute, 30 * time.Minute, time.Hour} {
		if t.Add(shift).Format("15:04") == text {
			return text + t.Format(" -0700")
		}
	}
	return text
}

// QuietText names the hours without flows as the clock showed them: 0-6, 22.
func (u *Usage) QuietText() string {
	name := func(n int) string {
		if len(u.Buckets) == 24 || n >= len(u.Buckets) {
			return strconv.Itoa(n)
		}
		start := u.Buckets[n].Start
		if loc, err := time.LoadLocation(u.Timezone); err == nil {
			start = start.In(loc)
		}
		_, offset, twice := strings.Cut(Clock(start), " ")
		hour := strconv.Itoa(start.Hour())
		if twice {
			hour += " (" + offset + ")"
		}
		return hour
	}
	var parts []string
	hours := u.QuietHours
	for i := 0; i < len(hours); {
		j := i
		for j+1 < len(hours) && hours[j+1] == hours[j]+1 {
			j++
		}
		part := name(hours[i])
		if j > i {
			part += "-" + name(hours[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
