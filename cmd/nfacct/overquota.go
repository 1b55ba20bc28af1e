package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/report"
	"nfacct/routeros"
)

// overQuota is who belongs on the address list of hosts over quota.
type overQuota struct {
	hosts []netip.Addr
	// unsettled says why there may be more of them; then nobody is taken off.
	unsettled string
	// disputed says why the flows do not suffice to act upon; then the list stays
	// as it is.
	disputed string
}

// overQuotaOn asks the report of a day who is over a host's quota: of the day, or
// of the month so far.
func (a *app) overQuotaOn(ctx context.Context, cfg *config.Config, db *archive.Archive, day archive.Day) (overQuota, error) {
	usage, err := stages.Day(ctx, cfg, db, a.log, day, time.Now())
	if err == nil {
		err = stages.StillLoading(usage)
	}
	if err != nil {
		return overQuota{}, err
	}
	over := overQuota{hosts: usage.HostsOver(), unsettled: usage.Unsettled()}
	reporter, err := report.New(cfg.Report, db, cfg.Location(), a.log)
	if err != nil {
		return overQuota{}, err
	}
	from := day
	if slices.ContainsFunc(cfg.Report.Quotas, func(q report.Quota) bool { return q.On() && q.Each == "host" && q.Period == "month" }) {
		from.Day = 1
	}
	over.disputed, err = reporter.Disputed(ctx, from, day, cfg.Provision.OverQuotaUncounted)
	return over, err
}

// plan plans the list of one router.
func (o *overQuota) plan(ctx context.Context, cfg *config.Config, d *routeros.Device) (routeros.ListPlan, error) {
	return d.PlanAddressList(ctx, cfg.Provision.OverQuotaList, o.hosts, o.unsettled != "")
}

// hostQuotas says whether any quota is of hosts: else nobody is ever listed.
func hostQuotas(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Report.Quotas, func(q report.Quota) bool { return q.On() && q.Each == "host" })
}

// overQuotaJob makes the job that keeps the list on every router. One that cannot
// be reached does not hold up the others, and is tried again.
func (a *app) overQuotaJob(cfg *config.Config, db *archive.Archive, routers []config.Router) func(context.Context, string) error {
	return func(ctx context.Context, period string) error {
		p, err := report.ParsePeriod(report.KindDay, period, cfg.Location())
		if err != nil {
			return err
		}
		over, err := a.overQuotaOn(ctx, cfg, db, p.From)
		if err != nil {
			return err
		}
		if over.disputed != "" {
			a.log.Warn("the list of hosts over quota stays as it is", "day", p.From, "why", over.disputed)
			return nil
		}
		if over.unsettled != "" {
			a.log.Warn("nobody is taken off the list of hosts over quota, as more may be", "day", p.From, "why", over.unsettled)
		}
		failed := a.listOverQuota(ctx, cfg, routers, &over)
		return stages.RoutersError(routers, failed)
	}
}

// listOverQuota makes the lists of routers what they should be. What failed is
// given by the router's place.
func (a *app) listOverQuota(ctx context.Context, cfg *config.Config, routers []config.Router, over *overQuota) []error {
	failed := make([]error, len(routers))
	routeros.Each(ctx, len(routers), cfg.Provision.Parallel, cfg.Provision.Deadline, func(ctx context.Context, i int) {
		name := routers[i].Name
		failed[i] = routeros.Use(ctx, routers[i].Config, a.log, func(ctx context.Context, d *routeros.Device) error {
			plan, err := over.plan(ctx, cfg, d)
			if err != nil {
				return err
			}
			for _, note := range plan.Notes {
				a.log.Info("list of hosts over quota", "router", name, "note", note)
			}
			if err := d.Apply(ctx, plan.Changes); err != nil {
				return err
			}
			for _, change := range plan.Changes {
				a.log.Info("list of hosts over quota", "router", name, "written", change.Command())
			}
			return nil
		})
	})
	return failed
}

// overQuotaNow is who is over quota by the report of yesterday, for provisioning,
// which goes on without: nil, and why it is not known.
func (a *app) overQuotaNow(ctx context.Context, cfg *config.Config) (*overQuota, string) {
	if !cfg.Database.Exists() {
		return nil, "there is no database yet"
	}
	db, err := a.openDatabase(ctx, cfg)
	if err != nil {
		return nil, err.Error()
	}
	defer db.Close()
	over, err := a.overQuotaOn(ctx, cfg, db, archive.DayOf(time.Now().In(cfg.Location())).Add(-1))
	if err != nil {
		return nil, err.Error()
	}
	if over.disputed != "" {
		return nil, over.disputed
	}
	return &over, ""
}

// list plans the list of hosts over quota, to be written behind everything else.
func (p *provisioning) list(ctx context.Context, d *routeros.Device) ([]routeros.Change, error) {
	list := p.cfg.Provision.OverQuotaList
	if list == "" {
		return nil, nil
	}
	r := &p.result
	if p.over == nil {
		if p.unknown != "" {
			r.Notes = append(r.Notes, fmt.Sprintf("the address list %s stays as it is, since who is over quota is not known: %s", list, p.unknown))
		}
		return nil, nil
	}
	plan, err := p.over.plan(ctx, p.cfg, d)
	if err != nil {
		return nil, err
	}
	r.add(plan.Changes, "")
	r.Notes = append(r.Notes, plan.Notes...)
	note := fmt.Sprintf("the address list %s holds the %d hosts over quota yesterday", list, len(p.over.hosts))
	if plan.Others > 0 {
		note += fmt.Sprintf(", and %d entries that are not nfacct's", plan.Others)
	}
	switch {
	case plan.Kept > 0:
		note += fmt.Sprintf("; %d of before stay, since more may be over it: %s", plan.Kept, p.over.unsettled)
	case !hostQuotas(p.cfg):
		note += `; no quota is of hosts, so there are none: add a [[report.quota]] with each = "host"`
	}
	r.Notes = append(r.Notes, note, fmt.Sprintf("what happens to them is yours to say, as in /ip firewall filter add chain=forward src-address-list=%s action=reject", list))
	return plan.Changes, nil
}

// unlist plans that the list has nothing of ours any more.
func (p *provisioning) unlist(ctx context.Context, d *routeros.Device) ([]routeros.Change, error) {
	list := p.cfg.Provision.OverQuotaList
	if list == "" {
		return nil, nil
	}
	plan, err := p.over.plan(ctx, p.cfg, d)
	if err != nil {
		return nil, err
	}
	if len(plan.Changes) > 0 {
		p.result.Notes = append(p.result.Notes, fmt.Sprintf("nfacct run fills the address list %s again after the next report, unless provision.over_quota_list is emptied", list))
	}
	return plan.Changes, nil
}
