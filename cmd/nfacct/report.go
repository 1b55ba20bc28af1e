package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/collector/spool"
	"nfacct/report"
	"nfacct/report/mail"
)

// reportFlags are what the command line of report says.
type reportFlags struct {
	day, format, output string
	to                  []string
	department          string
	send, test, again   bool
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "who moved how much past the proxy on a day, printed or mailed",
		Long: `Prints the traffic of each host on a day: up, down, flows and peers, what nobody
could be charged with, and the books. A day that is not known, or not wholly, is
reported as such: INCOMPLETE with the reasons in text, "complete": false in JSON.

The forms html (for a browser), xlsx (a workbook with every host and hour) and eml
(the mail as it would be sent) are the same report. With --send it is mailed to the
recipients of the configuration, to each of them once: a ledger knows who has it.
What cannot be sent is tried again for a day, by nfacct run or the next --send.`,
		Example: `  nfacct report
  nfacct report --day 2026-11-23 --format json --output monday.json
  nfacct report --format xlsx --output yesterday.xlsx
  nfacct report --test --to me@example.net
  nfacct report --send`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sends := f.send || f.test || len(f.to) > 0
			if sends && (cmd.Flags().Changed("format") || f.output != "") {
				return usageError(errors.New("--send, --to and --test: a mail has its own form; leave --format and --output out"))
			}
			if a.json && !sends && !cmd.Flags().Changed("format") {
				f.format = "json"
			}
			return a.report(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.day, "day", "yesterday", "the `DAY`: 2026-11-23, today or yesterday")
	flags.StringVar(&f.format, "format", "text", "text, html, json, xlsx or eml")
	flags.StringVar(&f.output, "output", "", "write to `FILE`, whole or not at all, instead of standard output")
	flags.BoolVar(&f.send, "send", false, "mail it to the recipients of the configuration, each of them once")
	flags.StringSliceVar(&f.to, "to", nil, "mail it to this `ADDRESS` instead")
	flags.BoolVar(&f.again, "again", false, "with --send or --to: also to those who have it already")
	flags.BoolVar(&f.test, "test", false, "mail a test message instead, and print what the server says")
	return cmd
}

// check says what is wrong with the flags.
func (f *reportFlags) check(asJSON bool) error {
	if !slices.Contains([]string{"text", "html", "json", "xlsx", "eml"}, f.format) {
		return fmt.Errorf("--format %q: choose text, html, json, xlsx or eml", f.format)
	}
	sends := f.send || f.test || len(f.to) > 0
	if asJSON && !sends && f.format != "json" {
		return fmt.Errorf("--json and --format %s: leave one of the two out", f.format)
	}
	if f.again && !sends {
		return errors.New("--again: there is nothing to send; add --send or --to ADDRESS")
	}
	for _, address := range f.to {
		if _, err := mail.ParseAddress(address); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	return nil
}

func (a *app) report(ctx context.Context, f *reportFlags) error {
	if err := f.check(a.json); err != nil {
		return usageError(err)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	now := time.Now()
	day, err := archive.ParseDay(f.day, now, cfg.Location())
	if err != nil {
		return usageError(fmt.Errorf("--day: %w", err))
	}
	p := dayPeriod(day, cfg.Location())
	sends := f.send || f.test || len(f.to) > 0
	if sends && !cfg.Mail.Enabled() {
		return usageError(cfg.Wrong("mail", "there is no way to send mail", "set server, or sendmail, and from"))
	}
	if f.test {
		return a.testMail(ctx, cfg, f.to)
	}
	db, err := archive.Open(ctx, cfg.Database, a.log)
	if err != nil {
		return databaseError(cfg.FolderProblem(err))
	}
	defer db.Close()
	if sends {
		return a.send(ctx, cfg, db, p, f)
	}
	usage, err := a.usage(ctx, db, cfg, p, f.department, now)
	if err != nil {
		return databaseError(err)
	}
	data, err := a.render(cfg, usage, f.format, now)
	if err != nil {
		return err
	}
	if f.output != "" && f.output != "-" {
		return writeFile(f.output, data)
	}
	_, err = a.out.Write(data)
	return err
}

// render is a usage in one of the forms.
func (a *app) render(cfg *config.Config, usage *report.Usage, format string, now time.Time) ([]byte, error) {
	var b bytes.Buffer
	switch format {
	case "json":
		encoder := json.NewEncoder(&b)
		encoder.SetIndent("", "  ")
		err := encoder.Encode(usage)
		return b.Bytes(), err
	case "text":
		err := usage.WriteText(&b)
		return b.Bytes(), err
	}
	l, err := a.letter(cfg, usage, usage.Group)
	if err != nil {
		return nil, err
	}
	switch format {
	case "html":
		b.WriteString(l.Page())
	case "xlsx":
		b.Write(l.Workbook)
	case "eml":
		err = writeEML(&b, cfg, l, usage, now)
	}
	return b.Bytes(), err
}

// writeEML writes the mail as the first recipient would get it; addresses that the
// configuration does not name are stood in for.
func writeEML(w io.Writer, cfg *config.Config, l *mail.Letter, usage *report.Usage, now time.Time) error {
	e := mail.Envelope{From: cmp.Or(cfg.Mail.From, "nfacct <nfacct@nfacct.invalid>"), ReplyTo: cfg.Mail.ReplyTo, To: "head@nfacct.invalid", Date: now}
	if to := cfg.Mail.Recipients(usage.Period.Kind); len(to) > 0 {
		e.To = to[0]
	}
	e.MessageID = mail.MessageID(e.From, usage.Period.Kind, mail.Key(usage.Period), usage.Group, e.To, 0)
	msg, err := l.Message(e)
	if err != nil {
		return err
	}
	_, err = msg.WriteTo(w)
	return err
}

// writeFile writes a file whole or not at all. What is no ordinary file, such as
// /dev/null or a named pipe, is written to and not replaced, and a link goes on
// pointing where it did.
func writeFile(name string, text []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	write := func() error { return renameio.WriteFile(name, text, 0o640) }
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		write = func() error { return os.WriteFile(name, text, 0o640) }
	}
	if err := write(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// dailyUsage is the report of a day as it can be made at this time.
func dailyUsage(ctx context.Context, db *archive.Archive, cfg *config.Config, day archive.Day, now time.Time) (*report.Usage, error) {
	// First what waits: a file that is imported meanwhile is then in doubt, and
	// none is in the figures that was not.
	pending, err := pendingFiles(ctx, db, cfg, day, day)
	if err != nil {
		return nil, err
	}
	return report.Daily(ctx, db, day, cfg.Location(), report.Options{Now: now, Pending: pending})
}

// pendingFiles lists the sealed spool files that may hold something of the days
// from..to and are not in the archive. The first file after them is one: flows are
// exported up to a minute or so after their last packet.
func pendingFiles(ctx context.Context, db *archive.Archive, cfg *config.Config, from, to archive.Day) ([]string, error) {
	files, err := spool.ListSealed(cfg.Spool.Folder)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	names, err := db.LoadedNames(ctx)
	if err != nil {
		return nil, err
	}
	loaded := make(map[string]bool, len(names))
	for _, name := range names {
		loaded[name] = true
	}
	calendar := archive.NewCalendar(cfg.Location())
	start, _ := calendar.Bounds(from)
	_, end := calendar.Bounds(to)
	var pending []string
	for _, file := range files {
		if !loaded[file.Name] && !file.Start.Before(start) && file.Start.Before(end.Add(spool.SlotLength)) {
			pending = append(pending, file.Name)
		}
	}
	return pending, nil
}
