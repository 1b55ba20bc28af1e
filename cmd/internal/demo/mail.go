package demo

import (
	"io"
	"os"
	"path/filepath"
	"time"

	"nfacct/cmd/internal/stages"
	"nfacct/collector/spool"
)

// mail writes the report of the day as it would be mailed: the message itself, its
// page for a browser, its text and its workbook, beside where the daemon writes its
// reports.
func (d *Demo) mail(now time.Time) error {
	start := time.Now()
	usage := d.Result.Report
	folder := filepath.Join(filepath.Dir(d.Result.Config), StateName, "reports")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	name := filepath.Join(folder, usage.Period.Key())
	for _, form := range []struct{ format, ending string }{{"text", ".txt"}, {"html", ".html"}, {"xlsx", ".xlsx"}, {"eml", ".eml"}} {
		err := spool.WriteFileBy(name+form.ending, 0o640, func(w io.Writer) error { return stages.Render(w, d.Config, usage, form.format, now) })
		if err != nil {
			return err
		}
	}
	d.Result.Mail = name + ".eml"
	d.step("mail", time.Since(start).Seconds(), "%s.eml; its page .html, workbook .xlsx and text .txt", name)
	return nil
}
