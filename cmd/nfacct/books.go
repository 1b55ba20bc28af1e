package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector/spool"
	"nfacct/importer"
)

func (a *app) booksCommand() *cobra.Command {
	var days dayFlags
	cmd := &cobra.Command{
		Use:   "books",
		Short: "the day's balance: where every record of each router ended",
		Long: `Prints for each router what it sent on the day and where every record ended: in
one class, left out by one rule, or in the tables; and holds that against the
rows that are there now and their sums. Exit code 1 when a book does not balance.
Without flags it is yesterday's.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.books(cmd.Context(), days) },
	}
	days.add(cmd.Flags(), "print the books of this `DAY`: 2026-11-23, today or yesterday")
	return cmd
}

func (a *app) books(ctx context.Context, flags dayFlags) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	days, err := flags.days(time.Now(), cfg.Location())
	if err != nil {
		return exit.Usage(err)
	}
	if len(days) == 0 {
		days = []archive.Day{archive.DayOf(time.Now().In(cfg.Location())).Add(-1)}
	}
	db, err := a.openToRead(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	from, to := days[0], days[len(days)-1]
	var books []archive.Book
	loading, err := db.Steadily(ctx, days, func() (err error) {
		books, err = db.Reader().Audit(ctx, from, to)
		return err
	})
	if err != nil {
		return exit.Database(err)
	}
	if len(loading) > 0 {
		return exit.Temporary(fmt.Errorf("%s is being loaded now; ask again when the import is over", loading[0]))
	}
	if err := a.printBooks(books, days); err != nil {
		return err
	}
	aside, err := spool.ReadAside(cfg.Spool.Folder)
	if err != nil {
		return err
	}
	sealed, err := spool.ListSealed(cfg.Spool.Folder)
	if err != nil {
		return err
	}
	covers := importer.Covers(cfg.Location(), from, to)
	for _, file := range sealed {
		i := slices.IndexFunc(aside, func(a spool.Aside) bool { return a.Set && a.File == file.Name })
		if i >= 0 && covers(file) && !a.json {
			fmt.Fprintf(a.out, "\nset aside %s: %s; its records are missing\n", file.Name, terminal.Printable(aside[i].Reason))
		}
	}
	var off []error
	for _, b := range books {
		if b.Difference != "" {
			off = append(off, fmt.Errorf("%s %s does not balance: %s", b.Day, b.Router, b.Difference))
		}
	}
	return errors.Join(off...)
}

func (a *app) printBooks(books []archive.Book, days []archive.Day) error {
	if a.json {
		if books == nil {
			books = []archive.Book{}
		}
		return a.printJSON(books)
	}
	for _, day := range days {
		if !slices.ContainsFunc(books, func(b archive.Book) bool { return b.Day == day }) {
			fmt.Fprintf(a.out, "%s: nothing was imported; this is no day without traffic, but one without data\n", day)
		}
	}
	for i := range books {
		printBook(a.out, &books[i])
	}
	return nil
}

// printBook prints a book for people.
func printBook(w io.Writer, b *archive.Book) {
	fmt.Fprintf(w, "\n%s %s: %s, %s in %s\n", b.Day, b.Router,
		terminal.Plural(b.Records, "record"), terminal.Bytes(b.Bytes), terminal.Plural(b.Datagrams, "datagram"))
	wide := 20
	for name := range b.Rules {
		wide = max(wide, len(name))
	}
	line := func(kind, name string, c archive.Counts) {
		if c.Records == 0 && c.Bytes == 0 {
			return
		}
		records := "records"
		if c.Records == 1 {
			records = "record "
		}
		fmt.Fprintf(w, "  %-9s %-*s %14s %s %10s %6.2f %%\n", kind, wide, name, terminal.Number(c.Records), records, terminal.Bytes(c.Bytes),
			100*float64(c.Bytes)/float64(max(b.Bytes, 1)))
	}
	c := &b.Classes
	line("class", "up", c.Up)
	line("class", "down", c.Down)
	line("class", "router_local", c.RouterLocal)
	line("class", "internal", c.Internal)
	line("class", "transit", c.Transit)
	line("class", "unattributed", c.Unattributed)
	line("class", "implausible", c.Implausible)
	for _, name := range slices.Sorted(maps.Keys(b.Excluded)) {
		line("left out", name, b.Excluded[name])
	}
	line("accounted", "", b.Loaded.Counts)
	for _, name := range slices.Sorted(maps.Keys(b.Rules)) {
		line("by rule", name, b.Rules[name])
	}
	for _, f := range b.Findings {
		fmt.Fprintf(w, "  doubt     %s\n", findingText(b.Router, f))
	}
	var lost []string
	count := func(n uint64, what, more string) {
		if n > 0 {
			lost = append(lost, terminal.Plural(n, what)+more)
		}
	}
	estimated := ""
	if b.LostEstimated {
		estimated = " (estimated)"
	}
	count(b.LostRecords, "record", estimated)
	count(b.LostDatagrams, "datagram", "")
	count(b.KernelDropped, "datagram", " dropped by the kernel (among the lost: raise net.core.rmem_max and collector.receive_buffer)")
	count(b.SpoolLost, "datagram", " not kept because the disk was full or too slow (among the lost: make room, or raise collector.queue)")
	count(b.NoTemplate, "data set", " without template")
	var noted []string
	for _, reason := range slices.Sorted(maps.Keys(b.Rejected)) {
		if archive.Noted(reason) {
			noted = append(noted, terminal.Number(b.Rejected[reason])+" "+reason)
			continue
		}
		lost = append(lost, terminal.Number(b.Rejected[reason])+" rejected: "+reason)
	}
	if len(lost) > 0 {
		fmt.Fprintf(w, "  missing   %s\n", strings.Join(lost, ", "))
	}
	if len(noted) > 0 {
		fmt.Fprintf(w, "  noted     %s; all of it was read\n", strings.Join(noted, ", "))
	}
	if b.Difference != "" {
		fmt.Fprintf(w, "  WRONG     %s\n", b.Difference)
	}
}
