package report

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"nfacct/archive"
)

// Options are what Daily cannot ask the archive.
type Options struct {
	// Now decides whether the day is over; zero means the clock.
	Now time.Time
	// Pending are files of the day that are not imported yet.
	Pending []string
}

// Daily answers who moved how much past the proxy on a local day. A day that is
// not known, or not wholly, is no error: Usage says so.
func Daily(ctx context.Context, a *archive.Archive, day archive.Day, loc *time.Location, opts Options) (*Usage, error) {
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	u := &Usage{Day: day.String(), Timezone: loc.String()}
	var err error
	if u.Books, err = a.Books(ctx, day, day); err != nil {
		return nil, fmt.Errorf("report %s: books: %w", day, err)
	}
	hosts, quiet, err := hourly(ctx, a.DB(), day, hoursOf(day, loc))
	if err != nil {
		return nil, fmt.Errorf("report %s: usage: %w", day, err)
	}
	peers, err := peersOf(ctx, a, day)
	if err != nil {
		return nil, fmt.Errorf("report %s: peers: %w", day, err)
	}
	_, end := archive.NewCalendar(loc).Bounds(day)
	names, err := a.NamesAt(ctx, end.Add(-time.Second))
	if err != nil {
		return nil, fmt.Errorf("report %s: names: %w", day, err)
	}
	files, err := a.FilesOfDay(ctx, day)
	if err != nil {
		return nil, fmt.Errorf("report %s: ledger: %w", day, err)
	}
	u.QuietHours = quiet
	u.assemble(hosts, peers, names)
	u.Incomplete = doubts(u, silent(quiet, files, day, loc), day, archive.DayOf(opts.Now.In(loc)), opts.Pending)
	u.Complete = len(u.Incomplete) == 0
	return u, nil
}

// hoursOf is how many hours a local day has: 24, or 23 or 25 when clocks change.
func hoursOf(day archive.Day, loc *time.Location) int {
	return (archive.NewCalendar(loc).Slots(day) + 3) / 4
}

// assemble fills hosts and totals; the biggest host comes first.
func (u *Usage) assemble(hosts []Host, peers map[string]uint64, names map[netip.Addr][]string) {
	u.Hosts = hosts
	for i := range u.Hosts {
		h := &u.Hosts[i]
		h.Peers = peers[h.Host]
		h.Names = []string{}
		if addr, err := netip.ParseAddr(h.Host); err == nil {
			for _, name := range names[addr] {
				if name = Clean(name); name != "" && !slices.Contains(h.Names, name) {
					h.Names = append(h.Names, name)
				}
			}
		}
		u.Totals.UpBytes += h.UpBytes
		u.Totals.DownBytes += h.DownBytes
		u.Totals.Flows += h.Flows
	}
	slices.SortFunc(u.Hosts, func(a, b Host) int {
		return cmp.Or(cmp.Compare(b.Bytes(), a.Bytes()), cmp.Compare(a.Host, b.Host))
	})
	u.Totals.Hosts = len(u.Hosts)
	var border uint64
	for i := range u.Books {
		c := &u.Books[i].Classes
		u.Totals.Unattributed = u.Totals.Unattributed.Plus(c.Unattributed)
		border += c.Up.Bytes + c.Down.Bytes + c.Unattributed.Bytes
	}
	if border > 0 {
		u.Totals.UnattributedShare = float64(u.Totals.Unattributed.Bytes) / float64(border)
	}
}

// doubts says why the figures are not the whole day's; nothing if they are, as
// far as anybody can know.
func doubts(u *Usage, silent []int, day, today archive.Day, pending []string) []string {
	var why []string
	switch {
	case today.Before(day):
		why = append(why, "The day has not begun.")
	case day == today:
		why = append(why, "The day is not over.")
	}
	if len(u.Books) == 0 {
		why = append(why, "Nothing of this day has been imported.")
	}
	if n := len(pending); n == 1 {
		why = append(why, fmt.Sprintf("The file %s is not imported yet: run nfacct import.", pending[0]))
	} else if n > 1 {
		why = append(why, fmt.Sprintf("%d files are not imported yet, the first is %s: run nfacct import.", n, slices.Min(pending)))
	}
	if len(u.Books) > 0 && len(silent) > 0 {
		why = append(why, fmt.Sprintf("Nothing came from the routers in the hours %s: they were off, or did not export, or it was not received.", hourRanges(silent)))
	}
	for i := range u.Books {
		b := &u.Books[i]
		if b.LostRecords > b.Records/tolerated {
			why = append(why, fmt.Sprintf("%s lost about %.1f%% of its records on the way.", Clean(b.Router), 100*float64(b.LostRecords)/float64(b.LostRecords+b.Records)))
		}
		if b.KernelDropped > b.Datagrams/tolerated {
			why = append(why, fmt.Sprintf("%s datagrams were dropped on arrival: raise net.core.rmem_max and collector.receive_buffer.", Number(b.KernelDropped)))
		}
		if b.NoTemplate > 0 {
			why = append(why, fmt.Sprintf("%s data sets of %s wait for a template that describes them.", Number(b.NoTemplate), Clean(b.Router)))
		}
		if b.Difference != "" {
			why = append(why, fmt.Sprintf("The books of %s do not balance.", Clean(b.Router)))
		}
	}
	return why
}

// tolerated is the part of a day's records that may be lost before the figures
// are in doubt: one in a thousand is less than what export itself gets wrong.
const tolerated = 1000

// spoolName finds the time in a spool file's name (see package spool), which is
// the start of the quarter-hour that it was received in.
var spoolName = regexp.MustCompile(`(\d{8}T\d{6}Z)(?:-\d+)?\.pcapng\.zst$`)

// silent takes from the hours without accounted flows those in which routers were
// heard all the same: at night nobody may go past the proxy, but routers that
// work have something to tell. Of other files than the spool's that is not known.
func silent(quiet []int, files []archive.Import, day archive.Day, loc *time.Location) []int {
	calendar := archive.NewCalendar(loc)
	heard := map[int]bool{}
	for _, file := range files {
		found := spoolName.FindStringSubmatch(file.Name)
		if found == nil || file.Records == 0 {
			continue
		}
		start, err := time.Parse("20060102T150405Z", found[1])
		if err != nil {
			continue
		}
		if of, slot := calendar.SlotOf(start); of == day {
			heard[slot.Hour()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(quiet), func(hour int) bool { return heard[hour] })
}

// hourly adds up the rollup of a day by host, and finds the hours without any.
func hourly(ctx context.Context, db *sql.DB, day archive.Day, hours int) (hosts []Host, quiet []int, err error) {
	rows, err := db.QueryContext(ctx, "SELECT INET6_NTOA(host), SUM(up_bytes), SUM(down_bytes), SUM(flows) FROM usage_hourly WHERE day = ? GROUP BY host", day)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	hosts = []Host{}
	for rows.Next() {
		var h Host
		if err := rows.Scan(&h.Host, &h.UpBytes, &h.DownBytes, &h.Flows); err != nil {
			return nil, nil, err
		}
		hosts = append(hosts, h)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	busy, err := db.QueryContext(ctx, "SELECT DISTINCT hour FROM usage_hourly WHERE day = ?", day)
	if err != nil {
		return nil, nil, err
	}
	defer busy.Close()
	seen := make([]bool, hours)
	for busy.Next() {
		var hour int
		if err := busy.Scan(&hour); err != nil {
			return nil, nil, err
		}
		if hour >= 0 && hour < hours {
			seen[hour] = true
		}
	}
	for hour, had := range seen {
		if !had {
			quiet = append(quiet, hour)
		}
	}
	return hosts, quiet, busy.Err()
}

// peersOf counts the peers of each host.
func peersOf(ctx context.Context, a *archive.Archive, day archive.Day) (map[string]uint64, error) {
	rows, err := a.QueryFlows(ctx, archive.FlowQuery{
		From: day, To: day, Group: []string{"host", "peer"},
		Around: func(pairs string) string {
			return "SELECT INET6_NTOA(host), COUNT(*) FROM " + pairs + " AS pairs GROUP BY host"
		},
	})
	if err != nil || rows == nil {
		return nil, err
	}
	defer rows.Close()
	peers := map[string]uint64{}
	for rows.Next() {
		var host string
		var n uint64
		if err := rows.Scan(&host, &n); err != nil {
			return nil, err
		}
		peers[host] = n
	}
	return peers, rows.Err()
}
