package report

import (
	"strings"
)

// overQuota lists who is over, quota by quota, those with the worst first.
func (t *text) overQuota() {
	list := t.u.Offenders
	if len(list) == 0 {
		return
	}
	t.heading("mail.over")
	said := map[string]bool{}
	n := 0
	for i := range list {
		quota := t.quota(&list[i])
		if said[quota] || n == mostNames {
			continue
		}
		said[quota] = true
		t.paragraph("  ", quota)
		for j := i; j < len(list) && n < mostNames; j++ {
			if t.quota(&list[j]) == quota {
				t.paragraph("    ", t.offender(&list[j]))
				n++
			}
		}
	}
	if n < len(list) {
		t.paragraph("  ", t.Plural("text.more", uint64(len(list)-n)))
	}
}

// quota names one with its bounds.
func (t *text) quota(o *Offender) string {
	var bounds []string
	if o.Soft > 0 {
		bounds = append(bounds, t.Text("text.quota.soft", t.Bytes(o.Soft)))
	}
	if o.Hard > 0 {
		bounds = append(bounds, t.Text("text.quota.hard", t.Bytes(o.Hard)))
	}
	return t.Text("mail.over.per_"+o.Period, Clean(o.Quota)) + ": " + strings.Join(bounds, ", ")
}

func (t *text) offender(o *Offender) string {
	who := Clean(o.Name)
	if len(o.Names) > 0 {
		who += " " + cut(o.Names[0], 30)
	}
	if o.Subject != "host" {
		who = t.Text("mail.over."+o.Subject) + " " + who
	}
	said := []string{t.Bytes(o.Used), t.Text("sheet." + o.State)}
	if o.Period == "day" && t.u.Period.Kind != KindDay {
		said = append(said, t.Text("mail.over.worst", o.Day), t.Plural("text.days_over", uint64(o.Days)))
	}
	if month := o.MonthText(&t.u.Period, t.Catalogue); month != "" {
		said = append(said, month)
	}
	return who + ": " + strings.Join(said, ", ")
}

func (t *text) departments() {
	if len(t.u.Departments) == 0 || t.u.Group != "" {
		return
	}
	t.heading("mail.groups")
	for i := range t.u.Departments {
		d := &t.u.Departments[i]
		name := Clean(d.Name)
		if name == "" {
			name = t.Text("mail.group.none")
		}
		mark := ""
		if d.Quota != nil && d.Quota.State != QuotaKept {
			mark = "  " + t.Text("sheet."+d.Quota.State)
		}
		t.line("  " + pad(cut(name, 26), 26) + " " + padLeft(t.Plural("hosts", uint64(d.Hosts)), 12) + " " + padLeft(t.Bytes(d.Bytes()), 9) + " " + padLeft(t.Percent(d.Share), 6) + cut(mark, 22))
	}
}

func (t *text) proxy() {
	p := t.u.Proxy
	if p == nil {
		return
	}
	t.heading("mail.proxy")
	put := func(key, value string) { t.line("  " + pad(t.Text(key), 52) + " " + padLeft(value, 12)) }
	put("mail.proxy.squid", t.Bytes(p.Bytes))
	if !p.NoFlows {
		put("mail.proxy.past", t.Bytes(t.u.Totals.Bytes()))
	}
	if share := t.u.Totals.DirectShare; share != nil {
		put("mail.proxy.share", t.Percent(*share))
	}
	put("mail.proxy.requests", t.Number(p.Requests))
	put("mail.proxy.hosts", t.Number(uint64(p.Hosts)))
	if !p.NoFlows {
		put("mail.proxy.only", t.Number(uint64(p.OnlyHosts)))
	}
	if p.FlowBytes != nil {
		put("mail.proxy.flows", t.Bytes(*p.FlowBytes))
	}
	if note := p.UnwrittenText(t.Catalogue); note != "" {
		t.paragraph("  ", note)
	}
	if len(p.Users) > 0 {
		var parts []string
		for i := range p.Users[:min(10, len(p.Users))] {
			parts = append(parts, cut(Clean(p.Users[i].User), 30)+" "+t.Bytes(p.Users[i].Bytes))
		}
		if n := len(p.Users) - len(parts); n > 0 {
			parts = append(parts, t.Plural("text.more", uint64(n)))
		}
		t.paragraph("  ", t.Text("text.users", strings.Join(parts, ", ")))
	}
	if len(p.Only) > 0 {
		t.heading("mail.proxy_only")
		var parts []string
		for i := range p.Only[:min(mostNames, len(p.Only))] {
			h := &p.Only[i]
			part := h.Host
			if len(h.Names) > 0 {
				part += " (" + cut(h.Names[0], 30) + ")"
			}
			parts = append(parts, part+" "+t.Bytes(h.Bytes))
		}
		if n := p.OnlyHosts - len(parts); n > 0 {
			parts = append(parts, t.Plural("text.more", uint64(n)))
		}
		t.paragraph("  ", strings.Join(parts, ", "))
	}
}

func (t *text) excluded() {
	if len(t.u.Excluded) == 0 {
		return
	}
	t.heading("mail.excluded")
	for i := range t.u.Excluded {
		e := &t.u.Excluded[i]
		t.line("  " + pad(cut(Clean(e.Rule), 40), 40) + " " + padLeft(t.Bytes(e.Bytes), 9) + "  " + t.Plural("records", e.Records))
	}
}

func (t *text) coverage() {
	if len(t.u.Coverage) == 0 {
		return
	}
	t.heading("mail.coverage")
	for i := range t.u.Coverage {
		c := &t.u.Coverage[i]
		name := Clean(c.Router)
		if c.Interface != "" {
			name += " " + Clean(c.Interface)
		}
		t.line("  " + pad(cut(name, 40), 40) + " " + padLeft(t.Bytes(c.FlowBytes), 9) + " / " + padLeft(t.Bytes(c.CounterBytes), 9) + "  " + t.Percent(c.Share))
		for _, reason := range c.Reasons {
			t.paragraph("    ", reason.In(t.Catalogue))
		}
	}
}
