package archive

// Reader answers questions about days, hours, hosts, peers, books, files and flows. It never
// writes: the sums of days are up to date when RefreshDays was called before.
type Reader struct{ a *Archive }

// Reader answers questions, and never writes.
func (a *Archive) Reader() Reader { return Reader{a} }
