package importer

import (
	"context"
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
