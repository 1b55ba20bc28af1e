package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/collector/spool"
	"nfacct/importer"
)

// monthEnd is what the command and the job have in common.
type monthEnd struct {
	*app
	cfg    *config.Config
	db     *archive.Archive
	packer *pack.Packer
	now    time.Time
	wait   time.Duration
}

// today is the last day that is not over: until the first file after a month is
// sealed, the month is not over either.
func (m *monthEnd) today() archive.Day {
	return archive.DayOf(m.now.Add(-spool.SlotLength - time.Minute).In(m.cfg.Location()))
}

// deed is one month's part of a plan.
type deed struct {
	Month  archive.Month `json:"-"`
	Name   string        `json:"month"`
	Do     string        `json:"do"` // pack, drop, unpack or refuse
	Reason string        `json:"reason,omitempty"`
	Files  []string      `json:"files,omitempty"` // still to import

	asked string // what is refused: packed or dropped
	gone  bool   // there is no table, and --accept gives it up
}

// refuse makes the deed one that is not done.
func (d *deed) refuse(reason string) { d.Do, d.Reason = "refuse", reason }

// plan says what is to be done: with one month, or with all.
func (m *monthEnd) plan(ctx context.Context, only archive.Month) ([]deed, error) {
	if only != (archive.Month{}) {
		d, err := m.consider(ctx, only)
		return []deed{d}, err
	}
	var todo []deed
	expired, err := m.packer.Expired(ctx, m.today())
	if err != nil {
		return nil, err
	}
	for _, month := range expired {
		d := deed{Month: month, Name: month.String(), Do: "drop", Reason: fmt.Sprintf("archive.keep_months is %d", m.cfg.Archive.KeepMonths), asked: "dropped"}
		// A month that is dropped takes no files any more.
		if err := m.lookForFiles(ctx, &d); err != nil {
			return nil, err
		}
		todo = append(todo, d)
	}
	due, err := m.packer.Due(ctx, m.today())
	if err != nil {
		return nil, err
	}
	for _, month := range due {
		if slices.Contains(expired, month) {
			continue
		}
		d, err := m.consider(ctx, month)
		if err != nil {
			return nil, err
		}
		todo = append(todo, d)
	}
	return todo, nil
}

// consider says whether a month can be packed.
func (m *monthEnd) consider(ctx context.Context, month archive.Month) (deed, error) {
	d := deed{Month: month, Name: month.String(), Do: "pack", asked: "packed"}
	if !month.Last().Before(m.today()) {
		d.refuse("the month is not over")
		return d, nil
	}
	state, err := m.packer.State(ctx, month)
	if err != nil {
		return d, err
	}
	switch state {
	case "":
		d.refuse("there is nothing of it")
	case pack.StatePacked:
		d.refuse("it is packed already")
	case pack.StateDropped:
		d.refuse("its flows were dropped on purpose (archive.keep_months); its sums and books are there")
	case pack.StateMissing:
		d.refuse(month.Gone())
		d.gone = true
	case pack.StateView:
		d.refuse(pack.NotOurs(month))
	default:
		err = m.lookForFiles(ctx, &d)
	}
	return d, err
}

// lookForFiles refuses what would come before files of the month are imported.
func (m *monthEnd) lookForFiles(ctx context.Context, d *deed) (err error) {
	from, to := d.Month.First(), d.Month.Last()
	if d.Files, err = importer.Pending(ctx, m.db.LoadedNames, m.cfg.Spool.Folder, m.cfg.Location(), from, to); err != nil {
		return err
	}
	// One that is set aside would hold the month up for ever.
	aside, err := spool.ReadAside(m.cfg.Spool.Folder)
	if err != nil {
		return err
	}
	d.Files = slices.DeleteFunc(d.Files, func(name string) bool {
		return slices.ContainsFunc(aside, func(a spool.Aside) bool { return a.Set && a.File == name })
	})
	open, err := spool.ListOpen(m.cfg.Spool.Folder)
	if err != nil {
		return err
	}
	if n := len(d.Files); n > 0 {
		d.refuse(fmt.Sprintf("%d of its files are not imported yet; run nfacct import: %s", n, listed(d.Files)))
	}
	covers := importer.Covers(m.cfg.Location(), from, to)
	for _, file := range open {
		if covers(file) {
			d.Files = append(d.Files, file.Name)
			d.refuse(fmt.Sprintf("%s was not closed by the collector that wrote it: start it again (nfacct run, or collect), which closes the file, and run nfacct import", spool.OpenPath(m.cfg.Spool.Folder, file.Name)))
		}
	}
	return nil
}

// listed names files, so many that a person still reads them.
func listed(files []string) string {
	const most = 20
	text := strings.Join(files[:min(len(files), most)], ", ")
	if more := len(files) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// packed is what became of a month.
type packed struct {
	Month        string  `json:"month"`
	Done         string  `json:"done"` // packed, dropped, unpacked, refused, failed
	Rows         uint64  `json:"rows,omitempty"`
	Flows        uint64  `json:"flows,omitempty"`
	LiveBytes    uint64  `json:"live_bytes,omitempty"`
	Bytes        uint64  `json:"bytes,omitempty"`
	BytesPerFlow float64 `json:"bytes_per_flow,omitempty"`
	Seconds      float64 `json:"seconds,omitempty"`
	Problem      string  `json:"problem,omitempty"` // what it was packed in spite of, or why it was not

	failed bool
}

// carryOut does what was planned; a month that fails does not stop the others.
func (m *monthEnd) carryOut(ctx context.Context, todo []deed, accept bool) ([]packed, error) {
	results := []packed{}
	var failed []error
	for _, d := range todo {
		if ctx.Err() != nil {
			break
		}
		result := packed{Month: d.Name, Done: "failed", failed: true}
		var err error
		if d.gone && accept {
			d.Do = "drop"
		}
		switch d.Do {
		case "refuse":
			result.Done, err = "refused", fmt.Errorf("%s is not %s: %s", d.Name, d.asked, d.Reason)
		case "drop":
			if err = databaseError(m.packer.Drop(ctx, d.Month, m.wait)); err == nil {
				result = packed{Month: d.Name, Done: "dropped"}
			}
		default:
			var r archive.Pack
			if r, err = m.pack(ctx, d.Month, accept); err == nil {
				result = packed{Month: d.Name, Done: "packed", Rows: r.Rows, Flows: r.Flows, LiveBytes: r.Live, Bytes: r.Packed, Seconds: r.Took.Seconds(), Problem: r.Problem}
				if r.Flows > 0 {
					result.BytesPerFlow = float64(r.Packed) / float64(r.Flows)
				}
			}
		}
		if err != nil {
			failed = append(failed, err)
			result.Problem = err.Error()
		}
		results = append(results, result)
	}
	err := exit.Join(append(failed, ctx.Err())...)
	if err != nil && slices.ContainsFunc(results, func(r packed) bool { return !r.failed }) {
		err = partialError(err)
	}
	return results, err
}

// pack packs a month, with a bar on a terminal.
func (m *monthEnd) pack(ctx context.Context, month archive.Month, accept bool) (archive.Pack, error) {
	bar := m.progress()
	defer bar.Clear()
	r, err := m.packer.Pack(ctx, month, pack.Options{Wait: m.wait, Accept: accept, Progress: bar.Bytes})
	return r, packError(err)
}

// packError gives an error its exit code: rows that came meanwhile are gone over
// by trying again.
func packError(err error) error {
	if errors.Is(err, archive.ErrDisturbed) {
		return temporaryError(err)
	}
	return databaseError(err)
}

// archiveJob packs the months that are over. One that waits for files to be
// imported makes it fail, so that it is tried again; and so does the month that it
// runs for as long as more of it is to come.
func (a *app) archiveJob(ctx context.Context, cfg *config.Config, db *archive.Archive, period string) error {
	month, err := archive.ParseMonth(period)
	if err != nil {
		return err
	}
	m := monthEnd{app: a, cfg: cfg, db: db, packer: pack.New(cfg.Archive, db, a.log), now: time.Now(), wait: importWait}
	if err := m.packer.Recover(ctx, importWait); err != nil {
		return err
	}
	if err := m.packer.CloseDays(ctx, m.today(), importWait); err != nil {
		return err
	}
	todo, err := m.plan(ctx, archive.Month{})
	if err != nil {
		return err
	}
	results, err := m.carryOut(ctx, todo, false)
	for _, r := range results {
		if r.failed {
			continue // is in the error
		}
		a.log.Info("month "+r.Done, "month", r.Month, "rows", r.Rows, "flows", r.Flows, "live_bytes", r.LiveBytes, "bytes", r.Bytes, "seconds", r.Seconds)
	}
	if err == nil {
		err = m.whole(ctx, month)
	}
	return err
}

// whole is an error while more of a month is to come: it is not over until its last
// file is sealed, nor before all of its files are imported.
func (m *monthEnd) whole(ctx context.Context, month archive.Month) error {
	if !month.Last().Before(m.today()) {
		return temporaryError(fmt.Errorf("%s is not over until its last file is sealed", month))
	}
	d := deed{Month: month}
	if err := m.lookForFiles(ctx, &d); err != nil {
		return err
	}
	if len(d.Files) > 0 {
		return temporaryError(fmt.Errorf("%s: %s", month, d.Reason))
	}
	return nil
}
