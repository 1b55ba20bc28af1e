package migrate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/importer"
)

// prefix begins the names that the ledger has for days of tables.
const prefix = archive.TablePrefix

// unit is a day of a table: what is loaded at once.
type unit struct {
	table table
	text  string      // the day as the table has it
	day   archive.Day // the same; of stamped tables, in UTC. Without a date the month's first
	dated bool
	file  archive.File

	// As the source counted:
	rows    uint64
	bytes   uint64 // modulo 2^64
	packets uint64
	check   uint64 // sum of CRC-32

	// What became of it:
	state  State
	reason string
	asked  bool // it was its turn
	begun  bool // it was read
	lost   bool // the source went away meanwhile
	found  tally
}

// tally is what reading a unit found.
type tally struct {
	records       uint64
	bytes         uint64
	rejected      map[string]uint64 // rows, by reason
	rejectedBytes uint64            // modulo 2^64
	unknown       map[string]uint64 // rows of which something is not known
	repeated      uint64            // rows that stand there from an earlier run of the scripts
	unchecked     bool              // too many rows to look for repeated ones
}

func (t *tally) reject(reason string, bytes uint64) {
	if t.rejected == nil {
		t.rejected = map[string]uint64{}
	}
	t.rejected[reason]++
	t.rejectedBytes += bytes
}

func (t *tally) lacks(what string) {
	if t.unknown == nil {
		t.unknown = map[string]uint64{}
	}
	t.unknown[what]++
}

// Reasons of rows that are no records.
const (
	noDate     = "no date"
	noAddress  = "no address"
	noCounters = "no counters"
	repeated   = "repeated"
)

// plan finds the days of a table.
func (m *Migrator) plan(ctx context.Context, s *Source, t table) ([]*unit, error) {
	rows, err := s.db.QueryContext(ctx, t.layout.count(s.from(t)))
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", s.halt(err))
	}
	defer rows.Close()
	var units []*unit
	var undated *unit
	for rows.Next() {
		var day sql.NullString
		var bytes, packets, check string
		u := &unit{table: t}
		if err := rows.Scan(&day, &u.rows, &bytes, &packets, &check); err != nil {
			return nil, fmt.Errorf("count rows: %w", s.halt(err))
		}
		u.text = day.String
		u.bytes, u.packets, u.check = modulo(bytes), modulo(packets), modulo(check)
		if u.day, u.dated = readDay(u.text); u.dated {
			units = append(units, u)
			continue
		}
		if undated == nil {
			undated = &unit{table: t, text: noDate}
		}
		undated.rows += u.rows
		undated.bytes += u.bytes
		undated.packets += u.packets
		undated.check += u.check
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count rows: %w", s.halt(err))
	}
	slices.SortStableFunc(units, func(a, b *unit) int { return a.day.Compare(b.day) })
	if undated != nil {
		undated.day = m.undatedDay(t, units)
		units = append(units, undated)
	}
	for _, u := range units {
		u.name(s)
	}
	return units, nil
}

// undatedDay is where rows without a date are booked.
func (m *Migrator) undatedDay(t table, units []*unit) archive.Day {
	switch {
	case t.month != archive.Month{}:
		return t.month.First()
	case len(units) > 0:
		return units[0].day
	}
	return archive.DayOf(m.opts.Now().In(m.opts.Location))
}

// name gives the unit its place in the ledger.
func (u *unit) name(s *Source) {
	u.file.Name = prefix + s.name + "." + plainName(u.table.name) + " " + u.text
	u.file.Size = int64(u.rows) // of the text that goes to the archive nobody knows
	u.file.Digest = sha256.Sum256(fmt.Appendf(nil, "nfacct migrate 1\n%s\n%s\n%d %d %d %d\n",
		u.table.layout.name, u.text, u.rows, u.bytes, u.packets, u.check))
}

// modulo reads a sum, which may be bigger than 64 bits or negative.
func modulo(decimal string) uint64 {
	n, ok := new(big.Int).SetString(decimal, 10)
	if !ok {
		return 0
	}
	return n.Mod(n, new(big.Int).Lsh(big.NewInt(1), 64)).Uint64()
}

// readDay reads 07-05-2018 as scripts wrote it, and 2018-05-07.
func readDay(text string) (archive.Day, bool) {
	parts := strings.Split(strings.TrimSpace(text), "-")
	if len(parts) != 3 {
		return archive.Day{}, false
	}
	var n [3]int
	for i, part := range parts {
		var err error
		if n[i], err = strconv.Atoi(part); err != nil || len(part) > 4 {
			return archive.Day{}, false
		}
	}
	if len(parts[0]) == 4 {
		n[0], n[2] = n[2], n[0]
	}
	t := time.Date(n[2], time.Month(n[1]), n[0], 0, 0, 0, 0, time.UTC)
	if t.Day() != n[0] || int(t.Month()) != n[1] || t.Year() != n[2] || n[2] < 1990 || n[2] > 2155 {
		return archive.Day{}, false
	}
	return archive.DayOf(t), true
}

// stream is the unit as the importer takes it.
func (u *unit) stream(m *Migrator, s *Source) importer.Stream {
	return importer.Stream{
		File: u.file, Router: m.opts.Router, Records: u.rows,
		Wanted: func(ctx context.Context) (bool, error) {
			u.asked = true
			state, reason, err := u.hold(ctx, m, s)
			if err != nil || state == "" {
				return state == "", err
			}
			u.state, u.reason = state, reason
			return false, nil
		},
		Read: func(ctx context.Context, sink *importer.Sink) error {
			u.begun = true
			err := u.read(ctx, m, s, sink)
			u.lost = errors.Is(err, importer.ErrLost)
			return err
		},
	}
}

// hold says whether the unit must not be loaded, and why.
func (u *unit) hold(ctx context.Context, m *Migrator, s *Source) (State, string, error) {
	first, last := u.days(m, s)
	if u.dated && !u.day.Before(archive.DayOf(m.opts.Now().In(u.clock(m)))) {
		return Waiting, "the day is not over", nil
	}
	if m.archive == nil {
		return "", "", nil
	}
	known, err := m.archive.Reader().ImportByDigest(ctx, u.file.Digest)
	switch {
	case err != nil:
		return "", "", err
	case known != nil && m.opts.DryRun:
		return Known, "", nil
	case known != nil || m.opts.Beside: // the importer knows what to do
		return "", "", nil
	}
	before, err := m.archive.Reader().ImportsByName(ctx, u.file.Name)
	if err != nil {
		return "", "", err
	}
	if len(before) > 0 {
		return Changed, fmt.Sprintf("it had %d rows when it was migrated on %s and has %d now", before[0].Size, before[0].Finished.Format(time.DateOnly), u.rows), nil
	}
	for day := first; !last.Before(day); day = day.Add(1) {
		files, err := m.archive.Reader().ImportsOf(ctx, day, m.opts.Router)
		if err != nil {
			return "", "", err
		}
		for _, f := range files {
			if !strings.HasPrefix(f.Name, prefix) {
				return Covered, fmt.Sprintf("the archive has records of %s from %s", day, f.Name), nil
			}
		}
	}
	return "", "", nil
}

// clock is the zone in which the unit's day is one.
func (u *unit) clock(m *Migrator) *time.Location {
	if u.table.layout == stamped {
		return time.UTC
	}
	return m.opts.Clock
}

// days are the days of the archive that the unit may fall into.
func (u *unit) days(m *Migrator, s *Source) (first, last archive.Day) {
	from := time.Date(u.day.Year, u.day.Month, u.day.Day, 0, 0, 0, 0, u.clock(m))
	return archive.DayOf(from.In(m.opts.Location)), archive.DayOf(from.Add(24*time.Hour - time.Second).In(m.opts.Location))
}

// halt marks an error of the source: one that is gone ends the run.
func (s *Source) halt(err error) error {
	if gone(err) {
		return fmt.Errorf("%w: %w", importer.ErrLost, err)
	}
	return err
}

// read hands the unit's rows over.
func (u *unit) read(ctx context.Context, m *Migrator, s *Source, sink *importer.Sink) error {
	u.found = tally{}
	if !u.dated {
		for range u.rows {
			u.found.reject(noDate, 0)
		}
		u.found.rejectedBytes = u.bytes
		sink.Reject(u.day, noDate, u.rows)
		return nil
	}
	clock := u.table.layout.clock != "" && !s.instants
	rows, err := s.db.QueryContext(ctx, u.table.layout.read(s.from(u.table), clock), u.table.layout.args(u.text)...)
	if err != nil {
		return s.halt(err)
	}
	defer rows.Close()
	p := newParser(u, m, s, sink)
	columns := make([]sql.RawBytes, rowColumns, rowColumns+1)
	if clock {
		columns = columns[:rowColumns+1]
	}
	into := make([]any, len(columns))
	for i := range columns {
		into[i] = &columns[i]
	}
	var n, bytes, packets, check uint64
	line := make([]byte, 0, 256)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return s.halt(err)
		}
		line = line[:0]
		separator := false
		for _, column := range columns[:rowColumns] {
			if column == nil {
				continue
			}
			if separator {
				line = append(line, ',')
			}
			line, separator = append(line, column...), true
		}
		sum := crc32.ChecksumIEEE(line)
		n++
		check += uint64(sum)
		bytes += number(columns[colBytes])
		packets += number(columns[colPackets])
		if err := p.row(columns, sum); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.halt(err)
	}
	if n != u.rows || bytes != u.bytes || packets != u.packets || check != u.check {
		return fmt.Errorf("it changed while it was read: %d rows with %d bytes (check sum %x) were counted, and %d with %d (%x) came; migrate it when nobody writes to it", u.rows, u.bytes, u.check, n, bytes, check)
	}
	return nil
}

// number is a counter as it goes into a sum, modulo 2^64; NULL adds nothing.
func number(text []byte) uint64 {
	if len(text) > 0 && text[0] == '-' {
		return -number(text[1:])
	}
	n := uint64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}
