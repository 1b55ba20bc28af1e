package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/report/mail"
)

// reportFlags are what the command line of report says.
type reportFlags struct {
	periodFlags
	format, output    string
	ends              []string // --to: a day, or addresses
	recipients        []string
	send, test, again bool
	dryRun            bool
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "who moved how much past the proxy in a day, week or month, printed or mailed",
		Long: `Prints the traffic of each host in a day, a week, a month or other days: up, down,
flows and peers, who is new or over quota, what nobody could be charged with, and
the books. A period that is not known, or not wholly, is reported as such:
INCOMPLETE with the reasons in text, "complete": false in JSON.

The forms html (a page for a browser), xlsx (a workbook with every host and hour) and
eml (the mail as it would be sent) are the same report. Text and html list at most
report.hosts_most hosts and sum up the others; json and xlsx have all. With --send it is mailed to the
recipients of the configuration, to each of them once: a ledger knows who has it.
What the server refuses for now (4xx) is tried again for a day, by nfacct run or the
next --send; a recipient or mail refused for good (5xx) is given up at once. While
the server cannot be reached or lets nobody in, all wait, for a month at most.
Exit code 3: some have it and some not; 75: nobody has it, and it is tried again;
1: nobody has it, and it is given up.`,
		Example: `  nfacct report
  nfacct report --day 2026-11-23 --format json --output monday.json
  nfacct report --week last --department accounts
  nfacct report --month 2026-11 --format xlsx --output november.xlsx
  nfacct report --test --to me@example.net
  nfacct report --send --dry-run
  nfacct report --send`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.split(); err != nil {
				return exit.Usage(err)
			}
			sends := f.send || f.test || len(f.recipients) > 0
			if sends && (cmd.Flags().Changed("format") || f.output != "") {
				return exit.Usage(errors.New("--send, --to and --test: a mail has its own form; leave --format and --output out"))
			}
			if a.json && !sends && !cmd.Flags().Changed("format") {
				f.format = "json"
			}
			return a.report(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	f.periodFlags.add(flags)
	flags.StringVar(&f.format, "format", "text", "text, html, json, xlsx or eml")
	flags.StringVar(&f.output, "output", "", "write to `FILE`, whole or not at all, instead of standard output")
	flags.BoolVar(&f.send, "send", false, "mail it to the recipients of the configuration, each of them once")
	flags.StringSliceVar(&f.ends, "to", nil, "the last `DAY` of --from, today when left out; or the address to mail it to instead")
	flags.BoolVar(&f.again, "again", false, "with --send or --to: also to those who have it already")
	flags.BoolVar(&f.test, "test", false, "mail a test message instead, and print what the server says")
	flags.BoolVar(&f.dryRun, "dry-run", false, "with --send or --to: only say to whom what would go")
	return cmd
}

// split tells the two meanings of --to apart: an address has an @ and a day has none.
func (f *reportFlags) split() error {
	for _, end := range f.ends {
		switch {
		case strings.Contains(end, "@"):
			f.recipients = append(f.recipients, end)
		case f.to != "":
			return fmt.Errorf("--to %s and --to %s: a range has one last day", f.to, end)
		default:
			f.to = end
		}
	}
	return nil
}

// check says what is wrong with the flags.
func (f *reportFlags) check(asJSON bool) error {
	if !slices.Contains([]string{"text", "html", "json", "xlsx", "eml"}, f.format) {
		return fmt.Errorf("--format %q: choose text, html, json, xlsx or eml", f.format)
	}
	sends := f.send || f.test || len(f.recipients) > 0
	if asJSON && !sends && f.format != "json" {
		return fmt.Errorf("--json and --format %s: leave one of the two out", f.format)
	}
	if f.again && !sends {
		return errors.New("--again: there is nothing to send; add --send or --to ADDRESS")
	}
	if f.dryRun && (!sends || f.test) {
		return errors.New("--dry-run: it is for --send or --to ADDRESS, without --test")
	}
	if f.to != "" && f.from == "" {
		return fmt.Errorf("--to: %q is no mail address, and the last day only of a range with --from", f.to)
	}
	for _, address := range f.recipients {
		if _, err := mail.ParseAddress(address); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	return nil
}

func (a *app) report(ctx context.Context, f *reportFlags) error {
	if err := f.check(a.json); err != nil {
		return exit.Usage(err)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	now := time.Now()
	p, err := f.period(now, cfg.Location())
	if err != nil {
		return exit.Usage(err)
	}
	if err := stages.CheckDepartment(cfg, f.department); err != nil {
		return exit.Usage(err)
	}
	sends := f.send || f.test || len(f.recipients) > 0
	if sends && !cfg.Mail.Enabled() {
		return exit.Usage(cfg.Wrong("mail", "there is no way to send mail", "set server, or sendmail, and from"))
	}
	if f.test {
		return a.testMail(ctx, cfg, f.recipients)
	}
	toFile := f.output != "" && f.output != "-"
	if !sends && !toFile && (f.format == "xlsx" || f.format == "eml") && terminal.Is(a.out) {
		return exit.Usage(fmt.Errorf("--format %s is not for a terminal: name a file with --output, or redirect standard output", f.format))
	}
	boundMemory()
	db, err := a.openToRead(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	if sends {
		return a.send(ctx, cfg, db, p, f)
	}
	usage, err := stages.Usage(ctx, cfg, db, a.log, p, f.department, now)
	if err != nil {
		return exit.Database(err)
	}
	render := func(w io.Writer) error { return stages.Render(w, cfg, usage, f.format, now) }
	if toFile {
		return terminal.WriteFile(f.output, render)
	}
	return render(a.out)
}

// reportMemory is what a report may take before garbage is collected all the time:
// there is none without a bound, however many hosts there are.
const reportMemory = 160 << 20

// boundMemory has the collector keep to reportMemory, unless GOMEMLIMIT says
// otherwise.
func boundMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(reportMemory)
	}
}
