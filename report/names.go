package report

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"nfacct/archive"
)

// readNames gives the hosts their names of the period, by the order of trust,
// and says who has no lease.
func (q *question) readNames(ctx context.Context) error {
	end := q.Period.End
	if now := q.Now.Add(time.Second); now.Before(end) { // names of the future are not known
		end = now
	}
	stored, err := q.archive.Routers().NamesDuring(ctx, q.Period.Start, end)
	if err != nil {
		return err
	}
	bySource := map[string]map[netip.Addr][]Name{}
	put := func(source string, addr netip.Addr, name Name) {
		if bySource[source] == nil {
			bySource[source] = map[netip.Addr][]Name{}
		}
		bySource[source][addr] = append(bySource[source][addr], name)
	}
	add := func(source string, addr netip.Addr, name string) {
		put(source, addr, Name{Name: Clean(name), Source: source})
	}
	for i := 0; i < len(stored); {
		j := i + 1
		for j < len(stored) && stored[j].Host == stored[i].Host && stored[j].Source == stored[i].Source {
			j++
		}
		for _, name := range q.spans(stored[i:j]) {
			put(name.Source, stored[i].Host, name)
		}
		i = j
	}
	if q.cfg.HostsFile != "" {
		if err := readHostsFile(q.cfg.HostsFile, q.log, func(addr netip.Addr, name string) { add("file", addr, name) }); err != nil {
			return err
		}
	}
	if q.cfg.DNS && slices.Contains(q.cfg.Names, "dns") {
		q.askDNS(ctx, bySource["dns"], func(addr netip.Addr, name string) { add("dns", addr, name) })
	}
	name := func(addr netip.Addr, put func(Name)) {
		for _, source := range q.cfg.Names {
			for _, name := range bySource[source][addr] {
				put(name)
			}
		}
	}
	for _, t := range q.hosts.order {
		name(t.addr, func(name Name) {
			if name.Name != "" && !slices.ContainsFunc(t.named, func(n Name) bool { return n.Name == name.Name }) {
				t.named = append(t.named, name)
			}
		})
	}
	if q.u.Proxy != nil {
		for i := range q.u.Proxy.Only {
			h := &q.u.Proxy.Only[i]
			name(netip.MustParseAddr(h.Host), func(name Name) {
				if name.Name != "" && !slices.Contains(h.Names, name.Name) {
					h.Names = append(h.Names, name.Name)
				}
			})
		}
	}
	q.findLeaseless(bySource["lease"])
	return nil
}

// spans are the names that a source had for a host, the newest first, and where there
// are several in the period, when each was its name.
func (q *question) spans(stored []archive.HostName) (names []Name) {
	end := q.Period.End
	for _, n := range stored {
		from := n.From.In(q.loc)
		if from.Before(q.Period.Start) {
			from = q.Period.Start
		}
		to := end
		names = append(names, Name{Name: Clean(n.Name), Source: n.Source, From: &from, To: &to})
		end = from
	}
	names = slices.CompactFunc(names, func(a, b Name) bool { // seen again after a gap
		same := a.Name == b.Name
		if same {
			*a.From = *b.From
		}
		return same
	})
	if len(names) == 1 {
		names[0].From, names[0].To = nil, nil
	}
	return names
}

// findLeaseless says which hosts have no lease, in the networks that have leases
// at all: /24 of IPv4. Elsewhere nothing is known of leases.
func (q *question) findLeaseless(leases map[netip.Addr][]Name) {
	networks := map[netip.Prefix]bool{}
	network := func(addr netip.Addr) netip.Prefix {
		prefix, _ := addr.Prefix(24)
		return prefix
	}
	for addr := range leases {
		if addr.Is4() {
			networks[network(addr)] = true
		}
	}
	for _, t := range q.hosts.order {
		if t.addr.Is4() && len(leases[t.addr]) == 0 && networks[network(t.addr)] {
			t.leaseless = true
			q.u.Totals.NotInDHCP++
		}
	}
}

// settling is how many days the first data are too few to call a host new: until
// then every computer that was off comes for the first time.
const settling = 7

// readFirst says which hosts were never seen before the period, from a week after
// the first data on.
func (q *question) readFirst(ctx context.Context) error {
	var begin archive.Day
	var fresh []*tally
	err := q.archive.Reader().FirstSeen(ctx, func(host netip.Addr, day archive.Day) {
		if begin.IsZero() || day.Before(begin) {
			begin = day
		}
		if day.Before(q.Period.From) {
			return
		}
		if t := q.hosts.of(host); t != nil {
			fresh = append(fresh, t)
		}
	})
	if err != nil || begin.IsZero() {
		return err
	}
	q.u.NewHosts = &NewHosts{DataSince: begin.String(), From: begin.Add(settling).String()}
	if q.Period.From.Before(begin.Add(settling)) {
		q.u.NewHosts.TooEarly = len(fresh) > 0
		return nil
	}
	for _, t := range fresh {
		t.new = true
	}
	q.u.Totals.NewHosts = len(fresh)
	return nil
}

// readHostsFile reads a file in the form of /etc/hosts: an address, names, and a
// remark behind #. A line in another form is passed over with a warning: it costs
// one name, and no report.
func readHostsFile(name string, log *slog.Logger, add func(addr netip.Addr, name string)) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("hosts file: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		if err != nil || len(fields) < 2 {
			log.Warn("line of the hosts file passed over: write an address and a name, as in /etc/hosts", "file", name, "line", n)
			continue
		}
		add(addr.Unmap().WithZone(""), fields[1])
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("hosts file: %w", err)
	}
	return nil
}

// Bounds of asking DNS: a report must not wait for a server that is down.
const (
	dnsHosts   = 100 // the biggest
	dnsAtOnce  = 8
	dnsTimeout = 2 * time.Second // all together
)

// askDNS looks for the names of the biggest hosts that DNS has not named before.
func (q *question) askDNS(ctx context.Context, known map[netip.Addr][]Name, add func(addr netip.Addr, name string)) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	var mu sync.Mutex
	var wait sync.WaitGroup
	slots := make(chan struct{}, dnsAtOnce)
	unanswered := 0
	for _, t := range q.hosts.order[:min(len(q.hosts.order), dnsHosts)] {
		addr := t.addr
		if len(known[addr]) > 0 {
			continue
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			names, err := net.DefaultResolver.LookupAddr(ctx, addr.String())
			mu.Lock()
			defer mu.Unlock()
			var missing *net.DNSError
			switch {
			case err == nil && len(names) > 0:
				add(addr, strings.TrimSuffix(names[0], "."))
			case err != nil && !(errors.As(err, &missing) && missing.IsNotFound):
				unanswered++
			}
		}()
	}
	wait.Wait()
	if unanswered > 0 {
		q.log.Warn("DNS did not answer for all hosts", "hosts", unanswered, "within", dnsTimeout)
	}
}

// day is the day of an instant.
func (q *question) day(t time.Time) archive.Day { return archive.DayOf(t.In(q.loc)) }
