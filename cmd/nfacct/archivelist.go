package main

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
)

// listMonths prints the months, or one; their dates are those of a zone.
func (a *app) listMonths(ctx context.Context, packer *pack.Packer, only archive.Month, zone *time.Location) error {
	all, err := packer.List(ctx)
	if err != nil {
		return exit.Database(err)
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
		verified := day(e.Verified, zone)
		if e.Problem != "" && e.State != pack.StateMissing {
			verified = "no, accepted"
		}
		if e.Seconds > 0 {
			took = fmt.Sprintf("%.1f s", e.Seconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f\t%s\t%s\t%s\t%s\t\n", e.Month, e.State, terminal.Number(e.Rows), terminal.Number(e.Flows),
			terminal.Bytes(e.Bytes), e.BytesPerFlow, ratio, day(e.Packed, zone), took, verified)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.State == pack.StateMissing:
			fmt.Fprintf(a.out, "%s: %s\n", e.Month, e.Problem)
		case e.Problem != "":
			fmt.Fprintf(a.out, "%s was packed although %s\n", e.Month, e.Problem)
		}
	}
	return nil
}

// day is the date of an instant in a zone; "" of none.
func day(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.DateOnly)
}
