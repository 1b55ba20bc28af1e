package main

import (
	"errors"
	"fmt"
	"strings"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/terminal"
	"nfacct/report/health"
)

// sayFindings prints what is wrong, and is an error when anything fails.
func (a *app) sayFindings(findings []health.Finding, cfg *config.Config) error {
	var failed []error
	said := false
	for _, found := range findings {
		if found.Level == health.OK {
			continue
		}
		text := fmt.Sprintf("%s: %s", found.Subject, found.Text)
		if !found.Since.IsZero() {
			text += " (since " + found.Since.In(cfg.Location()).Format("2006-01-02 15:04:05") + ")"
		}
		text = strings.ReplaceAll(text, "\n", "; ")
		if found.Level == health.Fail {
			failed = append(failed, errors.New(text+"; "+found.Remedy))
		}
		if a.json {
			continue
		}
		if !said {
			fmt.Fprintln(a.out)
			said = true
		}
		fmt.Fprintf(a.out, "%-4s  %s\n      %s\n", found.Level, terminal.Printable(text), found.Remedy)
	}
	if len(failed) == 0 {
		return nil
	}
	if !a.json && len(failed) > 1 {
		return fmt.Errorf("%d findings fail", len(failed))
	}
	return errors.Join(failed...)
}
