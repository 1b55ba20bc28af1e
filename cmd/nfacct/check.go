package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
	"nfacct/report/health"
)

func (a *app) checkCommand() *cobra.Command {
	var nagios bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "everything that can be wrong, each with its remedy",
		Long: `Looks at everything that can be wrong: collector, routers, losses, imports, books and
coverage of yesterday, jobs, mails, room on disk. Each finding is ok, warn or fail, with
its remedy. It is silent when all is well; exit code 1 when anything fails.

With --nagios the first line is what Nagios, Icinga and Zabbix agents read, with
performance data, and the exit codes are theirs: 0 ok, 1 warning, 2 critical, 3 unknown.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.check(c.Context(), nagios, time.Now()) },
	}
	cmd.Flags().BoolVar(&nagios, "nagios", false, "output and exit codes of a Nagios plugin")
	return cmd
}

func (a *app) check(ctx context.Context, nagios bool, now time.Time) error {
	var findings []health.Finding
	cfg, err := a.config()
	if err == nil {
		findings, err = a.daemon().Check(ctx, cfg, now)
	}
	switch {
	case nagios && err != nil:
		fmt.Fprintf(a.out, "NFACCT UNKNOWN - %s\n", oneLine(err.Error()))
		return exit.With(exit.NagiosUnknown, errSaid)
	case err != nil:
		return err
	case a.json:
		if err := a.printJSON(findings); err != nil {
			return err
		}
		return failing(findings)
	case nagios:
		return a.sayNagios(findings)
	}
	for _, f := range findings {
		if f.Level != health.OK {
			fmt.Fprintf(a.out, "%-4s  %s: %s\n      %s\n", f.Level, f.Subject, oneLine(f.Text), f.Remedy)
		}
	}
	return failing(findings)
}

// failing is the exit code of findings that fail; they are printed already.
func failing(findings []health.Finding) error {
	if health.Worst(findings) == health.Fail {
		return exit.With(exit.CodeFailed, errSaid)
	}
	return nil
}

// sayNagios prints as Monitoring Plugins do: a line with performance data, then a line
// for each finding.
func (a *app) sayNagios(findings []health.Finding) error {
	word, code := map[health.Level]string{health.OK: "OK", health.Warn: "WARNING", health.Fail: "CRITICAL"}, map[health.Level]int{health.Warn: exit.NagiosWarning, health.Fail: exit.NagiosCritical}
	count := map[health.Level]int{}
	first := "all is well"
	for i, f := range findings {
		count[f.Level]++
		if i == 0 && f.Level != health.OK {
			first = f.Subject + ": " + oneLine(f.Text)
		}
	}
	worst := health.Worst(findings)
	// The bar divides text from performance data.
	fmt.Fprintf(a.out, "NFACCT %s - %s | fail=%d;;1 warn=%d;1\n", word[worst], strings.ReplaceAll(first, "|", "/"), count[health.Fail], count[health.Warn])
	for _, f := range findings {
		if f.Level != health.OK {
			fmt.Fprintf(a.out, "%s %s: %s; %s\n", word[f.Level], f.Subject, strings.ReplaceAll(oneLine(f.Text), "|", "/"), oneLine(f.Remedy))
		}
	}
	if worst == health.OK {
		return nil
	}
	return exit.With(code[worst], errSaid)
}

func oneLine(text string) string {
	return strings.ReplaceAll(terminal.Printable(text), "\n", "; ")
}
