package stages

import (
	"strings"
	"testing"

	"nfacct/cmd/internal/config"
	"nfacct/report"
)

// A department's mail says in its own language why one gets it.
func TestLetterSource(t *testing.T) {
	cfg := config.Default()
	cfg.Report.Language = "ru"
	cfg.Report.Departments = []report.Group{{Name: "Продажи", To: []string{"anna@example.net"}}}
	l, err := Letter(cfg, &report.Usage{Day: "2026-11-23", Timezone: "UTC", Group: "Продажи", Period: report.Period{Kind: report.KindDay}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.HTML, "отдел Продажи") || strings.Contains(l.HTML, "department") {
		t.Error(l.HTML)
	}
}
