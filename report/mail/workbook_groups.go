package mail

func (w *workbook) departments() error {
	s, err := w.sheet("groups", []sheetColumn{{w.text("group"), plain, 24}, {w.words.Text("mail.hosts"), count, 9}, {w.text("down"), count, 16}, {w.text("up"), count, 16},
		{w.text("total"), count, 16}, {w.text("share"), percent, 9}, {w.text("proxied"), count, 16}, {w.text("quota"), plain, 16},
		{w.text("quota_used"), count, 15}, {w.text("quota_share"), percent, 10}, {w.text("state"), plain, 18}})
	if err != nil {
		return err
	}
	for i := range w.u.Departments {
		d := &w.u.Departments[i]
		name := d.Name
		if name == "" {
			name = w.words.Text("mail.group.none")
		}
		values := []any{name, uint64(d.Hosts), d.DownBytes, d.UpBytes, d.Bytes(), d.Share, d.ProxiedBytes, nil, nil, nil, nil}
		if q := d.Quota; q != nil {
			values[7], values[8], values[9], values[10] = q.Quota, q.Used, q.Part(), w.state(q.State)
		}
		if err := s.add(values...); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Departments))
}

func (w *workbook) offenders() error {
	s, err := w.sheet("over", []sheetColumn{{w.text("who"), plain, 24}, {w.text("name"), plain, 26}, {w.text("kind"), plain, 14}, {w.text("group"), plain, 16}, {w.text("quota"), plain, 16},
		{w.text("quota_used"), count, 16}, {w.text("soft_bound"), count, 16}, {w.text("hard_bound"), count, 16}, {w.text("quota_share"), percent, 10},
		{w.text("state"), plain, 18}, {w.text("day"), plain, 12}, {w.text("days_over"), count, 8}})
	if err != nil {
		return err
	}
	for i := range w.u.Offenders {
		o := &w.u.Offenders[i]
		err := s.add(o.Name, w.list(o.Names), w.words.Text("mail.over."+o.Subject), o.Group, o.Quota, o.Used, bound(o.Soft), bound(o.Hard), o.Part(), w.state(o.State), o.Day, o.Days)
		if err != nil {
			return err
		}
	}
	return s.end(len(w.u.Offenders))
}

// bound is a quota's; 0 is none.
func bound(n uint64) any {
	if n == 0 {
		return nil
	}
	return n
}

// proxyUsers are who used the proxy most.
func (w *workbook) proxyUsers() error {
	if w.u.Proxy == nil || len(w.u.Proxy.Users) == 0 {
		return nil
	}
	s, err := w.sheet("proxy_users", []sheetColumn{{w.text("who"), plain, 30}, {w.text("requests"), count, 14}, {w.text("proxied"), count, 18}})
	if err != nil {
		return err
	}
	for i := range w.u.Proxy.Users {
		u := &w.u.Proxy.Users[i]
		if err := s.add(u.User, u.Requests, u.Bytes); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Proxy.Users))
}

// onlyProxied are hosts without traffic past the proxy.
func (w *workbook) onlyProxied() error {
	if w.u.Proxy == nil || len(w.u.Proxy.Only) == 0 {
		return nil
	}
	s, err := w.sheet("proxy_only", []sheetColumn{{w.text("address"), plain, 18}, {w.text("name"), plain, 26}, {w.text("names"), plain, 20}, {w.text("group"), plain, 16}, {w.text("proxied"), count, 18}})
	if err != nil {
		return err
	}
	only := w.u.Proxy.Only
	for i := range only {
		name, others := "", joined("")
		if len(only[i].Names) > 0 {
			name, others = only[i].Names[0], w.list(only[i].Names[1:])
		}
		if err := s.add(only[i].Host, name, others, only[i].Group, only[i].Bytes); err != nil {
			return err
		}
	}
	return s.end(len(only))
}
