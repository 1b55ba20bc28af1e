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
	err    error
}

type measuredQuota struct {
	*Quota
	scope *set // nil: everybody
	// used is by subject and day; of a month's quota by the month's first day.
	used map[subject]map[archive.Day]uint64
}

// subject is a host, or the name of a department or list.
type subject struct {
	addr netip.Addr
	name string
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
		one := measuredQuota{Quota: quota, used: map[subject]map[archive.Day]uint64{}}
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
		who := subject{addr: d.Host}
		switch quota.Each {
		case "department":
			if department == "" {
				continue
			}
			who = subject{name: department}
		case "list":
			who = subject{name: quota.Name}
		}
		days := quota.used[who]
		if days == nil {
			days = map[archive.Day]uint64{}
			quota.used[who] = days
		}
		days[day] += d.UpBytes + d.DownBytes
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
	for i := range q.measured.quotas {
		quota := &q.measured.quotas[i]
		for who, days := range quota.used {
			for _, s := range q.measured.states(quota, days) {
				q.judgeOne(quota, who, s, departments)
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

// judgeOne notes a state with whom it is of.
func (q *question) judgeOne(quota *measuredQuota, who subject, s QuotaState, departments map[string]*Department) {
	o := Offender{Subject: quota.Each, Name: who.name, QuotaState: s}
	switch quota.Each {
	case "host":
		o.Name = who.addr.String()
		if h := q.byAddr[who.addr]; h != nil {
			if o.Names, o.Group = h.Names, h.Group; worse(&s, h.Quota) {
				h.Quota = &s
			}
		} else if name := q.departments.of(who.addr); name != "" { // of the month, but not of the period
			o.Group = &name
		}
	case "department":
		if d := departments[who.name]; d != nil && worse(&s, d.Quota) {
			d.Quota = &s
		}
	}
	if s.State != QuotaKept {
		q.u.Offenders = append(q.u.Offenders, o)
	}
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
	for i := range q.u.Hosts {
		h := &q.u.Hosts[i]
		name := ""
		if h.Group != nil {
			name = *h.Group
		}
		d := sums[name]
		if d == nil {
			d = &Department{Name: name}
			sums[name] = d
		}
		d.Hosts++
		d.UpBytes += h.UpBytes
		d.DownBytes += h.DownBytes
		if h.ProxiedBytes != nil {
			if d.ProxiedBytes == nil {
				d.ProxiedBytes = new(uint64)
			}
			*d.ProxiedBytes += *h.ProxiedBytes
		}
	}
	for _, d := range sums {
		d.Share = part(d.Bytes(), q.u.Totals.Bytes())
	}
	return sums
}
