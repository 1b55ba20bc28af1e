package provision

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/report"
	"nfacct/routeros"
)

// OverQuota are the hosts that belong on the address list of hosts over quota.
type OverQuota struct {
	hosts []netip.Addr
	// unsettled says why there may be more of them; then none is taken off.
	unsettled string
	// disputed says why the flows do not suffice to act upon; then the list stays
	// as it is.
	disputed string
}

// overQuotaOn finds the hosts over quota in the report of a day: over the quota of the
// day, or of the month so far.
func overQuotaOn(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, day archive.Day) (OverQuota, error) {
	usage, err := stages.Day(ctx, cfg, db, log, day, time.Now())
	if err == nil {
		err = stages.StillLoading(usage)
	}
	if err != nil {
		return OverQuota{}, err
	}
	over := OverQuota{hosts: usage.HostsOver(), unsettled: usage.Unsettled()}
	reporter, err := report.New(cfg.Report, db, cfg.Location(), log)
	if err != nil {
		return OverQuota{}, err
	}
	from := day
	if slices.ContainsFunc(cfg.Report.Quotas, func(q report.Quota) bool { return q.On() && q.Each == "host" && q.Period == "month" }) {
		from.Day = 1
	}
	over.disputed, err = reporter.Disputed(ctx, from, day, cfg.Provision.OverQuotaUncounted)
	return over, err
}

// plan plans the list of one router.
func (o *OverQuota) plan(ctx context.Context, cfg *config.Config, d *routeros.Device) (routeros.ListPlan, error) {
	return d.PlanAddressList(ctx, cfg.Provision.OverQuotaList, o.hosts, o.unsettled != "")
}

// hostQuotas says whether any quota is of hosts: else none is ever listed.
func hostQuotas(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Report.Quotas, func(q report.Quota) bool { return q.On() && q.Each == "host" })
}

// OverQuotaJob keeps the list on every router, by the report of a day. A router that
// cannot be reached does not hold up the others, and is tried again.
func OverQuotaJob(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, routers []config.Router, period string) error {
	p, err := report.ParsePeriod(report.KindDay, period, cfg.Location())
	if err != nil {
		return err
	}
	over, err := overQuotaOn(ctx, cfg, db, log, p.From)
	if err != nil {
		return err
	}
	if over.disputed != "" {
		log.Warn("the list of hosts over quota stays as it is", "day", p.From, "why", over.disputed)
		return nil
	}
	if over.unsettled != "" {
		log.Warn("nobody is taken off the list of hosts over quota, as more may be", "day", p.From, "why", over.unsettled)
	}
	return stages.RoutersError(routers, over.list(ctx, cfg, log, routers))
}

// list makes the lists of routers what they should be. A router's error stands at its
// place.
func (o *OverQuota) list(ctx context.Context, cfg *config.Config, log *slog.Logger, routers []config.Router) []error {
	failed := make([]error, len(routers))
	routeros.Each(ctx, len(routers), cfg.Provision.Parallel, cfg.Provision.Deadline, func(ctx context.Context, i int) {
		name := routers[i].Name
		failed[i] = routeros.Use(ctx, routers[i].Config, log, func(ctx context.Context, d *routeros.Device) error {
			plan, err := o.plan(ctx, cfg, d)
			if err != nil {
				return err
			}
			for _, note := range plan.Notes {
				log.Info("list of hosts over quota", "router", name, "note", note)
			}
			if err := d.Apply(ctx, plan.Changes); err != nil {
				return err
			}
			for _, change := range plan.Changes {
				log.Info("list of hosts over quota", "router", name, "written", change.Command())
			}
			return nil
		})
	})
	return failed
}

// OverQuotaNow are the hosts over quota by the report of yesterday. Provisioning goes
// on when they are not known: nil, and the reason.
func OverQuotaNow(ctx context.Context, cfg *config.Config, log *slog.Logger) (*OverQuota, string) {
	if !cfg.Database.Exists() {
		return nil, "there is no database yet"
	}
	db, err := stages.Open(ctx, cfg, log)
	if err != nil {
		return nil, err.Error()
	}
	defer db.Close()
	over, err := overQuotaOn(ctx, cfg, db, log, archive.DayOf(time.Now().In(cfg.Location())).Add(-1))
	if err != nil {
		return nil, err.Error()
	}
	if over.disputed != "" {
		return nil, over.disputed
	}
	return &over, ""
}

// list plans the list of hosts over quota, to be written behind everything else.
func (p *Provisioning) list(ctx context.Context, d *routeros.Device) ([]routeros.Change, error) {
	list := p.Config.Provision.OverQuotaList
	if list == "" {
		return nil, nil
	}
	r := &p.result
	if p.Over == nil {
		if p.Unknown != "" {
			r.Notes = append(r.Notes, fmt.Sprintf("the address list %s stays as it is, since who is over quota is not known: %s", list, p.Unknown))
		}
		return nil, nil
	}
	plan, err := p.Over.plan(ctx, p.Config, d)
	if err != nil {
		return nil, err
	}
	r.add(plan.Changes, "")
	r.Notes = append(r.Notes, plan.Notes...)
	note := fmt.Sprintf("the address list %s holds the %d hosts over quota yesterday", list, len(p.Over.hosts))
	if plan.Others > 0 {
		note += fmt.Sprintf(", and %d entries that are not nfacct's", plan.Others)
	}
	switch {
	case plan.Kept > 0:
		note += fmt.Sprintf("; %d of before stay, since more may be over it: %s", plan.Kept, p.Over.unsettled)
	case !hostQuotas(p.Config):
		note += `; no quota is of hosts, so there are none: add a [[report.quota]] with each = "host"`
	}
	r.Notes = append(r.Notes, note, fmt.Sprintf("what happens to them is yours to say, as in /ip firewall filter add chain=forward src-address-list=%s action=reject", list))
	return plan.Changes, nil
}

// unlist plans that the list has nothing of ours any more.
func (p *Provisioning) unlist(ctx context.Context, d *routeros.Device) ([]routeros.Change, error) {
	list := p.Config.Provision.OverQuotaList
	if list == "" {
		return nil, nil
	}
	plan, err := p.Over.plan(ctx, p.Config, d)
	if err != nil {
		return nil, err
	}
	if len(plan.Changes) > 0 {
		p.result.Notes = append(p.result.Notes, fmt.Sprintf("nfacct run fills the address list %s again after the next report, unless provision.over_quota_list is emptied", list))
	}
	return plan.Changes, nil
}
