package stages

import (
	"context"
	"log/slog"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/report"
	"nfacct/report/query"
)

// Setting is what names of the configuration mean in a question.
func Setting(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger) (*query.Setting, error) {
	now := time.Now()
	s := &query.Setting{Location: cfg.Location(), Now: now, Services: func(name string) (codes []query.Service) {
		for _, code := range report.ParseService(name) {
			codes = append(codes, query.Service(code))
		}
		return codes
	}}
	known, err := db.Routers().Names(ctx)
	if err != nil {
		return nil, err
	}
	s.Routers = map[string]uint16{}
	for id, name := range known {
		s.Routers[name] = id
	}
	reporter, err := report.New(cfg.Report, db, cfg.Location(), log)
	if err != nil {
		return nil, err
	}
	var routers []string
	for _, router := range cfg.Routers {
		routers = append(routers, router.Name)
	}
	territories, err := reporter.Territories(ctx, routers, now)
	if err != nil {
		return nil, err
	}
	for _, t := range territories {
		d := query.Department{Name: t.Department}
		for _, r := range t.Ranges {
			d.Ranges = append(d.Ranges, query.Range{From: r[0], To: r[1]})
		}
		s.Departments = append(s.Departments, d)
	}
	return s, nil
}
