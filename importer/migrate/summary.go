package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"nfacct/archive"
	"nfacct/importer"
)

// State is what became of a day of a table.
type State string

const (
	Loaded  State = "loaded"
	Read    State = "read"    // of a dry run
	Known   State = "known"   // loaded before
	Waiting State = "waiting" // not over
	Covered State = "covered" // the archive has the day from elsewhere
	Changed State = "changed" // it is not what was loaded before
	Failed  State = "failed"
	Pending State = "pending" // not reached
)

// Summary is what a migration, or a dry run, did.
type Summary struct {
	Tables  []*TableResult    `json:"tables"`
	Ignored []Ignored         `json:"ignored"`
	Files   *importer.Summary `json:"files,omitempty"` // of flow-tools
	// LeftFiles are files of flow-tools that were left out, with the reason.
	LeftFiles []Ignored `json:"left_files,omitempty"`
	// BadFiles are files and folders that cannot be read.
	BadFiles []Ignored `json:"bad_files,omitempty"`

	flows error // of files that failed
}

// Add notes what a search found besides files and tables.
func (s *Summary) Add(f Found) {
	s.LeftFiles = append(s.LeftFiles, f.Left...)
	s.BadFiles = append(s.BadFiles, f.Bad...)
}

// NewSummary is one in which nothing was done.
func NewSummary() *Summary { return &Summary{Tables: []*TableResult{}, Ignored: []Ignored{}} }

// Ignored is something that was not migrated, and why.
type Ignored struct {
	Table string `json:"name"`
	Why   string `json:"why"`
}

// Days counts a table's days by what became of them.
type Days map[State]int

// Counts are rows of a source and what they say of bytes.
type Counts struct {
	Rows  uint64 `json:"rows"`
	Bytes int64  `json:"bytes"`
}

func (c *Counts) add(rows, bytes uint64) {
	c.Rows += rows
	c.Bytes += int64(bytes)
}

// TableResult is what became of a table. Source is what the source itself
// counts; it is the sum of Migrated, Rejected, Before, and Left.
type TableResult struct {
	Table  string `json:"table"`
	Layout string `json:"layout"`
	Engine string `json:"engine"`
	Packed bool   `json:"packed"`
	State  State  `json:"state"` // loaded, read, known, failed, or pending: something is left

	Source   Counts `json:"source"`   // COUNT(*) and SUM(bytes)
	Migrated Counts `json:"migrated"` // records, now
	Rejected Counts `json:"rejected"` // of days loaded now
	Before   Counts `json:"before"`   // of days loaded before, or by another table
	Left     Counts `json:"left"`     // of days that were not loaded

	Reasons  map[string]uint64 `json:"reasons"`  // of rejected rows
	Unknown  map[string]uint64 `json:"unknown"`  // migrated rows by what is not known of them
	Repeated uint64            `json:"repeated"` // rows that an earlier run of the scripts had entered already
	Days     Days              `json:"days"`
	// Book sums up the books of the days loaded now.
	Classes  archive.Classes           `json:"classes"`
	Excluded map[string]archive.Counts `json:"excluded"`
	Loaded   archive.Loaded            `json:"loaded"`
	// Held are days that were left, with the reason.
	Held     []Ignored `json:"held,omitempty"`
	Remarks  []string  `json:"remarks,omitempty"`
	Problems []string  `json:"problems,omitempty"`

	units []*unit
	now   map[string]*unit // loaded by this run, by name
	book  archive.Book
	err   error
}

// table begins a table's result.
func (s *Summary) table(source *Source, t *table) *TableResult {
	r := &TableResult{
		Table: source.name + "." + t.name, Packed: t.packed, Engine: t.engine, State: Pending,
		Reasons: map[string]uint64{}, Unknown: map[string]uint64{}, Days: Days{},
		Excluded: map[string]archive.Counts{}, now: map[string]*unit{},
	}
	s.Tables = append(s.Tables, r)
	return r
}

// begin notes what there is to be done.
func (r *TableResult) begin(units []*unit) {
	r.units = units
	if len(units) > 0 {
		r.Layout = units[0].table.layout.name
	}
}

// add notes what a run did.
func (r *TableResult) add(units []*unit, done *importer.Summary) {
	results := map[string]importer.FileResult{}
	for _, f := range done.Files {
		results[f.Name] = f
	}
	for _, u := range units {
		f, ran := results[u.file.Name]
		switch {
		case u.state != "" || u.lost:
		case ran && (f.State == "loaded" || f.State == "read"):
			u.state = State(f.State)
			r.now[u.file.Name] = u
			if f.Records != u.found.records {
				r.problem(u, fmt.Errorf("%d records were read, but books say %d", u.found.records, f.Records))
			}
		case ran:
			u.state = Failed
			r.problem(u, errors.New(f.Problem))
		case u.asked && !u.begun && r.now[u.file.Name] == nil:
			u.state = Known
		}
	}
	for _, b := range done.Books {
		r.book.Add(b)
	}
}

func (r *TableResult) problem(u *unit, err error) {
	r.Problems = append(r.Problems, fmt.Sprintf("%s: %v", u.text, err))
}

func (r *TableResult) fail(err error) {
	r.err = err
	r.Problems = append(r.Problems, err.Error())
}

// settle adds everything up.
func (r *TableResult) settle() {
	var bytes uint64
	for _, u := range r.units {
		if before := r.now[u.file.Name]; before != nil {
			u = before // before the source went away and came back
		}
		r.Source.add(u.rows, u.bytes)
		r.Days[cmp.Or(u.state, Pending)]++
		switch u.state {
		case Loaded, Read:
			r.Migrated.add(u.found.records, u.found.bytes)
			bytes += u.found.bytes
			r.Rejected.add(u.rows-u.found.records, u.found.rejectedBytes)
			for reason, n := range u.found.rejected {
				r.Reasons[reason] += n
			}
			for what, n := range u.found.unknown {
				r.Unknown[what] += n
			}
			r.Repeated += u.found.repeated
			if u.found.unchecked {
				r.Remarks = append(r.Remarks, fmt.Sprintf("%s has more than %d rows: whether they stand there twice was not looked at", u.text, maxRepeats))
			}
		case Known:
			r.Before.add(u.rows, u.bytes)
		default:
			r.Left.add(u.rows, u.bytes)
			if u.reason != "" {
				r.Held = append(r.Held, Ignored{u.text, u.reason})
			}
		}
	}
	r.Classes, r.Excluded, r.Loaded = r.book.Classes, r.book.Excluded, r.book.Loaded
	if r.Migrated.Rows != r.book.Records || bytes != r.book.Bytes {
		r.Problems = append(r.Problems, fmt.Sprintf("%d records with %d bytes were read, but books say %d with %d", r.Migrated.Rows, bytes, r.book.Records, r.book.Bytes))
	}
	switch {
	case len(r.Problems) > 0 || r.Days[Failed]+r.Days[Changed] > 0:
		r.State = Failed
	case r.Days[Pending]+r.Days[Waiting]+r.Days[Covered] > 0:
		r.State = Pending
	case r.Days[Read] > 0:
		r.State = Read
	case r.Days[Loaded] > 0:
		r.State = Loaded
	default:
		r.State = Known
	}
}

// maxSaid is how many problems of a table, or of files, an error has; a month has
// many days.
const maxSaid = 2

// Err says what failed: nil, or an error that wraps ErrPartial if something went
// well. What was held back for a reason that is no fault is none.
func (s *Summary) Err() error {
	var errs []error
	well := s.Files != nil && s.Files.Loaded+s.Files.Known > 0
	if s.flows != nil {
		well = well || errors.Is(s.flows, importer.ErrPartial)
		errs = append(errs, s.flows)
	}
	for _, bad := range s.BadFiles[:min(len(s.BadFiles), maxSaid)] {
		errs = append(errs, fmt.Errorf("migrate %s: %s", bad.Table, bad.Why))
	}
	if more := len(s.BadFiles) - maxSaid; more > 0 {
		errs = append(errs, fmt.Errorf("and %d more files or folders cannot be read; --json has them all", more))
	}
	for _, t := range s.Tables {
		well = well || t.Days[Loaded]+t.Days[Known]+t.Days[Read] > 0
		for _, p := range t.Problems[:min(len(t.Problems), maxSaid)] {
			errs = append(errs, fmt.Errorf("migrate %s: %s", t.Table, p))
		}
		if more := len(t.Problems) - maxSaid; more > 0 {
			errs = append(errs, fmt.Errorf("migrate %s: and %d more; --json has them all", t.Table, more))
		}
		if t.Days[Changed] > 0 {
			at := slices.IndexFunc(t.units, func(u *unit) bool { return u.state == Changed })
			errs = append(errs, fmt.Errorf("migrate %s: %d days are not what they were when they were migrated, the first is %s: %s; what is loaded stays",
				t.Table, t.Days[Changed], t.units[at].text, t.units[at].reason))
		}
	}
	if errs != nil && well {
		errs = append([]error{ErrPartial}, errs...)
	}
	return errors.Join(errs...)
}
