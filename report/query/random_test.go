package query

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// truth answers a question from the rows, one by one, without any SQL.
func truth(t *testing.T, q *Question, v url.Values, rows []archive.Row, s *Setting) [][]any {
	t.Helper()
	directed := false
	for _, f := range strings.Split(v.Get("group"), ",") {
		directed = directed || strings.HasPrefix(f, "src") || strings.HasPrefix(f, "dst")
	}
	for key := range v {
		directed = directed || strings.HasPrefix(key, "src") || strings.HasPrefix(key, "dst") || key == "direction"
	}
	calendar := archive.NewCalendar(s.Location)
	type side struct {
		row            *archive.Row
		src, dst       netip.Addr
		sport, dport   uint16
		bytes, packets uint64
		direction      string
	}
	department := func(addr netip.Addr) string {
		for _, d := range s.Departments {
			for _, r := range d.Ranges {
				if addr.BitLen() == r.From.BitLen() && !addr.Less(r.From) && !r.To.Less(addr) {
					return d.Name
				}
			}
		}
		return "-"
	}
	routerNames := map[uint16]string{}
	for name, id := range s.Routers {
		routerNames[id] = name
	}
	service := func(r *archive.Row) string {
		port := r.PeerPort
		if r.HostPort > 0 && r.HostPort < 1024 && r.HostPort < r.PeerPort {
			port = r.HostPort
		}
		if r.Proto != 6 && r.Proto != 17 && r.Proto != 132 {
			port = 0
		}
		return fmt.Sprintf("%d/%d", r.Proto, port)
	}
	field := func(name string, x *side) any {
		base, bits, prefixed := strings.Cut(name, "/")
		r := x.row
		address := func(addr netip.Addr) any {
			if !prefixed {
				return addr.String()
			}
			n, _ := strconv.Atoi(bits)
			switch {
			case addr.Is4():
				n = min(n, 32)
			case n <= 32:
				n = 64
			}
			return netip.PrefixFrom(addr, n).Masked().String()
		}
		switch base {
		case "host":
			return address(r.Host)
		case "peer":
			return address(r.Peer)
		case "src":
			return address(x.src)
		case "dst":
			return address(x.dst)
		case "host_port":
			return uint64(r.HostPort)
		case "peer_port":
			return uint64(r.PeerPort)
		case "src_port":
			return uint64(x.sport)
		case "dst_port":
			return uint64(x.dport)
		case "proto":
			return uint64(r.Proto)
		case "service":
			return service(r)
		case "router":
			return routerNames[r.Router]
		case "wan":
			return uint64(r.WAN)
		case "department":
			return department(r.Host)
		case "day":
			return r.Day.String()
		case "hour":
			return uint64(calendar.SlotStart(r.Day, r.Slot).Hour())
		case "weekday":
			return uint64((int(time.Date(r.Day.Year, r.Day.Month, r.Day.Day, 0, 0, 0, 0, time.UTC).Weekday())+6)%7 + 1)
		case "slot":
			return uint64(r.Slot)
		case "direction":
			return x.direction
		case "bytes":
			return x.bytes
		}
		t.Fatalf("no field %s", name)
		return nil
	}
	holds := func(key, text string, x *side) bool {
		text, not := strings.CutPrefix(text, "!")
		got, matched := fmt.Sprint(field(key, x)), false
		for _, part := range strings.Split(text, ",") {
			low, high, ranged := strings.Cut(part, "-")
			if prefix, err := netip.ParsePrefix(part); err == nil {
				matched = matched || prefix.Contains(netip.MustParseAddr(got))
				continue
			}
			if days := strings.Split(part, ".."); len(days) == 2 {
				matched = matched || days[0] <= got && got <= days[1]
				continue
			}
			if from, err := netip.ParseAddr(low); err == nil && ranged {
				to, addr := netip.MustParseAddr(high), netip.MustParseAddr(got)
				matched = matched || addr.BitLen() == from.BitLen() && !addr.Less(from) && !to.Less(addr)
				continue
			}
			if rest, more := strings.CutPrefix(part, ">"); more {
				n, _ := strconv.ParseUint(rest, 10, 64)
				matched = matched || x.bytes > n
				continue
			}
			if a, err := strconv.ParseUint(low, 10, 64); err == nil && ranged && key != "day" {
				b, _ := strconv.ParseUint(high, 10, 64)
				n, _ := strconv.ParseUint(got, 10, 64)
				matched = matched || a <= n && n <= b
				continue
			}
			matched = matched || part == got
		}
		return matched != not
	}
	groups := map[string][]uint64{}
	shown := map[string][]any{}
	raw := map[string][]string{} // what orders ties
	for i := range rows {
		r := &rows[i]
		if r.Day.Before(q.From) || q.To.Before(r.Day) {
			continue
		}
		sides := []side{{row: r, src: r.Host, dst: r.Peer, sport: r.HostPort, dport: r.PeerPort, bytes: r.UpBytes + r.DownBytes}}
		if directed {
			sides = sides[:0]
			if r.UpPackets+r.UpBytes > 0 {
				sides = append(sides, side{r, r.Host, r.Peer, r.HostPort, r.PeerPort, r.UpBytes, r.UpPackets, "up"})
			}
			if r.DownPackets+r.DownBytes > 0 {
				sides = append(sides, side{r, r.Peer, r.Host, r.PeerPort, r.HostPort, r.DownBytes, r.DownPackets, "down"})
			}
		}
	next:
		for k := range sides {
			x := &sides[k]
			for key, texts := range v {
				if slices.Contains([]string{"month", "from", "to", "group", "show", "min_bytes", "limit"}, key) {
					continue
				}
				for _, text := range texts {
					if !holds(key, text, x) {
						continue next
					}
				}
			}
			if x.bytes < q.MinBytes {
				continue
			}
			var names []any
			var ties []string
			for _, f := range q.Group {
				value := field(f.String(), x)
				names = append(names, value)
				switch text := fmt.Sprint(value); {
				case f.kind == addresses:
					text, _, _ = strings.Cut(text, "/")
					ties = append(ties, string(netip.MustParseAddr(text).AsSlice()))
				case f.kind == routers:
					ties = append(ties, fmt.Sprintf("%09d", s.Routers[text]))
				case f.kind == services:
					var proto, port int
					fmt.Sscanf(text, "%d/%d", &proto, &port)
					ties = append(ties, fmt.Sprintf("%09d", proto<<16|port))
				case f.kind == departments:
					ties = append(ties, fmt.Sprintf("%09d", slices.IndexFunc(s.Departments, func(d Department) bool { return d.Name == text })+1))
				case f.kind == days:
					ties = append(ties, text)
				default:
					ties = append(ties, fmt.Sprintf("%09s", text))
				}
			}
			key := strings.Join(ties, "\x00\x00")
			shown[key], raw[key] = names, ties
			sums := groups[key]
			switch {
			case q.Count:
				if sums == nil {
					sums = make([]uint64, 1)
				}
				sums[0]++
			case directed:
				if sums == nil {
					sums = make([]uint64, 2)
				}
				sums[0] += x.bytes
				sums[1] += x.packets
			default:
				if sums == nil {
					sums = make([]uint64, 4)
				}
				for i, n := range []uint64{r.UpBytes, r.DownBytes, r.UpBytes + r.DownBytes, r.Flows} {
					sums[i] += n
				}
			}
			groups[key] = sums
		}
	}
	by := 2
	if directed || q.Count {
		by = 0
	}
	var keys []string
	for key := range groups {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(groups[b][by], groups[a][by]), slices.Compare(raw[a], raw[b]))
	})
	lines := [][]any{}
	for _, key := range keys {
		line := slices.Clone(shown[key])
		for _, n := range groups[key] {
			line = append(line, n)
		}
		lines = append(lines, line)
	}
	if len(q.Group) == 0 && len(lines) == 0 { // sums of nothing
		line := []any{}
		for range q.Columns() {
			line = append(line, uint64(0))
		}
		lines = append(lines, line)
	}
	if q.Limit > 0 && len(lines) > q.Limit {
		lines = lines[:q.Limit]
	}
	return lines
}

// randomQuestion makes a question that has an answer more often than not.
func randomQuestion(r *rand.Rand, rows []archive.Row) url.Values {
	v := url.Values{}
	row := &rows[r.IntN(len(rows))]
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	first, last := rows[0].Day, rows[0].Day
	for i := range rows {
		if rows[i].Day.Before(first) {
			first = rows[i].Day
		}
		if last.Before(rows[i].Day) {
			last = rows[i].Day
		}
	}
	switch r.IntN(4) {
	case 0:
		v.Set("month", archive.MonthOf(row.Day).String())
	case 1:
		v.Set("from", row.Day.String())
		v.Set("to", row.Day.String())
	default:
		v.Set("from", first.String())
		v.Set("to", last.String())
	}
	conditions := map[string]func() string{
		"host": func() string {
			return pick(row.Host.String(), "10.1.0.0/22", "10.1.0.0-10.1.0.9,10.1.0.20", "2001:db8::/32")
		},
		"peer":       func() string { return pick(row.Peer.String(), "198.51.0.0/17", "2001:db8:ffff::/64") },
		"host_port":  func() string { return pick(fmt.Sprint(row.HostPort), "0-1023", "40000-65535") },
		"peer_port":  func() string { return pick(fmt.Sprint(row.PeerPort), "443,80", "1-1023") },
		"src":        func() string { return pick(row.Host.String(), row.Peer.String(), "10.0.0.0/8") },
		"dst":        func() string { return pick(row.Host.String(), row.Peer.String(), "198.51.100.0/24") },
		"src_port":   func() string { return pick("443", fmt.Sprint(row.HostPort), "1-1023") },
		"dst_port":   func() string { return pick("443", fmt.Sprint(row.PeerPort), "1024-65535") },
		"proto":      func() string { return pick("6", "17", "1", "6,17") },
		"service":    func() string { return pick("6/443", "17/53", "6/22,6/80") },
		"router":     func() string { return pick("gw-1", "gw-2", "gw-1,gw-2") },
		"wan":        func() string { return fmt.Sprint(row.WAN) },
		"department": func() string { return pick("sales", "it's", "-", "sales,-") },
		"day":        func() string { return pick(row.Day.String(), first.String()+".."+row.Day.String()) },
		"hour":       func() string { return pick("9-17", "2", "3", "23,0") },
		"weekday":    func() string { return pick("7", "1-5") },
		"slot":       func() string { return pick(fmt.Sprint(row.Slot), "0-40") },
		"direction":  func() string { return pick("up", "down") },
		"bytes":      func() string { return pick(">1000", "0-5000") },
	}
	names := Names()
	for range r.IntN(4) {
		name := names[r.IntN(len(names))]
		if v.Has(name) {
			continue
		}
		text := conditions[name]()
		if name != "direction" && r.IntN(5) == 0 {
			text = "!" + text
		}
		v.Set(name, text)
	}
	var groups []string
	for range r.IntN(3) {
		name := Groupable()[r.IntN(len(Groupable()))]
		if f, _ := find(name); f.kind == addresses && r.IntN(3) == 0 {
			name += pick("/24", "/20", "/48", "/16")
		}
		if !slices.Contains(groups, name) {
			groups = append(groups, name)
		}
	}
	if groups != nil {
		v.Set("group", strings.Join(groups, ","))
	}
	if r.IntN(4) == 0 {
		v.Set("show", "count")
	}
	if r.IntN(5) == 0 {
		v.Set("min_bytes", "500")
	}
	v.Set("limit", pick("0", "1", "7", "30"))
	return v
}

// Random questions have the answer that the rows themselves give, and the pasted
// statement has the same lines.
func TestRandomQuestions(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	asker, rows, s := office(t, r)
	questions, answered := 500, 0
	all, free := rows, s
	for n := range questions {
		rows, s = all, free
		if n%3 == 0 { // of somebody who sees some departments
			bound := *free
			bound.Bound, bound.Within = true, [][]string{{"sales"}, {"it's"}, {"sales", "gone"}, nil}[n/3%4]
			s, rows = &bound, slices.DeleteFunc(slices.Clone(all), func(row archive.Row) bool { return !bound.Has(row.Host) })
		}
		v := randomQuestion(r, all)
		q, err := Parse(v, s)
		if err != nil {
			t.Fatalf("question %d: %s: %v", n, v.Encode(), err)
		}
		if again, err := Parse(q.Values(), s); err != nil || again.Values().Encode() != q.Values().Encode() {
			t.Fatalf("question %d: %s is written %s, %v", n, v.Encode(), q.Values().Encode(), err)
		}
		var lines [][]any
		answer, err := q.Run(t.Context(), asker, s, func(line []any) error {
			lines = append(lines, line)
			return nil
		})
		if err != nil {
			t.Fatalf("question %d: %s: %v\n%s", n, v.Encode(), err, answer.Ran)
		}
		want := truth(t, q, v, rows, s)
		if answer.Ran == "" { // its directions exclude each other
			want = nil
		}
		if fmt.Sprint(lines) != fmt.Sprint(want) {
			t.Fatalf("question %d: %s:\n got %v\nwant %v\n%s", n, v.Encode(), lines, want, answer.Ran)
		}
		if len(lines) > 0 {
			answered++
		}
		for what, text := range map[string]string{"ran": answer.Ran, "shown": answer.SQL} {
			if text == "" {
				continue
			}
			if pasted := paste(t, asker, text, answer.Columns); fmt.Sprint(pasted) != fmt.Sprint(lines) {
				t.Fatalf("question %d: %s: the statement that is %s, pasted:\n got %v\nwant %v\n%s", n, v.Encode(), what, pasted, lines, text)
			}
		}
	}
	if answered < questions/2 {
		t.Errorf("only %d of %d questions had an answer", answered, questions)
	}
}

// paste runs statements as a person's shell does.
func paste(t *testing.T, a *testAsker, text string, columns []Column) (lines [][]any) {
	t.Helper()
	conn, err := a.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	statements := strings.Split(text, ";\n")
	for _, set := range statements[:len(statements)-1] {
		if _, err := conn.ExecContext(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := conn.QueryContext(t.Context(), statements[len(statements)-1])
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	defer rows.Close()
	values, err := scan(rows, func(values [][]byte) error {
		line := make([]any, len(values))
		for i, value := range values {
			line[i] = columns[i].read(value)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil || values == 0 {
		t.Fatal(values, err)
	}
	return lines
}
