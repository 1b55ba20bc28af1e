package provision

import (
	"context"
	"fmt"

	"nfacct/routeros"
)

// account plans the user of the least rights: to be written when asked on the
// command line, else as an offer. It gives what is to be written.
func (p *Provisioning) account(ctx context.Context, d *routeros.Device, wanted routeros.Wanted) ([]routeros.Change, error) {
	name := p.Config.Provision.Account
	if name == "" {
		return nil, nil
	}
	password := ""
	if p.CreateUser {
		secret, err := routeros.ReadSecret(p.Config.Provision.AccountPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("password of %s: %w", name, err)
		}
		password = secret
	}
	plan, err := d.PlanAccount(ctx, name, password, wanted.Collector.Addr())
	if err != nil && !p.CreateUser {
		p.result.Notes = append(p.result.Notes, fmt.Sprintf("whether there is a user %s is not known: %v", name, err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	offer := "with --create-user"
	if p.CreateUser {
		offer = ""
	}
	p.result.add(plan.Changes, offer)
	if !p.CreateUser {
		return nil, nil
	}
	return plan.Changes, nil
}
