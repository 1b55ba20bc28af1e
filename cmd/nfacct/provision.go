package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/config"
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
is kept in the folder routers of the state folder, for --undo.`,
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
		return usageError(err)
	}
	routers, err := managed(cfg, names)
	if err != nil {
		return usageError(err)
	}
	if f.trust {
		return a.trust(ctx, cfg, routers)
	}
	port, err := collectorPort(cfg)
	if err != nil {
		return usageError(err)
	}
	var ears *ears
	if f.wait > 0 && !f.dryRun && !f.undo {
		ears = listenFor(cfg)
		defer ears.close()
		if len(ears.sockets) > 0 {
			for _, problem := range ears.deaf {
				a.log.Warn("datagrams that come there are not heard; those of the other addresses are", "problem", problem)
			}
		}
	}
	var over *overQuota
	var unknown string
	switch {
	case cfg.Provision.OverQuotaList == "":
	case f.undo:
		over = &overQuota{} // nobody is to be listed
	default:
		over, unknown = a.overQuotaNow(ctx, cfg)
	}
	results := make([]provisionResult, len(routers))
	var printing sync.Mutex
	var waiting sync.WaitGroup
	whole := ctx
	routeros.Each(ctx, len(routers), cfg.Provision.Parallel, cfg.Provision.Deadline, func(ctx context.Context, i int) {
		p := &provisioning{app: a, cfg: cfg, router: &routers[i], flags: f, port: port, over: over, unknown: unknown}
		r := &results[i]
		*r = p.run(ctx)
		// Who waits for a datagram takes up no place of those who talk to routers,
		// and each is printed as it is done.
		waiting.Go(func() {
			if ears != nil {
				r.await(whole, cfg, ears, f.wait)
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
	return failedRouters(len(results), func(i int) (string, bool) { return results[i].Router, results[i].failed() })
}

// failedRouters is the error of a command that some of n routers failed.
func failedRouters(n int, failed func(int) (name string, is bool)) error {
	var names []string
	for i := range n {
		if name, is := failed(i); is {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return nil
	case len(names) < n:
		return partialError(fmt.Errorf("%d of %d routers failed: %s", len(names), n, strings.Join(names, ", ")))
	case n == 1:
		return fmt.Errorf("%s failed", names[0])
	}
	return fmt.Errorf("all %d routers failed", n)
}

// managed are the routers that have an address, or those of them that are named.
func managed(cfg *config.Config, names []string) ([]config.Router, error) {
	var routers []config.Router
	known := map[string]bool{}
	for _, router := range cfg.Routers {
		known[router.Name] = true
		named := slices.Contains(names, router.Name)
		if named && !router.Managed() {
			return nil, fmt.Errorf(`router %s has no address to be managed at: add address = "192.168.88.1" to it`, router.Name)
		}
		if router.Managed() && (named || len(names) == 0) {
			routers = append(routers, router)
		}
	}
	for _, name := range names {
		if !known[name] {
			return nil, fmt.Errorf("no router is called %q in the configuration", name)
		}
	}
	if len(routers) == 0 {
		return nil, errors.New(`no router has an address to be managed at: add for example
[[router]]
name = "gw-1"
export = ["192.168.88.1"]
address = "192.168.88.1"
user = "admin"
password_file = "gw-1.password"`)
	}
	return routers, nil
}

// collectorPort is the port that routers send to.
func collectorPort(cfg *config.Config) (uint16, error) {
	if cfg.Provision.Port != 0 {
		return uint16(cfg.Provision.Port), nil
	}
	_, port, err := net.SplitHostPort(cfg.Collector.Listen[0])
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err == nil && n == 0 {
		err = errors.New("collector.listen leaves the port open: set provision.port to where routers should send")
	}
	return uint16(n), err
}

// savedFolder is where the routers' states before are kept.
func savedFolder(cfg *config.Config) string { return filepath.Join(cfg.State, "routers") }

// provisioning is what is done with one router.
type provisioning struct {
	app    *app
	cfg    *config.Config
	router *config.Router
	flags  provisionFlags
	port   uint16
	result provisionResult
	// over is who is over quota; when it is nil, unknown says why.
	over    *overQuota
	unknown string
}

func (p *provisioning) run(ctx context.Context) provisionResult {
	err := routeros.Use(ctx, p.router.Config, p.app.log, func(ctx context.Context, d *routeros.Device) error {
		p.result = provisionResult{} // of an attempt before
		return p.with(ctx, d)
	})
	p.result.Router, p.result.Address = p.router.Name, p.router.Address
	if err != nil {
		p.result.State, p.result.Error = stateFailed, err.Error()
		var half *routeros.ApplyError
		if errors.As(err, &half) {
			p.result.mark(half.Done)
		}
	}
	return p.result
}

// with plans and writes.
func (p *provisioning) with(ctx context.Context, d *routeros.Device) error {
	r := &p.result
	facts, err := d.Outline(ctx)
	if err != nil {
		return err
	}
	r.Identity, r.Version, r.Board = facts.Identity, facts.Version, facts.Board
	path := routeros.SavedPath(savedFolder(p.cfg), p.router.Name)
	saved, err := routeros.LoadSaved(path)
	if err != nil {
		return err
	}
	if p.flags.undo {
		return p.undo(ctx, d, facts, saved, path)
	}
	if saved != nil {
		if other := saved.Other(facts); other != "" {
			if !p.flags.dryRun {
				aside, err := saved.Aside(path)
				if err != nil {
					return err
				}
				r.Notes = append(r.Notes, fmt.Sprintf("the saved state was of another device, of %s: it is %s now", other, aside))
			}
			saved = nil
		}
	}
	wanted := p.cfg.Provision.For(p.router.Config, facts, d.Local(), p.port, p.router.Export)
	r.wanted = wanted
	if err := wanted.Check(&facts.Flow); err != nil {
		return fmt.Errorf("router %s: plan: %w", p.router.Name, err)
	}
	plan := routeros.Compare(&facts.Flow, wanted)
	r.plan(plan)
	if saved != nil {
		for _, to := range saved.Targets {
			if to != wanted.Collector && facts.Flow.Sends(to) {
				r.Notes = append(r.Notes, fmt.Sprintf("nfacct made the target %s here before; if nobody listens there any more: /ip traffic-flow target remove [find dst-address=%s port=%d]", to, to.Addr(), to.Port()))
			}
		}
	}
	account, err := p.account(ctx, d, wanted)
	if err != nil {
		return err
	}
	listed, err := p.list(ctx, d)
	if err != nil {
		return err
	}
	if p.flags.dryRun {
		return nil
	}
	if saved == nil || saved.Untouched() { // the state before is that of now
		saved = routeros.Save(p.router.Name, facts)
	}
	changes := append(plan.Changes, account...)
	if err := p.writeSaved(ctx, d, saved, path, changes, wanted.Collector); err != nil {
		return err
	}
	return p.writeList(ctx, d, listed)
}

// writeList writes what was planned for the list of hosts over quota. It is no part
// of the saved state: the list changes by the day, and undo empties it.
func (p *provisioning) writeList(ctx context.Context, d *routeros.Device, changes []routeros.Change) error {
	began := p.result.wrote // no new datagram is to be waited for because of it
	err := p.write(ctx, d, changes, stateWritten)
	p.result.wrote = began
	return err
}

// writeSaved writes changes, behind the saved state that says so. Of a write that
// fails it keeps what was written or may have been.
func (p *provisioning) writeSaved(ctx context.Context, d *routeros.Device, saved *routeros.Saved, path string, changes []routeros.Change, to netip.AddrPort) error {
	noted := saved.Clone()
	noted.Note(changes, to)
	if err := noted.Write(path); err != nil {
		return err
	}
	err := p.write(ctx, d, changes, stateWritten)
	var half *routeros.ApplyError
	if errors.As(err, &half) {
		saved.Note(half.Done, to)
		if half.Written {
			saved.Note([]routeros.Change{half.Failed}, to)
		}
		err = errors.Join(err, saved.Write(path))
	}
	return err
}

// write writes changes, and says so.
func (p *provisioning) write(ctx context.Context, d *routeros.Device, changes []routeros.Change, done string) error {
	if len(changes) == 0 {
		return nil
	}
	p.result.wrote = time.Now()
	if err := d.Apply(ctx, changes); err != nil {
		return err
	}
	p.result.State = done
	p.result.mark(changes)
	return nil
}

// undo gives back what was before.
func (p *provisioning) undo(ctx context.Context, d *routeros.Device, facts *routeros.Facts, saved *routeros.Saved, path string) error {
	r := &p.result
	listed, err := p.unlist(ctx, d)
	if err != nil {
		return err
	}
	if saved == nil {
		r.plan(routeros.Plan{Changes: listed})
		r.Notes = append(r.Notes, "nothing to undo of traffic-flow: nfacct has written nothing there that it knows of ("+path+" does not exist)")
		if p.flags.dryRun {
			return nil
		}
		return p.write(ctx, d, listed, stateUndone)
	}
	if other := saved.Other(facts); other != "" {
		return fmt.Errorf("router %s: undo: the saved state %s is of another device, of %s; nothing was written. If this device was never provisioned there is nothing to undo; move that file away", p.router.Name, path, other)
	}
	plan := saved.Undo(&facts.Flow)
	account, left, err := d.UndoAccount(ctx, saved)
	if err != nil {
		return err
	}
	plan.Changes, plan.Notes = append(append(plan.Changes, account.Changes...), listed...), append(plan.Notes, account.Notes...)
	r.plan(plan)
	if saved.Untouched() {
		r.Notes = append(r.Notes, "nothing to undo: nfacct has looked here, and written nothing")
	}
	if p.flags.dryRun {
		return nil
	}
	if err := p.write(ctx, d, plan.Changes, stateUndone); err != nil {
		return err
	}
	if len(left) > 0 { // for an undo by a user who may
		rest := routeros.Save(p.router.Name, facts)
		rest.State, rest.Time, rest.Account = saved.State, saved.Time, left
		return rest.Write(path)
	}
	return os.Remove(path)
}

// account plans the user of the least rights: to be written when asked on the
// command line, else as an offer. It gives what is to be written.
func (p *provisioning) account(ctx context.Context, d *routeros.Device, wanted routeros.Wanted) ([]routeros.Change, error) {
	name := p.cfg.Provision.Account
	if name == "" {
		return nil, nil
	}
	password := ""
	if p.flags.createUser {
		secret, err := routeros.ReadSecret(p.cfg.Provision.AccountPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("password of %s: %w", name, err)
		}
		password = secret
	}
	plan, err := d.PlanAccount(ctx, name, password, wanted.Collector.Addr())
	if err != nil && !p.flags.createUser {
		p.result.Notes = append(p.result.Notes, fmt.Sprintf("whether there is a user %s is not known: %v", name, err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	offer := "with --create-user"
	if p.flags.createUser {
		offer = ""
	}
	p.result.add(plan.Changes, offer)
	if !p.flags.createUser {
		return nil, nil
	}
	return plan.Changes, nil
}
