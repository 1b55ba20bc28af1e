package pack

import (
	"context"
	"fmt"
	"slices"

	"nfacct/archive"
)

// Verb is what is to be done with a month.
type Verb string

// The verbs.
const (
	DoPack   Verb = "pack"
	DoDrop   Verb = "drop"
	DoUnpack Verb = "unpack"
	DoRefuse Verb = "refuse"
)

// Action is one month's part of a plan. Its JSON form is a contract with other
// programs.
type Action struct {
	Month  archive.Month `json:"-"`
	Name   string        `json:"month"`
	Do     Verb          `json:"do"`
	Reason string        `json:"reason,omitempty"`
	Files  []string      `json:"files,omitempty"` // still to import
	Asked  string        `json:"-"`               // what is refused: packed, dropped or unpacked

	gone bool // there is no table, and Options.Accept gives it up
}

// NewAction is a month to be packed.
func NewAction(m archive.Month) Action {
	return Action{Month: m, Name: m.String(), Do: DoPack, Asked: "packed"}
}

// Refuse makes the action one that is not done.
func (a *Action) Refuse(reason string) { a.Do, a.Reason = DoRefuse, reason }

// Err is the error of a refused action.
func (a *Action) Err() error { return fmt.Errorf("%s is not %s: %s", a.Name, a.Asked, a.Reason) }

// Pending finds the files that have to be imported before anything is done with the
// flows of the days from..to, and says why they hold it up; no files: nothing does.
type Pending func(ctx context.Context, from, to archive.Day) (files []string, why string, err error)

// Plan says what is to be done with one month, or with all months when only is zero.
// Days before today are over.
func (p *Packer) Plan(ctx context.Context, today archive.Day, only archive.Month, pending Pending) ([]Action, error) {
	if only != (archive.Month{}) {
		action, err := p.consider(ctx, today, only, pending)
		return []Action{action}, err
	}
	var todo []Action
	expired, err := p.Expired(ctx, today)
	if err != nil {
		return nil, err
	}
	for _, month := range expired {
		action := Action{Month: month, Name: month.String(), Do: DoDrop, Reason: fmt.Sprintf("archive.keep_months is %d", p.cfg.KeepMonths), Asked: "dropped"}
		// A dropped month takes no files any more.
		if err := action.await(ctx, pending); err != nil {
			return nil, err
		}
		todo = append(todo, action)
	}
	due, err := p.Due(ctx, today)
	if err != nil {
		return nil, err
	}
	for _, month := range due {
		if slices.Contains(expired, month) {
			continue
		}
		action, err := p.consider(ctx, today, month, pending)
		if err != nil {
			return nil, err
		}
		todo = append(todo, action)
	}
	return todo, nil
}

// consider says whether a month can be packed.
func (p *Packer) consider(ctx context.Context, today archive.Day, month archive.Month, pending Pending) (Action, error) {
	action := NewAction(month)
	if !month.Last().Before(today) {
		action.Refuse("the month is not over")
		return action, nil
	}
	state, err := p.State(ctx, month)
	if err != nil {
		return action, err
	}
	switch state {
	case "":
		action.Refuse("there is nothing of it")
	case StatePacked:
		action.Refuse("it is packed already")
	case StateDropped:
		action.Refuse("its flows were dropped on purpose (archive.keep_months); its sums and books are there")
	case StateMissing:
		action.Refuse(month.Gone())
		action.gone = true
	case StateView:
		action.Refuse(NotOurs(month))
	default:
		err = action.await(ctx, pending)
	}
	return action, err
}

// await refuses the action while files of its month are not imported.
func (a *Action) await(ctx context.Context, pending Pending) (err error) {
	var why string
	a.Files, why, err = pending(ctx, a.Month.First(), a.Month.Last())
	if len(a.Files) > 0 {
		a.Refuse(why)
	}
	return err
}

// Whole says why more of a month is to come, or "" when it is over and all of its
// files are imported.
func Whole(ctx context.Context, today archive.Day, month archive.Month, pending Pending) (why string, err error) {
	if !month.Last().Before(today) {
		return "it is not over until its last file is sealed", nil
	}
	action := NewAction(month)
	err = action.await(ctx, pending)
	return action.Reason, err
}

// Result is what became of a month. Its JSON form is a contract with other programs.
type Result struct {
	Month        string  `json:"month"`
	Done         Outcome `json:"done"`
	Rows         uint64  `json:"rows,omitempty"`
	Flows        uint64  `json:"flows,omitempty"`
	LiveBytes    uint64  `json:"live_bytes,omitempty"`
	Bytes        uint64  `json:"bytes,omitempty"`
	BytesPerFlow float64 `json:"bytes_per_flow,omitempty"`
	Seconds      float64 `json:"seconds,omitempty"`
	Problem      string  `json:"problem,omitempty"` // what it was packed in spite of, or why it was not

	Err error `json:"-"` // why it was refused or failed
}

// Outcome is the end of an action.
type Outcome string

// The outcomes.
const (
	Packed   Outcome = "packed"
	Dropped  Outcome = "dropped"
	Unpacked Outcome = "unpacked"
	Refused  Outcome = "refused"
	Failed   Outcome = "failed"
)

// Do does what was planned. A month that fails does not stop the others; with
// Options.Accept a month whose table is gone is dropped.
func (p *Packer) Do(ctx context.Context, todo []Action, opts Options) []Result {
	results := []Result{}
	for _, action := range todo {
		if ctx.Err() != nil {
			break
		}
		if action.gone && opts.Accept {
			action.Do = DoDrop
		}
		result := Result{Month: action.Name, Done: Failed}
		switch action.Do {
		case DoRefuse:
			result.Done, result.Err = Refused, action.Err()
		case DoDrop:
			if result.Err = p.Drop(ctx, action.Month, opts.Wait); result.Err == nil {
				result.Done = Dropped
			}
		default:
			var r archive.Pack
			if r, result.Err = p.Pack(ctx, action.Month, opts); result.Err == nil {
				result = Result{Month: action.Name, Done: Packed, Rows: r.Rows, Flows: r.Flows, LiveBytes: r.Live, Bytes: r.Packed, Seconds: r.Took.Seconds(), Problem: r.Problem}
				if r.Flows > 0 {
					result.BytesPerFlow = float64(r.Packed) / float64(r.Flows)
				}
			}
		}
		if result.Err != nil {
			result.Problem = result.Err.Error()
		}
		results = append(results, result)
	}
	return results
}

// UnpackPlan says whether a month can be unpacked.
func (p *Packer) UnpackPlan(ctx context.Context, m archive.Month) (Action, error) {
	action := Action{Month: m, Name: m.String(), Do: DoUnpack, Asked: "unpacked"}
	state, err := p.State(ctx, m)
	if err == nil && state != StatePacked && state != StateLate {
		action.Refuse("it is not packed")
	}
	return action, err
}
