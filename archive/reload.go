package archive

import "context"

// ClearDay takes a day's rows, books and rollups out of the archive and marks
// the day, durably, as being loaded again; FinishDay removes the mark. The
// files that the day is made of are those of FilesOfDay, before and after. On a
// day that is marked already it starts over.
func (a *Archive) ClearDay(ctx context.Context, day Day) error { panic("unwritten") }

// FinishDay says that every file of the day is loaded again; it is an error that
// names them when some are not.
func (a *Archive) FinishDay(ctx context.Context, day Day) error { panic("unwritten") }

// Reloading lists the days that ClearDay marked and FinishDay did not finish.
func (a *Archive) Reloading(ctx context.Context) ([]Day, error) { panic("unwritten") }
