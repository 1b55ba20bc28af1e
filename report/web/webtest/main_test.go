package webtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/archive/archivetest"
	"nfacct/report"
	"nfacct/report/health"
	"nfacct/report/phrase"
	"nfacct/report/query"
	"nfacct/report/web"
	"nfacct/report/web/access"
)

// office is the page over a database of 35 days of 40 hosts.
var office struct {
	deps    web.Deps
	url     string // open, in English
	russian string
	login   string // with users: anna, of sales
}

const password = "correct horse"

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	archivetest.InMemory()
	folder, err := os.MkdirTemp("", "nfacct-webtest-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(folder, "database")
	a, err := archive.Open(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	asker, err := a.Asker(ctx, archive.DefaultAskLimits())
	if err != nil {
		return 1, err
	}
	defer asker.Close()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return 1, err
	}
	if err := furnish(ctx, a, berlin); err != nil {
		return 1, err
	}
	office.deps = depsOf(a, asker, berlin)
	var stop []func()
	defer func() {
		for _, f := range stop {
			f()
		}
	}()
	serve := func(language string, users []access.User) (string, error) {
		deps := office.deps
		if deps.Words, err = phrase.New(language, "iec"); err != nil {
			return "", err
		}
		cfg := web.DefaultConfig()
		cfg.Users = filepath.Join(folder, fmt.Sprint(language, len(users), ".json"))
		if err := access.Update(cfg.Users, func([]access.User) ([]access.User, error) { return users, nil }); err != nil {
			return "", err
		}
		s, err := web.New(cfg, deps)
		if err != nil {
			return "", err
		}
		server := httptest.NewServer(s.Handler())
		stop = append(stop, server.Close)
		return server.URL, nil
	}
	anna := access.User{Name: "anna", Role: access.Viewer, Departments: []string{"sales"}}
	if err := anna.SetPassword(password); err != nil {
		return 1, err
	}
	for into, of := range map[*string]struct {
		language string
		users    []access.User
	}{&office.url: {"en", nil}, &office.russian: {"ru", nil}, &office.login: {"en", []access.User{anna}}} {
		if *into, err = serve(of.language, of.users); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// now is when the tests are.
func now(berlin *time.Location) time.Time { return time.Date(2026, 11, 23, 14, 5, 0, 0, berlin) }

func hostOf(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 88, byte(10 + n)}) }

var people = []string{"reception", "anna-laptop", "boris-pc", "cashdesk-1", "cashdesk-2", "director", "printer-2nd-floor", "wifi-guest", "nas", "sales-07"}

// furnish loads traffic that looks like an office's: more by day, less on weekends, a
// few who take most of it. One day is missing, and one has lost records.
func furnish(ctx context.Context, a *archive.Archive, berlin *time.Location) error {
	r := rand.New(rand.NewPCG(7, 7))
	id, err := a.Routers().ID(ctx, "gw-1")
	if err != nil {
		return err
	}
	lock, err := a.Lock(ctx, time.Minute)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	last := archive.DayOf(now(berlin))
	for day := last.Add(-34); !last.Before(day); day = day.Add(1) {
		if day == last.Add(-12) {
			continue
		}
		name := "file of " + day.String()
		load, err := lock.BeginLoad(ctx, archive.File{Name: name, Size: 1, Digest: sha256.Sum256([]byte(name))})
		if err != nil {
			return err
		}
		book := archive.Book{Day: day, Router: "gw-1", Datagrams: 1}
		if day == last.Add(-5) {
			book.LostRecords = 321
		}
		weekday := archive.SlotStart(day, 0, berlin).Weekday()
		for host := range 40 {
			for range 12 {
				slot := 32 + r.IntN(40)
				if day == last {
					slot = 32 + r.IntN(20)
				}
				if (weekday == time.Saturday || weekday == time.Sunday) && r.IntN(4) > 0 {
					continue
				}
				row := archive.Row{Day: day, Slot: archive.Slot(slot), Router: id, WAN: 1, Host: hostOf(host), Peer: netip.AddrFrom4([4]byte{203, 0, 113, byte(r.IntN(90))}),
					HostPort: uint16(40000 + r.IntN(9000)), PeerPort: []uint16{443, 443, 443, 80, 53, 993, 3478}[r.IntN(7)], Proto: []uint8{6, 6, 6, 17}[r.IntN(4)], Flows: uint64(1 + r.IntN(9)),
					UpPackets: 9, DownPackets: 90}
				row.UpBytes = uint64(r.ExpFloat64() * 3e6 * float64(1+80/(host+1)))
				row.DownBytes = uint64(r.ExpFloat64() * 4e7 * float64(1+80/(host+1)))
				if err := load.Append(&row); err != nil {
					return err
				}
				up, down := archive.Counts{Bytes: row.UpBytes}, archive.Counts{Bytes: row.DownBytes, Records: row.Flows}
				book.Records += row.Flows
				book.Bytes += row.UpBytes + row.DownBytes
				book.Classes.Up, book.Classes.Down = book.Classes.Up.Plus(up), book.Classes.Down.Plus(down)
				book.Loaded.Counts = book.Loaded.Counts.Plus(up).Plus(down)
			}
		}
		book.Excluded = map[string]archive.Counts{"backup to the branch": {Records: 12, Bytes: 7 << 30}, "dns": {Records: 900, Bytes: 120_000}}
		for _, c := range book.Excluded {
			book.Records += c.Records
			book.Bytes += c.Bytes
			book.Classes.Up = book.Classes.Up.Plus(c)
		}
		if err := load.Commit(ctx, []archive.Book{book}); err != nil {
			return err
		}
	}
	names := map[netip.Addr]string{}
	for n, name := range people {
		names[hostOf(n*3)] = name
	}
	for _, seen := range []int{-35, -2} {
		if err := a.Routers().NoteHostNames(ctx, "lease", names, now(berlin).AddDate(0, 0, seen)); err != nil {
			return err
		}
	}
	names[hostOf(3)] = "anna-desktop"
	if err := a.Routers().NoteHostNames(ctx, "lease", names, now(berlin).AddDate(0, 0, -1)); err != nil {
		return err
	}
	return a.RefreshDays(ctx)
}

func depsOf(a *archive.Archive, asker *archive.Asker, berlin *time.Location) web.Deps {
	return web.Deps{
		Location: berlin, Now: func() time.Time { return now(berlin) }, Log: slog.New(slog.DiscardHandler), Routers: 1,
		Open: func(context.Context) (web.Store, query.Asker, error) { return a.Reader(), query.Of(a, asker), nil },
		Setting: func(ctx context.Context) (*query.Setting, error) {
			routers, err := a.Routers().Names(ctx)
			s := &query.Setting{Location: berlin, Now: now(berlin), Routers: map[string]uint16{}, Departments: []query.Department{
				{Name: "sales", Ranges: []query.Range{{From: hostOf(0), To: hostOf(9)}}}, {Name: "bureau", Ranges: []query.Range{{From: hostOf(10), To: hostOf(19)}}}},
				Services: func(name string) (codes []query.Service) {
					for _, code := range report.ParseService(name) {
						codes = append(codes, query.Service(code))
					}
					return codes
				}}
			for id, name := range routers {
				s.Routers[name] = id
			}
			return s, err
		},
		Names: func(ctx context.Context, at time.Time) (map[netip.Addr]string, error) {
			return report.Called(ctx, a, at)
		},
		History: a.Routers().NamesDuring,
		Proxied: func(_ context.Context, from, to archive.Day, take func(*archive.ProxyUsage)) (begin, until time.Time, err error) {
			for day := from; !to.Before(day); day = day.Add(1) {
				for n := range 25 {
					take(&archive.ProxyUsage{Day: day, Host: hostOf(n), Bytes: uint64(1+n*n%17) << 28})
				}
			}
			return now(berlin).AddDate(0, -2, 0), now(berlin), nil
		},
		Live: func(_ context.Context, _ time.Time, reset func(), take func(string, *archive.Row) error) error {
			reset()
			for n := range 25 {
				if err := take("gw-1", &archive.Row{Host: hostOf(n), Peer: netip.AddrFrom4([4]byte{203, 0, 113, byte(n)}), PeerPort: 443, Proto: 6, UpBytes: uint64(1+n) << 16, DownBytes: uint64(1+n*n%17) << 20, Flows: uint64(n)}); err != nil {
					return err
				}
			}
			return nil
		},
		Findings: func() ([]health.Finding, error) {
			return health.Look(&health.Facts{
				Collector: health.Collector{Ran: true, Running: true, State: "/var/lib/nfacct", Started: now(berlin).Add(-time.Hour), Written: now(berlin), Spool: "/var/lib/nfacct/spool"},
				Routers:   []health.Router{{Name: "gw-1", Heard: now(berlin).Add(-time.Second)}, {Name: "gw-2"}},
				Strangers: []health.Stranger{{Address: "192.168.88.254", Datagrams: 120, Last: now(berlin)}},
			}, now(berlin)), nil
		},
	}
}
