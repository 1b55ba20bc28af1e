package report

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"nfacct/archive"
)

// measured is what quotas are compared with: traffic by day, and by month up to
// the period's end, of each host, department and list.
type measured struct {
	q      *question
	month  archive.Day // the first day of the first month
	quotas []measuredQuota
	host   netip.Addr // whose days are being added: hosts come one after the other
	over   []overHost
	err    error
}

// overHost is a host over a quota.
type overHost struct {
	addr netip.Addr
	QuotaState
}

type measuredQuota struct {
	*Quota
	scope *set // nil: everybody
	// used is by the name of a department or list, empty for the host that is being
	// added, and by day; of a month's quota by the month's first day.
	used map[string]map[archive.Day]uint64
}

// monthly says whether any quota is of a month.
func (r *Reporter) monthly() bool {
	return slices.ContainsFunc(r.cfg.Quotas, func(quota Quota) bool { return quota.On() && quota.Period == "month" })
}

func newMeasured(q *question, month archive.Day) *measured {
	m := &measured{q: q, month: month}
	for i := range q.cfg.Quotas {
		quota := &q.cfg.Quotas[i]
		if !quota.On() {
			continue
		}
		one := measuredQuota{Quota: quota, used: map[string]map[archive.Day]uint64{}}
		if !quota.empty() {
			scope, err := quota.resolve(q.lists)
			if err != nil {
				m.err = fmt.Errorf("quota %s: %w", quota.Name, err)
				return m
			}
			one.scope = scope
			// What a list used would tell of the other departments that are on it,
			// and the part of it that one department used is not what the quota is for.
			alone := len(quota.Departments) == 1 && quota.Departments[0] == q.Group
			if q.Group != "" && quota.Each == "list" && !alone && !q.departments.owns(q.Group, scope) {
				continue
			}
		}
		m.quotas = append(m.quotas, one)
	}
	return m
}

// add counts a host's day against every quota that is for it.
func (m *measured) add(d *archive.HostDay) {
	if d.Host != m.host {
		m.finish()
		m.host = d.Host
	}
	p := &m.q.Period
	for i := range m.quotas {
		quota := &m.quotas[i]
		day := d.Day
		if quota.Period == "month" {
			if day.Before(m.month) {
				continue
			}
			day = archive.MonthOf(day).First()
		} else if day.Before(p.From) {
			continue
		}
		if quota.scope != nil && !quota.scope.contains(d.Host) {
			continue
		}
		department := m.q.departments.of(d.Host)
		if len(quota.Departments) > 0 && !slices.Contains(quota.Departments, department) {
			continue
		}
		who := ""
		switch quota.Each {
		case "department":
			if department == "" {
				continue
			}
			who = department
		case "list":
			who = quota.Name
		}
		days := quota.used[who]
		if days == nil {
			days = map[archive.Day]uint64{}
			quota.used[who] = days
		}
		days[day] = plus(days[day], plus(d.UpBytes, d.DownBytes))
	}
}

// finish judges the host whose days were added, so that nothing is held of it but
// what is to be said.
func (m *measured) finish() {
	for i := range m.quotas {
		quota := &m.quotas[i]
		days := quota.used[""]
		if quota.Each != "host" || len(days) == 0 {
			continue
		}
		for _, s := range m.states(quota, days) {
			if t := m.q.hosts.of(m.host); t != nil && worse(&s, t.quota) {
				t.quota = &s
			}
			if s.State != QuotaKept {
				m.over = append(m.over, overHost{m.host, s})
			}
		}
		clear(days)
	}
}

// states are what there is to say of a subject: its worst day, or each month that
// the period has days of.
func (m *measured) states(quota *measuredQuota, days map[archive.Day]uint64) (states []QuotaState) {
	if quota.Period != "month" {
		return []QuotaState{m.state(quota, days)}
	}
	for month, used := range days {
		s := m.state(quota, map[archive.Day]uint64{month: used})
		last := archive.MonthOf(month).Last()
		if m.q.Period.To.Before(last) {
			last = m.q.Period.To
		}
		s.Day, s.Days = last.String(), 0
		states = append(states, s)
	}
	return states
}

// state is the worst day of a subject.
func (m *measured) state(quota *measuredQuota, days map[archive.Day]uint64) QuotaState {
	s := QuotaState{Quota: quota.Name, Period: quota.Period, Soft: uint64(quota.Soft), Hard: uint64(quota.Hard), State: QuotaKept}
	var worst archive.Day
	for day, used := range days {
		if bound := cmp.Or(s.Soft, s.Hard); used > bound {
			s.Days++
		}
		if worst.IsZero() || used > s.Used || used == s.Used && day.Before(worst) {
			worst, s.Used = day, used
		}
	}
	s.Day = worst.String()
	switch {
	case s.Hard > 0 && s.Used > s.Hard:
		s.State = QuotaHard
	case s.Soft > 0 && s.Used > s.Soft:
		s.State = QuotaSoft
	}
	s.Share = s.Part()
	return s
}

// severity orders states: a hard bound that is broken counts more than any
// share of a soft one.
func (s *QuotaState) severity() int {
	return slices.Index([]string{QuotaKept, QuotaSoft, QuotaHard}, s.State)
}

// worse says whether a is used more than b.
func worse(a, b *QuotaState) bool {
	return b == nil || cmp.Or(cmp.Compare(a.severity(), b.severity()), cmp.Compare(a.Share, b.Share)) > 0
}

// judge fills in the states of quotas, departments, and who is over.
func (q *question) judge(context.Context) error {
	if q.measured.err != nil {
		return q.measured.err
	}
	departments := q.sumDepartments()
	for _, over := range q.measured.over {
		o := Offender{Subject: "host", Name: over.addr.String(), QuotaState: over.QuotaState}
		if name := q.departments.of(over.addr); name != "" {
			o.Group = &name
		}
		if t := q.hosts.of(over.addr); t != nil { // else of the month, but not of the period
			for _, name := range t.named {
				o.Names = append(o.Names, name.Name)
			}
		}
		q.u.Offenders = append(q.u.Offenders, o)
	}
	for i := range q.measured.quotas {
		quota := &q.measured.quotas[i]
		for who, days := range quota.used {
			if quota.Each == "host" {
				continue
			}
			for _, s := range q.measured.states(quota, days) {
				if d := departments[who]; quota.Each == "department" && d != nil && worse(&s, d.Quota) {
					d.Quota = &s
				}
				if s.State != QuotaKept {
					q.u.Offenders = append(q.u.Offenders, Offender{Subject: quota.Each, Name: who, QuotaState: s})
				}
			}
		}
	}
	slices.SortFunc(q.u.Offenders, func(a, b Offender) int {
		return cmp.Or(cmp.Compare(b.severity(), a.severity()), cmp.Compare(b.Share, a.Share), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Quota, b.Quota), cmp.Compare(a.Day, b.Day))
	})
	for _, d := range departments {
		q.u.Departments = append(q.u.Departments, *d)
	}
	slices.SortFunc(q.u.Departments, func(a, b Department) int {
		return cmp.Or(cmp.Compare(b.Bytes(), a.Bytes()), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// sumDepartments sums hosts by department; without departments there is nothing.
func (q *question) sumDepartments() map[string]*Department {
	sums := map[string]*Department{}
	if len(q.departments.names) == 0 {
		return sums
	}
	for _, name := range q.departments.names {
		if q.Group == "" || q.Group == name {
			sums[name] = &Department{Name: name}
		}
	}
	for _, t := range q.hosts.order {
		name := ""
		if t.group >= 0 {
			name = q.departments.names[t.group]
		}
		d := sums[name]
		if d == nil {
			d = &Department{Name: name}
			sums[name] = d
		}
		d.Hosts++
		d.UpBytes = plus(d.UpBytes, t.up)
		d.DownBytes = plus(d.DownBytes, t.down)
		if q.shares {
			if d.ProxiedBytes == nil {
				d.ProxiedBytes = new(uint64)
			}
			*d.ProxiedBytes += t.proxied
		}
	}
	for _, d := range sums {
		d.Share = part(d.Bytes(), q.u.Totals.Bytes())
	}
	return sums
}
