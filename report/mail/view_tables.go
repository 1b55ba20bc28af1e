package mail

import (
	"slices"
	"strings"

	"nfacct/archive"
	"nfacct/report"
	"nfacct/report/phrase"
)

// add appends a section, if there is something in it.
func (v *view) add(t table) {
	if len(t.Rows) > 0 {
		v.Tables = append(v.Tables, t)
	}
}

func (v *view) departments() {
	t := table{Heading: v.text("groups"), Columns: head(v.text("group"), v.text("hosts"), v.text("total"), v.text("share"))}
	for i := range v.Usage.Departments {
		d := &v.Usage.Departments[i]
		if i == mostGroups {
			t.More = v.more(len(v.Usage.Departments) - mostGroups)
			break
		}
		name := short(d.Name, 40)
		if name == "" {
			name = v.text("group.none")
		}
		t.Rows = append(t.Rows, row{Name: name, Cells: []cell{
			{Text: v.number(uint64(d.Hosts))}, {Text: v.bytes(d.Bytes())}, {Text: v.words.Percent(d.Share)},
		}})
	}
	v.add(t)
}

// proxy is direct beside proxied.
func (v *view) proxy() {
	p := v.Usage.Proxy
	if p == nil {
		return
	}
	t := table{Heading: v.text("proxy")}
	fact := func(key, value string) {
		t.Rows = append(t.Rows, row{Name: v.text(key), Cells: []cell{{Text: value}}})
	}
	fact("proxy.squid", v.bytes(p.Bytes))
	if !p.NoFlows {
		fact("proxy.past", v.bytes(v.Totals.Bytes()))
	}
	if v.Totals.DirectShare != nil {
		fact("proxy.share", v.words.Percent(*v.Totals.DirectShare))
	}
	fact("proxy.requests", v.number(p.Requests))
	fact("proxy.hosts", v.number(uint64(p.Hosts)))
	if !p.NoFlows {
		fact("proxy.only", v.number(uint64(p.OnlyHosts)))
	}
	if p.FlowBytes != nil {
		fact("proxy.flows", v.bytes(*p.FlowBytes))
	}
	t.More = p.UnwrittenText(v.words)
	v.add(t)
	checks := table{Heading: v.text("checks"), Columns: head(v.text("host"), v.text("checks.squid"), v.text("checks.flows"))}
	for i, c := range p.Checks {
		if i == mostOf {
			checks.More = v.more(len(p.Checks) - mostOf)
			break
		}
		checks.Rows = append(checks.Rows, row{Name: short(c.Host, 45), Cells: []cell{{Text: v.bytes(c.SquidBytes)}, {Text: v.bytes(c.FlowBytes)}}})
	}
	v.add(checks)
}

// proxyUsers are who used the proxy most.
func (v *view) proxyUsers() {
	if v.Usage.Proxy == nil {
		return
	}
	t := table{Heading: v.text("proxy_users"), Columns: head(v.text("over.who"), v.text("requests"), v.text("total"))}
	users := v.Usage.Proxy.Users
	for i := range users[:min(len(users), mostOf)] {
		u := &users[i]
		t.Rows = append(t.Rows, row{Name: short(u.User, 40), Cells: []cell{{Text: v.number(u.Requests)}, {Text: v.bytes(u.Bytes)}}})
	}
	if n := len(users) - mostOf; n > 0 {
		t.More = v.more(n)
	}
	v.add(t)
}

// onlyProxied are hosts without traffic past the proxy.
func (v *view) onlyProxied() {
	p := v.Usage.Proxy
	if p == nil {
		return
	}
	t := table{Heading: v.text("proxy_only"), Columns: head(v.text("host"), v.text("total"))}
	for i := range p.Only[:min(len(p.Only), mostOf)] {
		h := &p.Only[i]
		name, address := called(&report.Host{Host: h.Host, Names: h.Names})
		t.Rows = append(t.Rows, row{Name: name, Note: join(address, group(h.Group)), Cells: []cell{{Text: v.bytes(h.Bytes)}}})
	}
	if n := p.OnlyHosts - len(t.Rows); n > 0 {
		t.More = v.more(n)
	}
	v.add(t)
}

// newHosts are those that were never seen before, or that have no lease.
func (v *view) newHosts() {
	for _, list := range []struct {
		key string
		all int
		is  func(i int) bool
	}{
		{"new_hosts", v.Totals.NewHosts, func(i int) bool { return v.Usage.Hosts[i].New }},
		{"no_lease", v.Totals.NotInDHCP, func(i int) bool { return v.Usage.Hosts[i].NotInDHCP }},
	} {
		t := table{Heading: v.text(list.key), Columns: head(v.text("host"), v.text("total"))}
		n := 0
		for i := range v.Usage.Hosts {
			if !list.is(i) {
				continue
			}
			if n++; n > mostOf {
				continue
			}
			h := &v.Usage.Hosts[i]
			name, address := called(h)
			t.Rows = append(t.Rows, row{Name: name, Note: join(address, group(h.Group)), Cells: []cell{{Text: v.bytes(h.Bytes())}}})
		}
		if n = max(n, list.all); n > mostOf && len(t.Rows) > 0 {
			t.More = v.more(n - len(t.Rows))
		}
		if since := v.NewHosts.Text(v.words); since != "" && list.key == "new_hosts" {
			t.More = strings.TrimSpace(t.More + " " + since)
		}
		v.add(t)
	}
}

// excluded is what rules left out.
func (v *view) excluded() {
	t := table{Heading: v.text("excluded"), Columns: head(v.text("rule"), v.text("records"), v.text("bytes"))}
	for i, e := range v.Usage.Excluded {
		if i == mostOf {
			t.More = v.more(len(v.Usage.Excluded) - mostOf)
			break
		}
		t.Rows = append(t.Rows, row{Name: short(e.Rule, 40), Cells: []cell{{Text: v.number(e.Records)}, {Text: v.bytes(e.Bytes)}}})
	}
	v.add(t)
}

// balance is the books of one router over the period.
type balance struct {
	router                  string
	datagrams               uint64
	records, lost           uint64
	dropped, unspooled      uint64 // datagrams, counted among the lost
	refused, excluded, load uint64
	estimated               bool
	difference              string
	classes                 archive.Classes
	found                   []archive.Finding
}

// balances adds the books of the days up, router by router.
func balances(books []archive.Book, words *phrase.Catalogue) []*balance {
	var list []*balance
	for i := range books {
		b := &books[i]
		at := slices.IndexFunc(list, func(x *balance) bool { return x.router == b.Router })
		if at < 0 {
			at = len(list)
			list = append(list, &balance{router: b.Router})
		}
		x := list[at]
		x.datagrams += b.Datagrams
		x.records += b.Records
		x.lost += b.LostRecords
		x.estimated = x.estimated || b.LostEstimated
		x.dropped += b.KernelDropped
		x.unspooled += b.SpoolLost
		x.refused += b.LeftOut()
		for _, n := range b.Excluded {
			x.excluded += n.Records
		}
		x.load += b.Loaded.Records
		x.classes = x.classes.Plus(b.Classes)
		for _, f := range b.Findings {
			x.found = archive.AddFinding(x.found, f)
		}
		if x.difference == "" {
			x.difference = report.DifferenceText(b, words)
		}
	}
	return list
}

// books say what became of the records.
func (v *view) books() {
	t := table{Heading: v.text("books"), Columns: head(v.text("router"), v.text("books.received"), v.text("books.lost"), v.text("books.loaded"))}
	list := balances(v.Usage.Books, v.words)
	for i, b := range list {
		if i == mostGroups {
			t.More = v.more(len(list) - mostGroups)
			break
		}
		lost := v.number(b.lost)
		if b.estimated && b.lost > 0 {
			lost = "≈ " + lost
		}
		if b.datagrams == 0 && b.records > 0 && b.lost == 0 { // from tables: nobody knows
			lost = "–"
		}
		c := &b.classes
		notes := []string{report.ClassesText(c, v.words)}
		if b.excluded > 0 {
			notes = append(notes, v.text("books.excluded", v.number(b.excluded)))
		}
		if b.dropped > 0 {
			notes = append(notes, v.words.Plural("text.dropped", b.dropped))
		}
		if b.unspooled > 0 {
			notes = append(notes, v.words.Plural("text.unspooled", b.unspooled))
		}
		if b.refused > 0 {
			notes = append(notes, v.text("books.refused", v.number(b.refused)))
		}
		if b.difference != "" {
			notes = append(notes, v.text("books.difference", short(b.difference, 200)))
		}
		for _, finding := range report.BookFindings(&archive.Book{Router: b.router, Findings: b.found}, v.words) {
			notes = append(notes, short(finding, 400))
		}
		t.Rows = append(t.Rows, row{Name: short(b.router, 40), Note: strings.Join(notes, " · "), Cells: []cell{
			{Text: v.number(b.records)}, {Text: lost, Bad: b.lost*1000 > b.records}, {Text: v.number(b.load)},
		}})
	}
	v.add(t)
}

// coverage compares flows with the routers' own counters.
func (v *view) coverage() {
	t := table{Heading: v.text("coverage"), Columns: head(v.text("router"), v.text("coverage.flows"), v.text("coverage.counter"), v.text("share"))}
	for i, c := range v.Usage.Coverage {
		if i == mostGroups {
			t.More = v.more(len(v.Usage.Coverage) - mostGroups)
			break
		}
		var why []string
		for _, reason := range c.Reasons {
			why = append(why, reason.In(v.words))
		}
		t.Rows = append(t.Rows, row{Name: short(c.Router, 40), Note: short(c.Interface, 40), Habits: why, Cells: []cell{
			{Text: v.bytes(c.FlowBytes)}, {Text: v.bytes(c.CounterBytes)}, {Text: v.words.Percent(c.Share)},
		}})
	}
	v.add(t)
}
