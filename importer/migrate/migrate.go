// Package migrate brings what nfacct's predecessors kept into the archive: the
// month tables that Perl scripts filled from flow-print's output, and trees of
// flow-tools files. Sources are only read.
//
// # Tables
//
// Two layouts are known by their columns. The first is that of the chain of
// flow-tools, Perl and PHP of 2018, one table a month, named 2018_5, and 2018_5c
// when myisampack has packed it:
//
//	ip_from, s_port, ip_to, d_port, proto  text
//	packets int, bytes bigint
//	date_ins  text, DD-MM-YYYY   both of the file that flow-capture wrote,
//	time_ins  time, HH:MM        on the clock of its machine
//	host, interface  constants
//
// The second is its descendant of 2024, named IFACE_2024_07: src_ip, dst_ip INT
// UNSIGNED, src_port, dst_port SMALLINT, proto, type TINYINT, packets, bytes,
// utime TIMESTAMP, again the file's beginning.
//
// # What becomes of a row
//
// A row is one record of a book. Tables do not say which router or interface it
// came from, when exactly, which way it went or what was translated, so:
//
//   - the router is the one that the operator names;
//   - exactly one inside address (by the configuration of today) is the host and
//     gives the direction: class up or down, with attribution.Migrated, the
//     weakest rule, in the row's attribution;
//   - an address of the router itself is no host, two inside addresses are
//     internal, none is unattributed; nothing is charged by a guess;
//   - wan is 0, unknown; first and duration are 0; the slot is the one in which
//     flow-capture began the file, which is when the record came, give or take
//     its flow's length;
//   - a port or protocol that is not a number is 0, a time that is none the
//     day's first slot: such rows count, and the summary says how many;
//   - the rules of today leave out what they leave out of everything else.
//
// A row without readable addresses, counters or date is none; books count it as
// rejected, by reason, on its day, and without a date on the first of its
// table's month.
//
// # Exactly once
//
// What is loaded at once is a day of a table. The ledger knows it by its
// content: count, sums and the sum of CRC-32 over its rows, which the source
// computes and which is compared with what came. So a table is the same table
// packed or not, through whichever connection or copy it is read, and what is
// loaded already is left alone.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/importer"
)

// Options are how a migration is done.
type Options struct {
	// Router is the name of the configured router that the tables are about.
	Router string
	// Others is the name of the router that flow-tools files are booked to where
	// their exporter is none of a configured one; empty: they are refused.
	Others string
	// Clock is the time zone that flow-capture and scripts had.
	Clock *time.Location
	// ClockGiven says that Clock was chosen, and is not only the default.
	ClockGiven bool
	// Location is that of the archive's days.
	Location *time.Location
	// Tables selects tables by name; when empty all of a known layout and name.
	Tables []string
	// SkipRepeated leaves out the rows that a second run of the scripts entered
	// again. Otherwise they are loaded, as the tables' sums have them.
	SkipRepeated bool
	// Beside loads days of which the archive holds something else already.
	Beside bool
	// DryRun loads nothing.
	DryRun bool
	// Wait is how long another writer is waited for.
	Wait time.Duration
	// Patience is how long a source that went away is waited for.
	Patience time.Duration
	// Progress, if set, is told what is being done, and how much of it is done.
	Progress func(doing string, done, all int64)
	// Now is the clock; days that are not over are left for later.
	Now func() time.Time
}

// ErrSource is wrapped when a source does not answer: trying later may help.
var ErrSource = errors.New("the source does not answer")

// ErrPartial is wrapped when something was not migrated and the rest was.
var ErrPartial = errors.New("not all was migrated")

// Migrator migrates into an archive. It is not safe for concurrent use.
type Migrator struct {
	opts     Options
	importer *importer.Importer
	archive  *archive.Archive // nil: only dry runs
	log      *slog.Logger
}

// New checks what it is given. Without an archive only dry runs are possible.
func New(im *importer.Importer, a *archive.Archive, opts Options, log *slog.Logger) (*Migrator, error) {
	switch {
	case opts.Location == nil:
		return nil, errors.New("no time zone")
	case a == nil && !opts.DryRun:
		return nil, errors.New("migrate without an archive")
	}
	if opts.Clock == nil {
		opts.Clock = opts.Location
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Progress == nil {
		opts.Progress = func(string, int64, int64) {}
	}
	if opts.Patience == 0 {
		opts.Patience = 20 * time.Second
	}
	return &Migrator{opts: opts, importer: im, archive: a, log: log}, nil
}

// Tables migrates the tables of a source, the oldest month first. The summary
// says what was done, with an error too.
func (m *Migrator) Tables(ctx context.Context, s *Source, summary *Summary) error {
	if m.opts.Router == "" {
		return errors.New("tables do not say which router they are about: name it with --router")
	}
	tables, ignored, err := s.tables(ctx)
	if err != nil {
		return err
	}
	for _, name := range m.opts.Tables {
		if !slices.ContainsFunc(tables, func(t table) bool { return t.name == name }) {
			return fmt.Errorf("%s has no table %q of a known layout", s.name, name)
		}
	}
	for _, t := range tables {
		chosen := slices.Contains(m.opts.Tables, t.name)
		if len(m.opts.Tables) > 0 && !chosen {
			continue
		}
		if t.month == (archive.Month{}) && !chosen {
			ignored = append(ignored, Ignored{Table: t.name, Why: "its name has no month: name it with --table to migrate it all the same"})
			continue
		}
		result := summary.table(s, &t)
		err := m.table(ctx, s, t, result)
		if errors.Is(err, errLayout) && !chosen {
			summary.Tables = summary.Tables[:len(summary.Tables)-1]
			ignored = append(ignored, Ignored{Table: t.name, Why: errLayout.Error()})
			continue
		}
		if err != nil {
			result.fail(err)
		}
		result.settle()
		m.log.Debug("table", "name", result.Table, "state", result.State, "records", result.Migrated.Rows)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, archive.ErrUnavailable) || errors.Is(err, archive.ErrLocked) || errors.Is(err, ErrSource) {
				return fmt.Errorf("migrate %s: %w", t.name, err)
			}
		}
	}
	summary.Ignored = append(summary.Ignored, ignored...)
	return nil
}

// table migrates one table.
func (m *Migrator) table(ctx context.Context, s *Source, t table, result *TableResult) error {
	if s.fetch != nil {
		m.opts.Progress("copying "+t.name, 0, 0)
		remarks, err := s.fetch(ctx, &t)
		if err != nil {
			return err
		}
		defer s.drop(t)
		result.Remarks = append(result.Remarks, remarks...)
		result.Packed, result.Engine = t.packed, t.engine
	}
	for tries := 0; ; tries++ {
		err := m.read(ctx, s, t, result)
		if !errors.Is(err, importer.ErrLost) || ctx.Err() != nil {
			return err
		}
		m.log.Warn("the source went away; waiting for it", "table", t.name, "err", err)
		if tries == 5 || !s.comesBack(ctx, m.opts.Patience) {
			return fmt.Errorf("%w: %w; what is loaded stays, and the same command goes on from there", ErrSource, err)
		}
	}
}

// read plans a table and loads its days.
func (m *Migrator) read(ctx context.Context, s *Source, t table, result *TableResult) error {
	m.opts.Progress("counting "+t.name, 0, 0)
	units, err := m.plan(ctx, s, t)
	if err != nil {
		return err
	}
	result.begin(units)
	streams := make([]importer.Stream, 0, len(units))
	for _, u := range units {
		streams = append(streams, u.stream(m, s))
	}
	opts := importer.Options{Wait: m.opts.Wait, Progress: func(done, all int64) { m.opts.Progress(t.name, done, all) }}
	var done importer.Summary
	if m.opts.DryRun {
		done, err = m.importer.PreviewStreams(ctx, streams, opts)
	} else {
		done, err = m.importer.ImportStreams(ctx, streams, opts)
	}
	result.add(units, &done)
	if onlyDays(err, &done) && ctx.Err() == nil {
		return nil // the result has them
	}
	return err
}

// onlyDays says that an error is about days that failed, and nothing else.
func onlyDays(err error, done *importer.Summary) bool {
	var unbalanced *archive.BalanceError
	return done.Failed > 0 && !errors.As(err, &unbalanced) && !errors.Is(err, importer.ErrLost) &&
		!errors.Is(err, archive.ErrUnavailable) && !errors.Is(err, archive.ErrLocked)
}
