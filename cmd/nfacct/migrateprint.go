package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"nfacct/archive"
	"nfacct/cmd/internal/terminal"
	"nfacct/importer/migrate"
	"nfacct/report"
)

// printTables prints what became of each table.
func printTables(w io.Writer, s *migrate.Summary) {
	for _, t := range s.Tables {
		kind := t.Layout
		if t.Packed {
			kind += ", packed"
		}
		fmt.Fprintf(w, "%s (%s): %s\n", report.Clean(t.Table), kind, t.State)
		line := func(what string, c migrate.Counts) {
			if c.Rows > 0 {
				fmt.Fprintf(w, "  %-24s %14s rows %10s\n", what, terminal.Number(c.Rows), terminal.Bytes(uint64(max(c.Bytes, 0))))
			}
		}
		line("the table has", t.Source)
		line("migrated", t.Migrated)
		line("rejected", t.Rejected)
		line("migrated before", t.Before)
		line("left", t.Left)
		class := func(what string, c archive.Counts) {
			line("  "+what, migrate.Counts{Rows: c.Records, Bytes: int64(c.Bytes)})
		}
		class("up", t.Classes.Up)
		class("down", t.Classes.Down)
		class("router-local", t.Classes.RouterLocal)
		class("internal", t.Classes.Internal)
		class("unattributed", t.Classes.Unattributed)
		for _, rule := range slices.Sorted(maps.Keys(t.Excluded)) {
			class("left out: "+report.Clean(rule), t.Excluded[rule])
		}
		class("accounted", t.Loaded.Counts)
		list(w, "rejected", t.Reasons)
		list(w, "not known", t.Unknown)
		if t.Repeated > 0 {
			fmt.Fprintf(w, "  stand there twice: %s rows\n", terminal.Number(t.Repeated))
		}
		var days []string
		for _, state := range slices.Sorted(maps.Keys(t.Days)) {
			days = append(days, fmt.Sprintf("%d %s", t.Days[state], state))
		}
		fmt.Fprintf(w, "  days: %s\n", strings.Join(days, ", "))
		for _, held := range t.Held {
			fmt.Fprintf(w, "  %s %s\n", report.Clean(held.Table), report.Clean(held.Why))
		}
	}
	for _, i := range s.Ignored {
		fmt.Fprintf(w, "%s: ignored: %s\n", report.Clean(i.Table), report.Clean(i.Why))
	}
}

func list(w io.Writer, what string, counts map[string]uint64) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "  %s: %s: %s rows\n", what, name, terminal.Number(counts[name]))
	}
}
