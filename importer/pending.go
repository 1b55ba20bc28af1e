package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// Pending lists the sealed files of a spool folder that may hold something of the
// days from..to and that loaded, the names in the archive's ledger, lacks.
func Pending(ctx context.Context, loaded func(context.Context) ([]string, error), folder string, loc *time.Location, from, to archive.Day) ([]string, error) {
	files, err := spool.ListSealed(folder)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	names, err := loaded(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
	}
	covers := Covers(loc, from, to)
	var pending []string
	for _, file := range files {
		if !known[file.Name] && covers(file) {
			pending = append(pending, file.Name)
		}
	}
	return pending, nil
}

// Covers tells whether a spool file may hold something of the days from..to. The
// first file after them may: flows are exported up to a minute or so after their
// last packet.
func Covers(loc *time.Location, from, to archive.Day) func(spool.File) bool {
	calendar := archive.NewCalendar(loc)
	start, _ := calendar.Bounds(from)
	_, end := calendar.Bounds(to)
	return func(file spool.File) bool {
		return !file.Start.Before(start) && file.Start.Before(end.Add(spool.SlotLength))
	}
}

// Today is the last day that is not over: until the first file after a day is
// sealed, it is not over either.
func Today(now time.Time, loc *time.Location) archive.Day {
	return archive.DayOf(now.Add(-spool.SlotLength - time.Minute).In(loc))
}

// HoldsUp lists the files that have to be imported before a month's end is done with
// the days from..to, and says what to do about them. A file that is set aside does
// not hold it up: it would for ever.
func HoldsUp(ctx context.Context, loaded func(context.Context) ([]string, error), folder string, loc *time.Location, from, to archive.Day) (files []string, why string, err error) {
	if files, err = Pending(ctx, loaded, folder, loc, from, to); err != nil {
		return nil, "", err
	}
	aside, err := spool.ReadAside(folder)
	if err != nil {
		return nil, "", err
	}
	files = slices.DeleteFunc(files, func(name string) bool {
		return slices.ContainsFunc(aside, func(a spool.Aside) bool { return a.Set && a.File == name })
	})
	open, err := spool.ListOpen(folder)
	if err != nil {
		return nil, "", err
	}
	if n := len(files); n > 0 {
		why = fmt.Sprintf("%d of its files are not imported yet; run nfacct import: %s", n, listed(files))
	}
	covers := Covers(loc, from, to)
	for _, file := range open {
		if covers(file) {
			files = append(files, file.Name)
			why = fmt.Sprintf("%s was not closed by the collector that wrote it: start it again (nfacct run, or collect), which closes the file, and run nfacct import", spool.OpenPath(folder, file.Name))
		}
	}
	return files, why, nil
}

// listed names so many files that a person still reads them.
func listed(files []string) string {
	const most = 20
	text := strings.Join(files[:min(len(files), most)], ", ")
	if more := len(files) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
