package pack

import (
	"context"
	"fmt"
	"nfacct/archive"
	"strings"
)

// look checks the month's tables, counts what is in them, and compares that with the
// books.
func (j *job) look(ctx context.Context) (err error) {
	if j.parts, err = j.a.Reader().Parts(ctx, j.month.First(), j.month.Last()); err != nil {
		return err
	}
	j.before = sums{}
	var damage, problems []string
	for _, p := range j.parts {
		said, altered, err := j.lookAt(ctx, p)
		if err != nil {
			return err
		}
		if said != "" {
			damage = append(damage, said)
		}
		if altered != "" {
			problems = append(problems, p.Table+": "+altered)
		}
	}
	j.step("checked")
	books, err := j.a.Reader().Loaded(ctx, j.month.First(), j.month.Last())
	if err != nil {
		return err
	}
	problems = append(problems, j.against(j.before, books)...)
	said := strings.Join(damage, "; ")
	if kept := j.keptRows(); said != "" && problems != nil && len(kept) > 0 {
		said += "; its data file of before is kept: " + strings.Join(kept, ", ")
	}
	if problems != nil {
		wrong := &BooksError{Month: j.month, Damage: said, Problems: problems}
		if !j.opts.Accept {
			return wrong
		}
		j.log.Warn("packing a month that holds something else than its books say", "month", j.month, "problem", wrong.Error())
		j.result.Problem = wrong.what()
	} else {
		if said != "" {
			j.log.Warn("a damaged table was repaired; nothing is lost", "month", j.month, "damage", said)
		}
		if err := j.dropKept(ctx); err != nil {
			return err
		}
	}
	j.result.Month, j.result.Method = j.month, j.method
	j.result.Rows, j.result.Flows = j.before.total().Rows, j.before.total().Flows
	j.step("counted")
	j.progress(stepCount)
	return nil
}

// lookAt is look for one table. altered says that its rows are not those that were
// loaded.
func (j *job) lookAt(ctx context.Context, p archive.Part) (damage, altered string, err error) {
	kept, err := j.lock.Kept(ctx, p) // before anything sums up anew
	if err != nil {
		return "", "", err
	}
	if damage, err = j.lock.Check(ctx, p.Table); err != nil {
		return "", "", err
	}
	if damage != "" {
		if p.Table == j.month.PackedTable() {
			return "", "", fmt.Errorf("%w: %s: %s", archive.ErrDamaged, p.Table, damage)
		}
		if err := j.repair(ctx, p.Table, damage); err != nil {
			return "", "", err
		}
		damage = p.Table + ": " + damage
	}
	size, err := j.size(ctx, p.Table)
	if err != nil {
		return "", "", err
	}
	j.result.Live += size
	found, sum, err := j.read(ctx, p)
	if err != nil {
		return "", "", err
	}
	for day, f := range found {
		j.before[day] = j.before[day].Plus(f)
	}
	j.sumOf = append(j.sumOf, sum)
	rows := found.total().Rows
	if p.Without != nil {
		rows = kept.Rows // the table has more than the part
	}
	return damage, kept.Altered(rows, sum), nil
}
