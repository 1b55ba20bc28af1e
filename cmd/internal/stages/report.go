package stages

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/build"
	"nfacct/cmd/internal/config"
	"nfacct/importer"
	"nfacct/importer/rules"
	"nfacct/report"
	"nfacct/report/mail"
)

// Usage is the report of a period as it can be made now, of a department's hosts or
// of all.
func Usage(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, period report.Period, department string, now time.Time) (*report.Usage, error) {
	// First the files that wait: a file that is imported meanwhile is then in doubt,
	// and its records are not in the figures unannounced.
	pending, err := importer.Pending(ctx, db.Reader().LoadedNames, cfg.Spool.Folder, cfg.Location(), period.From, period.To)
	if err != nil {
		return nil, err
	}
	reporter, err := report.New(cfg.Report, db, cfg.Location(), log)
	if err != nil {
		return nil, err
	}
	q := report.Request{Period: period, Group: department, Now: now, Pending: pending, Version: build.Program(), Rules: effectiveRules(cfg)}
	for _, router := range cfg.Routers {
		q.Routers = append(q.Routers, router.Name)
		for _, proxy := range router.Proxies {
			q.Proxies = append(q.Proxies, netip.Addr(proxy))
		}
	}
	return reporter.Usage(ctx, q)
}

// Day is the report of a day, of all hosts.
func Day(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, day archive.Day, now time.Time) (*report.Usage, error) {
	return Usage(ctx, cfg, db, log, report.DayPeriod(day, cfg.Location()), "", now)
}

// StillLoading is the error that holds a report back from files and mails: a mail
// cannot be taken back, and the next try is soon.
func StillLoading(u *report.Usage) error {
	if days := u.Loading(); days != "" {
		return fmt.Errorf("an import is loading %s: the report waits until that is over", days)
	}
	return nil
}

// effectiveRules are the rules in force.
func effectiveRules(cfg *config.Config) []report.Rule {
	var found []report.Rule
	for _, rule := range rules.Effective(cfg.Importer.Rules) {
		if rule.On() {
			var terms []report.RuleTerm
			for _, term := range rule.Terms() {
				terms = append(terms, report.RuleTerm(term))
			}
			found = append(found, report.NewRule(rule.Name, terms))
		}
	}
	return found
}

// CheckDepartment says whether the department exists.
func CheckDepartment(cfg *config.Config, department string) error {
	if department == "" {
		return nil
	}
	var names []string
	for _, d := range cfg.Report.Departments {
		if d.Name == department {
			return nil
		}
		names = append(names, d.Name)
	}
	if names == nil {
		return fmt.Errorf("--department %s: no departments are configured: add a [[report.department]]", department)
	}
	return fmt.Errorf("--department %s: there is no such department; there are %s", department, strings.Join(names, ", "))
}

// Addressees are those who get reports.
func Addressees(cfg *config.Config) mail.Addressees {
	return mail.Addressees{Config: cfg.Mail, Departments: cfg.Report.Departments}
}

// Letter renders a report as it is mailed; asked is for a recipient who is not of the
// configuration.
func Letter(cfg *config.Config, usage *report.Usage, asked bool) (*mail.Letter, error) {
	words, err := cfg.Report.Phrases()
	if err != nil {
		return nil, err
	}
	return Addressees(cfg).Letter(usage, words, asked)
}

// Outbox makes letters of the reports that the ledger asks for.
func Outbox(cfg *config.Config, db *archive.Archive, log *slog.Logger) (*mail.Outbox, error) {
	return mail.NewOutbox(cfg.Mail, db.Mails(), Addressees(cfg).Wanted, func(ctx context.Context, m archive.Mail) (*mail.Letter, error) {
		usage, err := mailed(ctx, cfg, db, log, m.Report, m.Period, m.Department)
		if err != nil {
			return nil, err
		}
		if err := StillLoading(usage); err != nil {
			return nil, err
		}
		return Letter(cfg, usage, m.Asked)
	}, log)
}

// mailed is the report that a mail is about.
func mailed(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, kind, period, department string) (*report.Usage, error) {
	p, err := report.ParsePeriod(kind, period, cfg.Location())
	if err != nil {
		return nil, err
	}
	// The report of a department that is gone would show everything, or nothing.
	if err := CheckDepartment(cfg, department); err != nil {
		return nil, err
	}
	return Usage(ctx, cfg, db, log, p, department, time.Now())
}

// Subject is the subject of a mail, or why the mail would be held back.
func Subject(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger) func(kind, period, department string) (subject, held string, err error) {
	return func(kind, period, department string) (subject, held string, err error) {
		if err := CheckDepartment(cfg, department); err != nil {
			return "", report.Clean(err.Error()), nil
		}
		usage, err := mailed(ctx, cfg, db, log, kind, period, department)
		if err != nil {
			return "", "", err
		}
		if err := StillLoading(usage); err != nil {
			return "", err.Error(), nil
		}
		l, err := Letter(cfg, usage, false)
		if err != nil {
			return "", "", err
		}
		return l.Subject, "", nil
	}
}
