package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// dayStates knows which days' sums are up to date.
type dayStates struct {
	stamps map[Day]string    // of the days that books know, as the ledger is now
	stored map[Day][2]string // what usage and peers were computed from
	moving bool              // something is being loaded: no sum can be kept
	// unsettled are the days that are between what they were and what they will be:
	// their books or sums may be gone for a moment.
	unsettled map[Day]bool
}

// readDayStates reads the ledger and what was computed from it. A stamp covers
// the day's files, when each was loaded, and how much of it the day has.
func (a *Archive) readDayStates(ctx context.Context) (*dayStates, error) {
	s := &dayStates{stamps: map[Day]string{}, stored: map[Day][2]string{}, unsettled: map[Day]bool{}}
	if err := a.addUnsettled(ctx, s.unsettled); err != nil {
		return nil, err
	}
	err := a.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM imports WHERE state = 'loading') OR EXISTS (SELECT 1 FROM reloads)").Scan(&s.moving)
	if err != nil {
		return nil, wrap("read ledger", err)
	}
	rows, err := a.db.QueryContext(ctx, `SELECT books.day, CONCAT_WS(' ', COUNT(*), SUM(books.import), MAX(books.import), MAX(imports.finished),
	SUM(loaded_records), SUM(loaded_bytes), SUM(loaded_rows))
FROM books JOIN imports ON imports.id = books.import WHERE imports.state = 'loaded' GROUP BY books.day`)
	if err != nil {
		return nil, wrap("read ledger", err)
	}
	defer rows.Close()
	for rows.Next() {
		var day Day
		var figures []byte
		if err := rows.Scan(&day, &figures); err != nil {
			return nil, wrap("read ledger", err)
		}
		digest := sha256.Sum256(figures)
		s.stamps[day] = hex.EncodeToString(digest[:16])
	}
	if err := rows.Err(); err != nil {
		return nil, wrap("read ledger", err)
	}
	kept, err := a.db.QueryContext(ctx, "SELECT day, usage_stamp, peers_stamp FROM day_states")
	if err != nil {
		return nil, wrap("read days", err)
	}
	defer kept.Close()
	for kept.Next() {
		var day Day
		var usage, peers string
		if err := kept.Scan(&day, &usage, &peers); err != nil {
			return nil, wrap("read days", err)
		}
		s.stored[day] = [2]string{usage, peers}
	}
	if err := kept.Err(); err != nil {
		return nil, wrap("read days", err)
	}
	// And once more: it may have begun meanwhile.
	return s, a.addUnsettled(ctx, s.unsettled)
}

func (a *Archive) addUnsettled(ctx context.Context, unsettled map[Day]bool) error {
	days, err := a.Reader().Unsettled(ctx, Day{1, 1, 1}, Day{9999, 12, 31})
	for _, day := range days {
		unsettled[day] = true
	}
	return err
}

// RefreshDays computes host_days again for the days whose files changed, but those
// that are changing just now: of them, host_days stays what it was until they are
// settled. Several may do so at once: one does, and the others wait for it.
func (a *Archive) RefreshDays(ctx context.Context) error {
	s, err := a.readDayStates(ctx)
	if err != nil || !s.stale() {
		return err
	}
	unlock, err := a.advisory(ctx, "days", daysWait)
	if err != nil {
		return fmt.Errorf("sum up days: %w", err)
	}
	defer unlock()
	if s, err = a.readDayStates(ctx); err != nil { // others were at it
		return err
	}
	for day := range s.stored {
		if s.stamps[day] == "" && !s.unsettled[day] {
			if err := a.forgetDay(ctx, day); err != nil {
				return err
			}
		}
	}
	for day, stamp := range s.stamps {
		if s.stored[day][0] == stamp || s.unsettled[day] {
			continue
		}
		if err := a.sumDay(ctx, day, stamp); err != nil {
			return fmt.Errorf("sum up %s: %w", day, err)
		}
	}
	return nil
}

// daysWait is how long a reader waits for another that computes days: a year of
// an office of thousands takes a minute.
const daysWait = 5 * time.Minute

func (s *dayStates) stale() bool {
	for day, stamp := range s.stamps {
		if s.stored[day][0] != stamp && !s.unsettled[day] {
			return true
		}
	}
	for day := range s.stored {
		if s.stamps[day] == "" && !s.unsettled[day] {
			return true
		}
	}
	return false
}

// forgetDay drops what is stored of a day that has no files any more.
func (a *Archive) forgetDay(ctx context.Context, day Day) error {
	return errors.Join(
		a.exec(ctx, "forget day", "DELETE FROM host_days WHERE day = ?", day),
		a.exec(ctx, "forget day", "DELETE FROM host_day_routers WHERE day = ?", day),
		a.exec(ctx, "forget day", "DELETE FROM host_day_peers WHERE day = ?", day),
		a.exec(ctx, "forget day", "DELETE FROM day_states WHERE day = ?", day),
	)
}

// sumDay writes host_days of a day. The stamp is written last, and only when
// nothing was loaded meanwhile.
func (a *Archive) sumDay(ctx context.Context, day Day, stamp string) error {
	if err := a.exec(ctx, "unmark day", "INSERT INTO day_states (day) VALUES (?) ON DUPLICATE KEY UPDATE usage_stamp = ''", day); err != nil {
		return err
	}
	// The busiest hour, and of two equal ones the first, is the greatest of the
	// numbers made of bytes and 31 less the hour.
	err := a.exec(ctx, "sum up day", `REPLACE INTO host_days (day, host, up_bytes, down_bytes, flows, busiest_hour, busiest_bytes)
SELECT ?, host, `+sumOf("up")+", "+sumOf("down")+", "+sumOf("flows")+`, 31 - (MAX(CAST(LEAST(up + down, 576460752303423487) AS UNSIGNED) << 5 | (31 - hour)) & 31), LEAST(MAX(up + down), 18446744073709551615)
FROM (SELECT host, hour, SUM(up_bytes) AS up, SUM(down_bytes) AS down, SUM(flows) AS flows FROM usage_hourly WHERE day = ? GROUP BY host, hour) AS hours
GROUP BY host`, day, day)
	if err != nil {
		return err
	}
	// The sums may have been taken away since, to be made anew.
	if now, err := a.unsettledOf(ctx, []Day{day}); err != nil || len(now) > 0 {
		return err
	}
	// Who reads meanwhile finds every host, as it was or as it is.
	// A join, because NOT IN is looked up for each host by itself in a DELETE.
	if err := a.exec(ctx, "sum up day", `DELETE host_days FROM host_days LEFT JOIN (SELECT DISTINCT host FROM usage_hourly WHERE day = ?) AS hours ON hours.host = host_days.host
WHERE host_days.day = ? AND hours.host IS NULL`, day, day); err != nil {
		return err
	}
	if err := a.sumRouters(ctx, day); err != nil {
		return err
	}
	return a.markDay(ctx, day, "usage_stamp", stamp)
}

// markDay says that sums of a day are up to date, unless its files changed while
// they were computed.
func (a *Archive) markDay(ctx context.Context, day Day, column, stamp string) error {
	now, err := a.readDayStates(ctx)
	if err != nil || now.moving || now.stamps[day] != stamp {
		return err
	}
	return a.exec(ctx, "mark day", "INSERT INTO day_states (day, "+column+") VALUES (?, ?) ON DUPLICATE KEY UPDATE "+column+" = VALUES("+column+")", day, stamp)
}
