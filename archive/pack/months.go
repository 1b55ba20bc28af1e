package pack

import (
	"context"
	"slices"
	"time"

	"nfacct/archive"
)

// Due lists the months that are over before a day and not packed, or packed without
// rows that came late, or whose table is missing, the oldest first.
func (p *Packer) Due(ctx context.Context, today archive.Day) ([]archive.Month, error) {
	entries, err := p.List(ctx)
	if err != nil {
		return nil, err
	}
	var due []archive.Month
	for _, e := range entries {
		if (e.State == StateLive || e.State == StateMissing || e.LateDays > 0) && e.month.Last().Before(today) {
			due = append(due, e.month)
		}
	}
	return due, nil
}

// Expired lists the months whose flows are kept no longer, the oldest first;
// none unless Config.KeepMonths says so. A month goes only when so many later ones
// are there too: a clock that is set far forward is one month's mistake at most.
func (p *Packer) Expired(ctx context.Context, today archive.Day) ([]archive.Month, error) {
	months, err := p.a.Reader().Months(ctx)
	if err != nil || p.cfg.KeepMonths == 0 {
		return nil, err
	}
	var expired []archive.Month
	for i, m := range months {
		age := 12*(today.Year-m.Year) + int(today.Month) - int(m.Month)
		if later := len(months) - 1 - i; age > p.cfg.KeepMonths && later >= p.cfg.KeepMonths {
			expired = append(expired, m)
		}
	}
	return expired, nil
}

// Drop drops a month's flows for good. Rollups and books stay.
func (p *Packer) Drop(ctx context.Context, m archive.Month, wait time.Duration) error {
	lock, err := p.a.LockPacking(ctx, wait)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return p.locked(ctx, wait, func(w *archive.Writer) error { return w.DropMonth(ctx, m) })
}

// CloseDays makes the keys of all days before one that have none yet.
func (p *Packer) CloseDays(ctx context.Context, today archive.Day, wait time.Duration) error {
	return p.locked(ctx, wait, func(w *archive.Writer) error { return w.CloseDays(ctx, today, today) })
}

// locked does something with the writer lock.
func (p *Packer) locked(ctx context.Context, wait time.Duration, do func(*archive.Writer) error) error {
	w, err := p.a.Lock(ctx, wait)
	if err != nil {
		return err
	}
	defer w.Unlock()
	return do(w)
}

// The values of Entry.State.
const (
	StateLive    = "live"
	StatePacked  = "packed"
	StateDropped = "dropped"
	StateMissing = "missing" // the books say that there are rows, and there is no table
	StateView    = "view"    // somebody's, under the name of a month's table
	// StateLate is that of a packed month with late rows, which can be packed again; in
	// the list it is packed.
	StateLate = "late"
)

// NotOurs says of a month of StateView what to do about it.
func NotOurs(m archive.Month) string {
	return m.Table() + " is a view that somebody made, and no table of flows: give it another name"
}

// Entry is a month in the list. Its JSON form is a contract with other programs.
type Entry struct {
	Month        string    `json:"month"`
	State        string    `json:"state"`
	Table        string    `json:"table,omitempty"`
	Rows         uint64    `json:"rows"`
	Flows        uint64    `json:"flows"`
	Bytes        uint64    `json:"bytes"`          // data and keys
	BytesPerFlow float64   `json:"bytes_per_flow"` // 0 without flows
	LiveBytes    uint64    `json:"live_bytes,omitempty"`
	Ratio        float64   `json:"ratio,omitempty"` // live to packed
	Method       string    `json:"method,omitempty"`
	Packed       time.Time `json:"packed,omitzero"`
	Verified     time.Time `json:"verified,omitzero"` // against the live table and the books; or see Problem
	Seconds      float64   `json:"seconds,omitempty"` // that packing took
	Problem      string    `json:"problem,omitempty"` // what was packed all the same
	// LateDays is how many days of a packed month have tables beside it, of rows that
	// came late or of the day loaded again.
	LateDays int `json:"late_days,omitempty"`

	month archive.Month
}

// List tells of each month, the oldest first.
func (p *Packer) List(ctx context.Context) ([]Entry, error) {
	packs, err := p.a.Reader().Packs(ctx)
	if err != nil {
		return nil, err
	}
	of := map[archive.Month]archive.Pack{}
	for _, pack := range packs {
		of[pack.Month] = pack
	}
	months, err := p.a.Reader().Months(ctx)
	if err != nil {
		return nil, err
	}
	entries := []Entry{}
	for _, pack := range packs {
		if pack.State == archive.StateDropped {
			entries = append(entries, Entry{Month: pack.Month.String(), State: StateDropped, month: pack.Month})
		}
	}
	missing, err := p.a.Reader().Missing(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range missing {
		entries = append(entries, Entry{Month: m.String(), State: StateMissing, Problem: m.Gone(), month: m})
	}
	for _, m := range months {
		e, err := p.entry(ctx, m, of[m])
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return a.month.Compare(b.month) })
	return entries, nil
}

// State is a month's, as in the list, or StateLate; "" if nothing of it was ever there.
func (p *Packer) State(ctx context.Context, m archive.Month) (string, error) {
	entries, err := p.List(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.month == m && e.LateDays > 0 {
			return StateLate, nil
		}
		if e.month == m {
			return e.State, nil
		}
	}
	return "", nil
}

// entry tells of a month that has a table.
func (p *Packer) entry(ctx context.Context, m archive.Month, pack archive.Pack) (Entry, error) {
	e := Entry{Month: m.String(), State: StateLive, Table: m.Table(), month: m}
	parts, err := p.a.Reader().Parts(ctx, m.First(), m.Last())
	if err != nil {
		return e, err
	}
	if len(parts) == 0 {
		e.State = StateView // or there is nothing of it
		return e, nil
	}
	for _, part := range parts {
		size, err := p.a.Reader().SizeOf(ctx, part.Table)
		if err != nil {
			return e, err
		}
		e.Rows, e.Bytes = e.Rows+size.Rows, e.Bytes+size.Data+size.Keys
		if part.Table == m.PackedTable() {
			e.State, e.Table = StatePacked, part.Table
		}
	}
	loaded, err := p.a.Reader().Loaded(ctx, m.First(), m.Last())
	if err != nil {
		return e, err
	}
	for _, day := range loaded {
		e.Flows += day.Records
	}
	if e.State == StatePacked {
		e.LateDays = len(parts) - 1
		e.LiveBytes, e.Method, e.Problem = pack.Live, pack.Method, pack.Problem
		e.Packed, e.Verified, e.Seconds = pack.Finished, pack.Verified, pack.Took.Seconds()
		if !pack.Verified.IsZero() && e.LateDays == 0 { // InnoDB only guesses
			e.Rows, e.Flows = pack.Rows, pack.Flows
		}
		if pack.Live > 0 && e.Bytes > 0 {
			e.Ratio = float64(pack.Live) / float64(e.Bytes)
		}
	}
	if e.Flows > 0 {
		e.BytesPerFlow = float64(e.Bytes) / float64(e.Flows)
	}
	return e, nil
}
