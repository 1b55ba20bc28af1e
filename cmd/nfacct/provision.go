package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/provision"
	"nfacct/cmd/internal/stages"
	"nfacct/routeros"
)

// provisionFlags are what the command line of provision says.
type provisionFlags struct {
	dryRun, undo, trust, createUser bool
	wait                            time.Duration
}

func (a *app) provisionCommand() *cobra.Command {
	var f provisionFlags
	cmd := &cobra.Command{
		Use:   "provision [ROUTER...]",
		Short: "make the routers send their flows here, and see that they do",
		Long: `Compares what each router that has an address exports with what is wanted,
prints the difference as RouterOS commands, writes it, reads it back, and waits
for the first datagram. A second run changes nothing. What the routers had before
is kept in the folder routers of the state folder, for --undo.

A datagram proves nothing about its sender: anybody on the LAN can forge one with
the router's address. A forger can invent flows of any host, make sequence numbers
show loss, and send templates of its own. A forger cannot remove or change flows
that were received, read or write the routers, change the interface counters that
nfacct reads over the API, or put a host on provision.over_quota_list beyond these
counters. A firewall rule that takes UDP 8787 from the routers alone keeps most
forgers out.`,
		Example: `  nfacct provision --trust gw-1
  nfacct provision --dry-run
  nfacct provision
  nfacct provision --undo gw-1`,
		RunE: func(c *cobra.Command, names []string) error { return a.provision(c.Context(), f, names) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "write nothing, print what would be")
	flags.BoolVar(&f.undo, "undo", false, "give the routers back what they had before the first provisioning")
	flags.BoolVar(&f.trust, "trust", false, "show the routers' certificates and the lines that pin them; nobody logs in")
	flags.BoolVar(&f.createUser, "create-user", false, "make the user of the least rights that provision.account names")
	flags.DurationVar(&f.wait, "wait", 90*time.Second, "how long to wait for the first datagram; 0 not to")
	return cmd
}

// check says what is wrong with the flags.
func (f *provisionFlags) check(p routeros.Provision) error {
	switch {
	case f.trust && (f.undo || f.createUser || f.dryRun):
		return errors.New("--trust only looks: leave --undo, --create-user and --dry-run out")
	case f.undo && f.createUser:
		return errors.New("--undo and --create-user: leave one of the two out")
	case f.createUser && p.Account == "":
		return errors.New(`--create-user: no account is named; add account = "nfacct" and account_password_file to [provision]`)
	case f.createUser && p.AccountPasswordFile == "":
		return errors.New("--create-user: no password for it; write one to a file of mode 0600 and name that in provision.account_password_file")
	case f.wait < 0:
		return errors.New("--wait: a time is not below 0")
	}
	return nil
}

func (a *app) provision(ctx context.Context, f provisionFlags, names []string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if err := f.check(cfg.Provision); err != nil {
		return exit.Usage(err)
	}
	routers, err := stages.Managed(cfg, names)
	if err != nil {
		return exit.Usage(err)
	}
	if f.trust {
		return a.trust(ctx, cfg, routers)
	}
	port, err := stages.CollectorPort(cfg)
	if err != nil {
		return exit.Usage(err)
	}
	if !f.dryRun {
		unlock, err := provision.Lock(cfg)
		if err != nil {
			return err
		}
		defer unlock()
	}
	var listener *provision.Listener
	if f.wait > 0 && !f.dryRun && !f.undo {
		listener = provision.Listen(cfg)
		defer listener.Close()
		if listener.Hears() {
			for _, problem := range listener.Deaf {
				a.log.Warn("datagrams that come there are not heard; those of the other addresses are", "problem", problem)
			}
		}
	}
	var over *provision.OverQuota
	var unknown string
	switch {
	case cfg.Provision.OverQuotaList == "":
	case f.undo:
		over = &provision.OverQuota{} // nobody is to be listed
	default:
		over, unknown = provision.OverQuotaNow(ctx, cfg, a.log)
	}
	results := make([]provision.Result, len(routers))
	var printing sync.Mutex
	var waiting sync.WaitGroup
	whole := ctx
	routeros.Each(ctx, len(routers), cfg.Provision.Parallel, cfg.Provision.Deadline, func(ctx context.Context, i int) {
		p := &provision.Provisioning{Config: cfg, Router: &routers[i], Port: port, Log: a.log, DryRun: f.dryRun, Undo: f.undo, CreateUser: f.createUser, Over: over, Unknown: unknown}
		r := &results[i]
		*r = p.Run(ctx)
		// Who waits for a datagram takes up no place of those who talk to routers,
		// and each is printed as it is done.
		waiting.Go(func() {
			if listener != nil {
				r.Await(whole, cfg, listener, f.wait)
			}
			printing.Lock()
			defer printing.Unlock()
			a.printRouter(r, f)
		})
	})
	waiting.Wait()
	if a.json {
		if err := a.printJSON(results); err != nil {
			return err
		}
	}
	return stages.FailedRouters(len(results), func(i int) (string, bool) { return results[i].Router, results[i].Failed() })
}
