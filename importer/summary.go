package importer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"nfacct/archive"
	"nfacct/importer/attribution"
)

// Summary is what an import, or a preview, did.
type Summary struct {
	Files  []FileResult `json:"files"` // without those that were known
	Loaded int          `json:"loaded"`
	Known  int          `json:"known"` // the same bytes were loaded before
	Failed int          `json:"failed"`
	// Aside are files that were left out because they ended imports before.
	Aside   []string `json:"aside,omitempty"`
	Records uint64   `json:"records"`
	Rows    uint64   `json:"rows"`
	// NoTemplate counts data sets whose template came in none of the files.
	NoTemplate int `json:"no_template"`
	// Unknown counts datagrams by the addresses that belong to no router,
	// UnknownOthers those of further addresses.
	Unknown       map[string]uint64 `json:"unknown_exporters"`
	UnknownOthers uint64            `json:"unknown_others,omitempty"`
	// Estimated: a sampling factor was used, so bytes and packets are estimates.
	Estimated bool `json:"estimated"`
	// Books are those of the files of this import only.
	Books []archive.Book `json:"books"`
}

// FileResult is what became of a file.
type FileResult struct {
	Name       string `json:"name"`
	State      string `json:"state"` // loaded, read (a preview), failed, or unbalanced: loaded, but books do not balance
	Records    uint64 `json:"records"`
	Rows       uint64 `json:"rows"`
	NoTemplate int    `json:"no_template,omitempty"` // data sets
	Truncated  bool   `json:"truncated,omitempty"`   // what was whole has been read
	Damage     string `json:"damage,omitempty"`      // what is wrong with it, unless it is merely cut and not of the spool
	Missing    uint64 `json:"missing,omitempty"`     // datagrams that are known to be missing for that
	Problem    string `json:"problem,omitempty"`
	// Unread is what may be exports and cannot be read.
	Unread []Unread `json:"unread,omitempty"`

	path  string
	given bool // not of the spool
	left  bool // reading it again brings more, see decoded
}

func newSummary() Summary {
	return Summary{Files: []FileResult{}, Unknown: map[string]uint64{}, Books: []archive.Book{}}
}

// givenPaths are the given files that were loaded now.
func (s *Summary) givenPaths() (paths []string) {
	for _, f := range s.Files {
		if f.given && f.State == "loaded" {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// left says whether a file that was loaded now is worth reading again.
func (s *Summary) left(name string) bool {
	return slices.ContainsFunc(s.Files, func(f FileResult) bool { return f.Name == name && f.left && f.State == "loaded" })
}

// loadedPath says whether the file at the path was loaded now.
func (s *Summary) loadedPath(path string) bool {
	return slices.ContainsFunc(s.Files, func(f FileResult) bool { return f.path == path && f.State == "loaded" })
}

// add takes a file that has gone through.
func (b *build) add(end *fileEnd, loads bool) {
	s := &b.summary
	if end.err == nil && end.known {
		s.Known++
		b.log.Debug("loaded already", "file", end.input.name)
		return
	}
	result := FileResult{
		Name: end.input.name, path: end.input.path, given: !end.input.spool, Rows: end.rows, NoTemplate: end.noTemplate,
		Truncated: end.statistics.Truncated, State: "read", Unread: end.unread, left: end.left,
	}
	if loads {
		result.State = "loaded"
	}
	if end.damage != nil {
		result.Damage, result.Missing = end.damage.Error(), end.statistics.Missing
	}
	if end.err != nil {
		result.State, result.Problem = "failed", end.err.Error()
		if unbalanced := (*archive.BalanceError)(nil); errors.As(end.err, &unbalanced) {
			result.State = "unbalanced"
		}
		s.Failed++
		if errors.Is(end.err, errUntimely) && end.input.spool && loads {
			b.setAside(end.input.name, end.err)
		}
	} else {
		s.Loaded++
		if end.untimely > 0 {
			b.log.Warn(fmt.Sprintf("datagrams were left out because their times cannot be right: before 1996, after 2099, or in more than %d months; correct the clock of the machine that captured them, or the file with editcap -t", maxMonths),
				"file", end.input.name, "datagrams", end.untimely)
		}
		for p, t := range end.books.all {
			book := b.book(p, t)
			key := bookOf{book.Day, book.Router}
			if b.books[key] == nil {
				b.books[key] = &archive.Book{Day: book.Day, Router: book.Router}
			}
			b.books[key].Add(book)
			result.Records += book.Records
			s.Estimated = s.Estimated || t.estimated
		}
		s.Records += result.Records
		s.Rows += result.Rows
	}
	s.Files = append(s.Files, result)
	b.log.Debug("file", "name", result.Name, "state", result.State, "records", result.Records, "rows", result.Rows)
}

// take adds a day that was loaded again. Of files that were loaded just now it has
// the last word.
func (b *build) take(part *build) {
	s, p := &b.summary, &part.summary
	for _, f := range p.Files {
		if at := slices.IndexFunc(s.Files, func(o FileResult) bool { return o.path == f.path }); at >= 0 {
			s.Loaded--
			s.Records -= s.Files[at].Records
			s.Rows -= s.Files[at].Rows
			s.Files = slices.Delete(s.Files, at, at+1)
		}
		s.Files = append(s.Files, f)
	}
	s.Loaded += p.Loaded
	s.Records += p.Records
	s.Rows += p.Rows
	s.Estimated = s.Estimated || p.Estimated
	for addr, n := range p.Unknown {
		s.Unknown[addr] += n
	}
	s.UnknownOthers += p.UnknownOthers
	for key, book := range part.books {
		b.books[key] = book
	}
}

// finish completes the summary and says what failed.
func (b *build) finish(err error) (Summary, error) {
	for _, book := range b.books {
		b.summary.Books = append(b.summary.Books, *book)
	}
	slices.SortFunc(b.summary.Books, func(x, y archive.Book) int {
		return cmp.Or(x.Day.Compare(y.Day), cmp.Compare(x.Router, y.Router))
	})
	for _, f := range b.summary.Files {
		b.summary.NoTemplate += f.NoTemplate
	}
	if err != nil || b.summary.Failed == 0 {
		return b.summary, err
	}
	errs := []error{ErrFiles}
	if b.summary.Loaded+b.summary.Known > 0 {
		errs[0] = ErrPartial
	}
	for _, f := range b.summary.Files {
		if f.Problem != "" {
			errs = append(errs, fmt.Errorf("import %s", oneLine(f.Name+": "+strings.TrimPrefix(f.Problem, f.path+": "))))
		}
	}
	return b.summary, errors.Join(errs...)
}

// oneLine keeps what a file's name holds from looking like an error of its own.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "\\n") }

// Strangers lists the addresses of Unknown, sorted.
func (s *Summary) Strangers() []string { return slices.Sorted(maps.Keys(s.Unknown)) }

// router is a router's name by its number.
func (im *Importer) router(number int) string {
	if number == collectorItself {
		return collectorName
	}
	return im.routers[number].Name
}

// book is a tally in the archive's words.
func (im *Importer) book(p place, t *tally) archive.Book {
	in := func(c counts) archive.Counts { return archive.Counts{Records: c.records, Bytes: c.bytes} }
	b := archive.Book{
		Day:           p.day.day(),
		Router:        im.router(p.router),
		Datagrams:     t.datagrams,
		Records:       t.records.records,
		Bytes:         t.records.bytes,
		Estimated:     t.estimated,
		LostDatagrams: uint64(t.lostDatagrams),
		KernelDropped: t.kernelDropped,
		SpoolLost:     t.spoolLost,
		Rejected:      map[string]uint64{},
		NoTemplate:    t.noTemplate,
		HeardHours:    t.hours,
		Classes: archive.Classes{
			Up:           in(t.classes[attribution.Up]),
			Down:         in(t.classes[attribution.Down]),
			RouterLocal:  in(t.classes[attribution.RouterLocal]),
			Internal:     in(t.classes[attribution.Internal]),
			Transit:      in(t.classes[attribution.Transit]),
			Unattributed: in(t.classes[attribution.Unattributed]),
			Implausible:  in(t.implausible),
		},
		Excluded: map[string]archive.Counts{},
		Loaded:   archive.Loaded{Counts: in(t.loaded)},
		Rules:    map[string]archive.Counts{},
		Findings: t.findings(im.router),

		UplinkLocalBytes: t.basis.uplinks,
	}
	b.LostRecords, b.LostEstimated = t.lostRecords()
	b.Findings = t.basis.findings(b.Findings)
	for reason, n := range t.rejects.All() {
		b.Rejected[reason.String()] = n
	}
	maps.Copy(b.Rejected, t.unreadable)
	if t.duplicates > 0 {
		b.Rejected["duplicate"] = t.duplicates
	}
	if t.untimely > 0 {
		b.Rejected["untimely"] = t.untimely
	}
	if t.noCounters > 0 {
		b.Rejected["no_counters"] = t.noCounters
	}
	for rule, c := range t.basis.rules {
		if c != (counts{}) {
			b.Rules[attribution.Rule(rule).String()] = in(c)
		}
	}
	for i, c := range t.excluded {
		if c != (counts{}) {
			b.Excluded[im.rules[i].Name] = in(c)
		}
	}
	return b
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
