package archive

import (
	"context"
	"time"
)

// Import is a file in the ledger.
type Import struct {
	ID uint32
	File
	Loaded            bool
	Records           uint64 // of all routers and days
	Rows              uint64
	NoTemplate        uint64 // data sets left out for want of their template
	Problem           string // what did not balance
	Started, Finished time.Time
}

// ImportByDigest finds the file with these bytes, whatever its name; nil if
// there is none.
func (a *Archive) ImportByDigest(ctx context.Context, digest [32]byte) (*Import, error) {
	panic("unwritten")
}

// ImportsByName finds the files loaded under a name.
func (a *Archive) ImportsByName(ctx context.Context, name string) ([]Import, error) {
	panic("unwritten")
}

// FilesOfDay lists the files that hold something of a day, by name.
func (a *Archive) FilesOfDay(ctx context.Context, day Day) ([]Import, error) { panic("unwritten") }

// LoadedNames lists the names of all files loaded, sorted.
func (a *Archive) LoadedNames(ctx context.Context) ([]string, error) { panic("unwritten") }

// MissingTemplates lists the files that were loaded without some of their
// records, because a template had not come, with the days they belong to.
func (a *Archive) MissingTemplates(ctx context.Context) ([]Import, error) { panic("unwritten") }

// DaysOf lists the days that a file holds something of.
func (a *Archive) DaysOf(ctx context.Context, importID uint32) ([]Day, error) { panic("unwritten") }

// Books are the balances of the days from..to, by day and router, summed over
// the files loaded. Difference is filled in where one does not balance, in
// itself or against the tables.
func (a *Archive) Books(ctx context.Context, from, to Day) ([]Book, error) { panic("unwritten") }
