package archive

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PackState is where a month is on its way, as month_packs has it.
type PackState string

// The states.
const (
	StatePacking   PackState = "packing"
	StateSwitching PackState = "switching"
	StatePacked    PackState = "packed"
	StateUnpacking PackState = "unpacking"
	StateUnpacked  PackState = "unpacked"
	StateDropping  PackState = "dropping"
	StateDropped   PackState = "dropped"
)

// packMove is a state that a month can get into.
type packMove struct {
	to   PackState
	from []PackState // "": the month has no entry
	// finish goes on, or back, when the move is cut short behind it; nil where nothing is
	// between two tables. It is done by whoever takes the writer lock next.
	finish func(*Archive, context.Context, Month) error
}

// packMoves are all of them. An attempt to pack that is cut short is gone on with, or
// begun again, by whoever packs next.
func packMoves() []packMove {
	return []packMove{
		{to: StatePacking, from: []PackState{"", StateUnpacked, StatePacked, StatePacking, StateSwitching, StateDropped}},
		{to: StateSwitching, from: []PackState{StatePacking}, finish: (*Archive).finishSwitch},
		{to: StatePacked, from: []PackState{StateSwitching, StatePacking, StateUnpacking}},
		{to: StateUnpacking, from: []PackState{"", StatePacked, StatePacking, StateUnpacked}, finish: (*Archive).finishUnpack},
		{to: StateUnpacked, from: []PackState{StateUnpacking}},
		{to: StateDropping, from: []PackState{"", StatePacking, StatePacked, StateUnpacked, StateDropping, StateDropped}, finish: (*Archive).endDrop},
		{to: StateDropped, from: []PackState{StateDropping}},
	}
}

// packMoveTo is the move to a state, and its from as a condition.
func packMoveTo(to PackState) (move packMove, from string) {
	moves := packMoves()
	move = moves[slices.IndexFunc(moves, func(m packMove) bool { return m.to == to })]
	var states []string
	for _, state := range move.from {
		states = append(states, "'"+string(state)+"'")
	}
	return move, "state IN (" + strings.Join(states, ", ") + ")"
}

// beginMove takes a month to a state in which it gets a token, whether it has an entry
// or not. What was packed before stays known.
func (a *Archive) beginMove(ctx context.Context, doing string, m Month, to PackState, token, method string) error {
	_, from := packMoveTo(to)
	return a.exec(ctx, doing, `INSERT INTO month_packs (month, state, token, disturbed, again, method, row_count, flows, live_bytes, packed_bytes, took, problem, started)
	VALUES (?, ?, ?, FALSE, FALSE, ?, 0, 0, 0, 0, 0, '', UTC_TIMESTAMP())
	ON DUPLICATE KEY UPDATE token = IF(`+from+`, VALUES(token), token), disturbed = disturbed AND NOT (`+from+`),
	method = IF(VALUES(method) <> '' AND `+from+`, VALUES(method), method), state = IF(`+from+`, VALUES(state), state)`, m, to, token, method)
}

// endMove takes a month to a state in which nothing of it is on its way.
func (a *Archive) endMove(ctx context.Context, doing string, m Month, to PackState) error {
	_, from := packMoveTo(to)
	return a.exec(ctx, doing, "UPDATE month_packs SET state = ?, finished = UTC_TIMESTAMP() WHERE month = ? AND "+from, to, m)
}

// Pack is an entry of month_packs.
type Pack struct {
	Month    Month
	State    PackState
	Method   string
	Rows     uint64 // figures of when it was packed
	Flows    uint64
	Live     uint64 // bytes of the tables that were packed, data and keys
	Packed   uint64 // bytes of the packed one
	Took     time.Duration
	Problem  string // what was packed all the same
	Started  time.Time
	Verified time.Time // zero: never
	Finished time.Time
}

// Cut says that the month was cut short between two tables.
func (p *Pack) Cut() bool {
	move, _ := packMoveTo(p.State)
	return move.finish != nil
}

// Packs lists month_packs, the oldest month first.
func (r Reader) Packs(ctx context.Context) ([]Pack, error) {
	return collect(ctx, r.a.db, "read packs", `SELECT month, state, method, row_count, flows, live_bytes, packed_bytes, took * 1000000, problem,
	started, verified, finished FROM month_packs ORDER BY month`, func(p *Pack) []any {
		return []any{&p.Month, &p.State, &p.Method, &p.Rows, &p.Flows, &p.Live, &p.Packed, &p.Took, &p.Problem,
			&p.Started, (*moment)(&p.Verified), (*moment)(&p.Finished)}
	})
}

// pack is a month's entry, nil if there is none.
func (a *Archive) pack(ctx context.Context, m Month) (*Pack, error) {
	packs, err := a.Reader().Packs(ctx)
	if err != nil {
		return nil, err
	}
	for i := range packs {
		if packs[i].Month == m {
			return &packs[i], nil
		}
	}
	return nil, nil
}

// dropped are the months whose flows were dropped on purpose.
func (a *Archive) dropped(ctx context.Context) (map[Month]bool, error) {
	packs, err := a.Reader().Packs(ctx)
	if err != nil {
		return nil, err
	}
	dropped := map[Month]bool{}
	for _, p := range packs {
		if p.State == StateDropped || p.State == StateDropping {
			dropped[p.Month] = true
		}
	}
	return dropped, nil
}

// recoverPacks ends what was cut short between two tables. The writer lock is
// held. An attempt to pack may be under way: it is its own business.
func (a *Archive) recoverPacks(ctx context.Context) error {
	packs, err := a.Reader().Packs(ctx)
	if err != nil {
		return err
	}
	for _, p := range packs {
		if move, _ := packMoveTo(p.State); move.finish != nil {
			if err := move.finish(a, ctx, p.Month); err != nil {
				return fmt.Errorf("recover %s: %w", p.Month, err)
			}
		}
	}
	return nil
}
