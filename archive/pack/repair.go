package pack

import (
	"context"
	"fmt"
	"strings"
)

// repair mends the live table, beginning with what changes least: keys alone,
// then rows that can be read, then with an index file made anew. It returns the
// damage; whether rows are lost, the books tell.
func (j *job) repair(ctx context.Context, damage string) (string, error) {
	table := j.month.Table()
	j.log.Warn("a table is damaged: repairing it", "table", table, "damage", damage)
	unlock, err := j.a.Lock(ctx, j.opts.Wait)
	if err != nil {
		return damage, err
	}
	defer unlock()
	if j.tools != nil {
		if err := j.room(ctx, j.tools.database, table); err != nil {
			return damage, err
		}
	}
	said := ""
	for _, how := range []string{"QUICK", "", "EXTENDED", "USE_FRM"} {
		statement := strings.TrimSpace("REPAIR TABLE " + table + " " + how)
		if _, err = j.maintain(ctx, statement); err != nil {
			return damage, err
		}
		j.step("repaired")
		if said, err = j.check(ctx, table); err != nil {
			return damage, err
		}
		if said == "" {
			return damage, nil
		}
	}
	return damage, fmt.Errorf("%s is damaged (%s) and cannot be repaired (%s): load the days of the month again (nfacct import --from --to)", table, damage, said)
}
