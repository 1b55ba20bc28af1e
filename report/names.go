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
	stored, err := q.archive.NamesDuring(ctx, q.Period.Start, end)
	if err != nil {
		return err
	}
	bySource := map[string]map[netip.Addr][]string{}
	add := func(source string, addr netip.Addr, name string) {
		if bySource[source] == nil {
			bySource[source] = map[netip.Addr][]string{}
		}
		bySource[source][addr] = append(bySource[source][addr], name)
	}
	for _, n := range stored {
		add(n.Source, n.Host, n.Name)
	}
	if q.cfg.HostsFile != "" {
		if err := readHostsFile(q.cfg.HostsFile, q.log, func(addr netip.Addr, name string) { add("file", addr, name) }); err != nil {
			return err
		}
	}
	if q.cfg.DNS && slices.Contains(q.cfg.Names, "dns") {
		q.askDNS(ctx, bySource["dns"], func(addr netip.Addr, name string) { add("dns", addr, name) })
	}
	name := func(addr netip.Addr, put func(name, source string)) {
		for _, source := range q.cfg.Names {
			for _, name := range bySource[source][addr] {
				put(Clean(name), source)
			}
		}
	}
	for _, t := range q.hosts.order {
		name(t.addr, func(name, source string) {
			if name != "" && !slices.ContainsFunc(t.named, func(n Name) bool { return n.Name == name }) {
				t.named = append(t.named, Name{Name: name, Source: source})
			}
		})
	}
	if q.u.Proxy != nil {
		for i := range q.u.Proxy.Only {
			h := &q.u.Proxy.Only[i]
			name(netip.MustParseAddr(h.Host), func(name, _ string) {
				if name != "" && !slices.Contains(h.Names, name) {
					h.Names = append(h.Names, name)
				}
			})
		}
	}
	q.findLeaseless(bySource["lease"])
	return nil
}

// findLeaseless says which hosts have no lease, in the networks that have leases
// at all: /24 of IPv4. Elsewhere nothing is known of leases.
func (q *question) findLeaseless(leases map[netip.Addr][]string) {
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

// readFirst says which hosts were never seen before the period. When nothing at
// all was seen before, nobody is new.
func (q *question) readFirst(ctx context.Context) error {
	before := false
	var fresh []*tally
	err := q.archive.FirstSeen(ctx, func(host netip.Addr, day archive.Day) {
		if day.Before(q.Period.From) {
			before = true
		} else if t := q.hosts.of(host); t != nil {
			fresh = append(fresh, t)
		}
	})
	if err != nil || !before {
		return err
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
func (q *question) askDNS(ctx context.Context, known map[netip.Addr][]string, add func(addr netip.Addr, name string)) {
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
