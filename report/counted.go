package report

import (
	"context"
	"fmt"
	"time"

	"nfacct/archive"
)

// CounterTolerance is the share by which a day's flows may exceed the counters of
// the router's outside interfaces before a quota does not act on them. RouterOS
// counts the first packet of each flow twice (seen on 6.39.2 and in 2016), and
// readings are up to 90 s beside the quarter-hours of the files.
const CounterTolerance = 0.25

// Disputed says why flows of the days from..to do not suffice to act upon: they
// exceed what the router's own interfaces have counted, so somebody may have forged
// them (UDP datagrams with the router's address), or nothing was counted. It is
// empty when a quota may act. Flows that fall short are no reason: FastTrack and
// hardware offload hide traffic. With uncounted, days without counters will do.
func (r *Reporter) Disputed(ctx context.Context, from, to archive.Day, uncounted bool) (why string, err error) {
	for day := from; !to.Before(day); day = day.Add(1) {
		books, err := r.archive.Reader().Books(ctx, day, day)
		if err != nil {
			return "", err
		}
		start := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, r.loc)
		for i := range books {
			b := &books[i]
			crossed := b.Classes.Up.Plus(b.Classes.Down).Plus(b.Classes.Unattributed).Plus(b.Classes.Transit).Plus(b.Classes.Transit)
			if crossed.Bytes == 0 {
				continue
			}
			c, err := ReadCoverage(ctx, r.archive.Routers(), b.Router, start, start.AddDate(0, 0, 1).Add(2*time.Minute))
			if err != nil {
				return "", err
			}
			switch known := c != nil && c.Known(); {
			case !known && !uncounted:
				return fmt.Sprintf("the interface counters of router %s on %s are not known, so its flows cannot be checked; set provision.over_quota_uncounted to act without them", b.Router, day), nil
			case known && float64(crossed.Bytes) > (1+CounterTolerance)*float64(c.CounterBytes):
				return fmt.Sprintf("flows of router %s on %s have %d bytes, but its interfaces counted %d: datagrams may be forged, or the router exports twice; see nfacct routers", b.Router, day, crossed.Bytes, c.CounterBytes), nil
			}
		}
	}
	return "", nil
}
