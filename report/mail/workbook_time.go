package mail

import (
	"time"
)

// local is an instant on the clock of the report.
func (w *workbook) local(t *time.Time) any {
	if t == nil || t.IsZero() {
		return nil
	}
	if loc, err := time.LoadLocation(w.u.Timezone); err == nil {
		return t.In(loc)
	}
	return *t
}

// course is the whole traffic by hour or day.
func (w *workbook) course() error {
	s, err := w.sheet("hours", []sheetColumn{{w.text("start"), moment, 18}, {w.text("down"), count, 16}, {w.text("up"), count, 16},
		{w.text("total"), count, 16}, {w.text("proxied"), count, 16}, {w.text("offset"), plain, 10}})
	if err != nil {
		return err
	}
	for i := range w.u.Buckets {
		b := &w.u.Buckets[i]
		if w.u.ToCome(b) {
			return s.end(i)
		}
		var proxied any
		if w.u.Proxy != nil {
			proxied = b.ProxiedBytes
		}
		values := []any{w.local(&b.Start), b.DownBytes, b.UpBytes, b.Bytes(), proxied, w.offset(b.Start)}
		if b.NoData { // which is not 0
			values[1], values[2], values[3] = nil, nil, nil
		}
		if err := s.add(values...); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Buckets))
}

// offset is the zone's, which tells hours apart that come twice.
func (w *workbook) offset(t time.Time) string {
	if loc, err := time.LoadLocation(w.u.Timezone); err == nil {
		t = t.In(loc)
	}
	return t.Format("UTC-07:00")
}
