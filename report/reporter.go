package report

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// Reporter makes reports as they are configured. It is safe for use by several
// goroutines.
type Reporter struct {
	cfg     Config
	archive *archive.Archive
	loc     *time.Location
	log     *slog.Logger
}

// New checks what cannot be checked without reading files.
func New(cfg Config, a *archive.Archive, loc *time.Location, log *slog.Logger) (*Reporter, error) {
	r := &Reporter{cfg: cfg, archive: a, loc: loc, log: log}
	if _, err := newDepartments(cfg.Departments, nil); err != nil {
		return nil, err
	}
	if _, err := cfg.Phrases(); err != nil {
		return nil, err
	}
	return r, nil
}

// Phrases are the words that reports are written in.
func (c *Config) Phrases() (*phrase.Catalogue, error) {
	if c.Catalogue == "" {
		return phrase.New(c.Language, c.Units)
	}
	file, err := os.Open(c.Catalogue)
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	defer file.Close()
	own, err := phrase.Read(file, c.Language, c.Units)
	if err != nil {
		return nil, err
	}
	english, err := phrase.New("en", c.Units)
	if err != nil {
		return nil, err
	}
	if err := own.Fits(english); err != nil {
		return nil, err
	}
	return own.With(english), nil
}

// Request is what a report is to be about, and what the archive cannot know.
type Request struct {
	Period Period
	// Group is the department whose hosts alone are shown; empty for all.
	Group string
	// Now decides whether the period is over; zero means the clock.
	Now time.Time
	// Pending are files of the period that are not imported yet.
	Pending []string
	// Proxies are the addresses of proxies.
	Proxies []netip.Addr
	// Version, Rules and Routers are for the report's facts.
	Version string
	Rules   []Rule
	Routers []string
}

// Usage answers who moved how much past the proxy in a period. A period that is
// not known, or not wholly, is no error: Usage says so.
func (r *Reporter) Usage(ctx context.Context, q Request) (*Usage, error) {
	if q.Now.IsZero() {
		q.Now = time.Now()
	}
	var u *Usage
	var busy []archive.Day
	loading, err := r.archive.Steadily(ctx, r.reads(q.Period), func() (err error) {
		u, busy, err = r.usage(ctx, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", q.Period.From, err)
	}
	if len(loading) == 0 {
		loading = busy
	}
	if len(loading) > 0 {
		u.loading(loading)
	}
	return u, nil
}

// reads are the days that a report of a period is made of: its own, those that it
// is compared with, and those of its months where quotas are of months.
func (r *Reporter) reads(p Period) (days []archive.Day) {
	from := r.since(&p)
	if p.Kind == KindDay {
		for week := weekdays; week > 0; week-- {
			if day := p.From.Add(-7 * week); day.Before(from) {
				days = append(days, day)
			}
		}
	}
	for day := from; !p.To.Before(day); day = day.Add(1) {
		days = append(days, day)
	}
	return days
}

// question is a report being made.
type question struct {
	*Reporter
	Request
	u     *Usage
	known map[archive.Day]bool // days of the period that something was heard of
	busy  []archive.Day        // days whose rows could not be read, for some are being loaded
	// firstHeard is the first day that anything came from each router.
	firstHeard map[string]archive.Day
	lists      map[string][]string // the routers' address lists, as they were at the end
	hosts      *tallies
	current    *tally   // the host whose days or hours are being read
	course     []uint64 // its bytes by bucket
	// shares: it is known how much each host moved through the proxy.
	shares bool
	// measured are days by host and by department, of the months that quotas need.
	measured  *measured
	proxyCuts []archive.ProxyCut // that touch the period
	// proxyBegin is when the log of Squid begins, as far as it was ever read.
	proxyBegin time.Time
	squid      bool // a log of Squid is configured
	departments
}

// usage answers a request, and names days whose rows could not be read.
func (r *Reporter) usage(ctx context.Context, request Request) (*Usage, []archive.Day, error) {
	q := &question{Reporter: r, Request: request, hosts: newTallies()}
	p := q.Period
	q.u = &Usage{
		Day: p.From.String(), Period: p, Timezone: r.loc.String(), Group: q.Group,
		Hosts: []Host{}, Excluded: []Exclusion{},
		Facts: Facts{Version: q.Version, Generated: q.Now.In(r.loc).Truncate(time.Second), Rules: q.Rules, Routers: q.Routers, Sources: r.cfg.Names},
	}
	if q.u.Facts.Rules == nil {
		q.u.Facts.Rules = []Rule{}
	}
	if q.u.Facts.Routers == nil {
		q.u.Facts.Routers = []string{}
	}
	if err := q.readLists(ctx); err != nil {
		return nil, nil, err
	}
	departments, err := newDepartments(r.cfg.Departments, q.lists)
	if err != nil {
		return nil, nil, err
	}
	q.departments = *departments
	if q.Group != "" && !r.hasGroup(q.Group) {
		return nil, nil, fmt.Errorf("there is no department %q", q.Group)
	}
	// Each step uses what those before found.
	for _, step := range []struct {
		doing string
		do    func(context.Context) error
	}{
		{"books", q.readBooks},
		{"sum up days", r.archive.RefreshDays},
		{"usage", q.readDays},
		{"proxy", q.readProxy},
		{"peers", q.readPeers},
		{"names", q.readNames},
		{"first days", q.readFirst},
		{"quotas", q.judge},
		{"gaps", q.readGaps},
		{"coverage", q.readCoverage},
		{"routers", q.readShared},
		{"hosts", func(context.Context) error { q.makeHosts(); return nil }},
		{"ledger", q.doubt},
	} {
		if err := step.do(ctx); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	return q.u, q.busy, nil
}

func (r *Reporter) hasGroup(name string) bool {
	for i := range r.cfg.Departments {
		if r.cfg.Departments[i].Name == name {
			return true
		}
	}
	return false
}

// shown says whether a host belongs in this report.
func (q *question) shown(addr netip.Addr) bool {
	return q.Group == "" || q.departments.of(addr) == q.Group
}
