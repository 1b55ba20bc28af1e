package collector

import "time"

// A machine whose clock has no battery begins in 1970, and receives before NTP sets
// it. What is collected until then is sealed under times that no import believes;
// when the clock is set, the time that has passed since by a clock that nobody sets
// says when it was.

// unsetUntil is a time before which no clock is right.
var unsetUntil = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// unset are the files that this process has sealed before the clock was set.
type unset struct {
	names []string
	wall  int64     // what the clock said when the last of them began
	since time.Time // when that was
}

// place notes the file that was sealed just now, if the clock is not set, and once it
// is set gives those that were noted their right times.
func (w *writer) place(sealed string, began int64, now time.Time) {
	u := &w.unset
	if sealed != "" && began < unsetUntil.UnixNano() {
		u.names = append(u.names, sealed)
	}
	if now.Before(unsetUntil) {
		u.wall, u.since = now.UnixNano(), time.Now()
		return
	}
	if len(u.names) == 0 {
		return
	}
	by := time.Duration(now.UnixNano() - u.wall - time.Since(u.since).Nanoseconds())
	for _, name := range u.names {
		fresh, err := w.files.Move(name, by)
		if err != nil {
			w.c.log.Error("a spool file of before the clock was set keeps its times: no import takes it", "file", name, "err", err)
			continue
		}
		w.c.log.Warn("the clock was set: a spool file of before has its right times now", "file", name, "is", fresh, "by", by.Round(time.Second))
	}
	*u = unset{}
}
