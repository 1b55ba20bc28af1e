package main

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/schedule"
)

// listMonths prints the months, or one.
func (a *app) listMonths(ctx context.Context, packer *pack.Packer, only archive.Month) error {
	all, err := packer.List(ctx)
	if err != nil {
		return databaseError(err)
	}
	entries := []pack.Entry{}
	for _, e := range all {
		if only == (archive.Month{}) || e.Month == only.String() {
			entries = append(entries, e)
		}
	}
	if a.json {
		return a.printJSON(entries)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "month\tstate\trows\tflows\tsize\tbytes a flow\tratio\tpacked\ttook\tverified\t")
	for _, e := range entries {
		ratio, took := "", ""
		if e.Ratio > 0 {
			ratio = strconv.FormatFloat(e.Ratio, 'f', 1, 64)
		}
		verified := day(e.Verified)
		if e.Problem != "" {
			verified = "no, accepted"
		}
		if e.Seconds > 0 {
			took = fmt.Sprintf("%.1f s", e.Seconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f\t%s\t%s\t%s\t%s\t\n", e.Month, e.State, humanize.Comma(int64(e.Rows)), humanize.Comma(int64(e.Flows)),
			humanize.IBytes(e.Bytes), e.BytesPerFlow, ratio, day(e.Packed), took, verified)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Problem != "" {
			fmt.Fprintf(a.out, "%s was packed although %s\n", e.Month, e.Problem)
		}
	}
	return nil
}

// day is the date of an instant, UTC; "" of none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// archiveJob packs the months that are over. One that waits for files to be
// imported makes it fail, so that it is tried again.
func (a *app) archiveJob(ctx context.Context, cfg *config.Config, db *database) error {
	open, err := db.get(ctx)
	if err != nil {
		return err
	}
	m := monthEnd{app: a, cfg: cfg, db: open, packer: pack.New(cfg.Archive, open, a.log), now: time.Now(), wait: importWait}
	if err := m.packer.Recover(ctx, importWait); err != nil {
		return err
	}
	todo, err := m.plan(ctx, archive.Month{})
	if err != nil {
		return err
	}
	results, err := m.carryOut(ctx, todo, false)
	for _, r := range results {
		a.log.Info("month "+r.Done, "month", r.Month, "rows", r.Rows, "flows", r.Flows, "live_bytes", r.LiveBytes, "bytes", r.Bytes, "seconds", r.Seconds)
	}
	return err
}

// packAgain packs the months that an import unpacked for late rows.
func (a *app) packAgain(ctx context.Context, cfg *config.Config, db *archive.Archive, wait time.Duration) error {
	packer := pack.New(cfg.Archive, db, a.log)
	months, err := packer.Again(ctx)
	if err != nil || len(months) == 0 {
		return err
	}
	m := monthEnd{app: a, cfg: cfg, db: db, packer: packer, now: time.Now(), wait: wait}
	for _, month := range months {
		d, err := m.consider(ctx, month)
		if err != nil {
			return err
		}
		if d.Do != "pack" { // more of it is to come
			continue
		}
		if _, err := packer.Pack(ctx, month, pack.Options{Wait: wait}); err != nil {
			return fmt.Errorf("late rows are loaded, but %w", err)
		}
		a.log.Info("month packed again after late rows", "month", month)
	}
	return nil
}

// archiveRow is the month's end in the table of jobs.
func (a *app) archiveRow(cfg *config.Config, db *database) schedule.Job {
	return schedule.Job{Name: "archive", When: cfg.Jobs.Archive, Period: schedule.MonthBefore, Catch: 1, Run: func(ctx context.Context, _ string) error {
		return a.archiveJob(ctx, cfg, db)
	}}
}
