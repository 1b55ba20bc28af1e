package stages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/collector/flow"
	"nfacct/importer"
	"nfacct/importer/routers"
	"nfacct/routeros"
)

// SavedFolder is the folder of the states that routers had before provisioning.
func SavedFolder(cfg *config.Config) string { return filepath.Join(cfg.State, "routers") }

// Router is a router as it is reached and accounted.
func Router(cfg *config.Config, r *config.Router) routers.Router {
	router := routers.Router{API: r.Config, Accounted: r.Router}
	router.Accounted.Name, router.Accounted.Export = r.Name, r.Export
	if !r.Managed() {
		return router
	}
	if _, err := os.Stat(routeros.SavedPath(SavedFolder(cfg), r.Name)); err == nil { // provisioned by nfacct
		router.Accounted.ActiveTimeout = cfg.Provision.ActiveTimeout
		router.Accounted.Version = map[string]flow.Version{"5": flow.V5, "9": flow.V9, "ipfix": flow.IPFIX}[cfg.Provision.Version]
	}
	return router
}

// Keeper keeps the facts of routers in the archive.
func Keeper(cfg *config.Config, db *archive.Archive, log *slog.Logger) *routers.Keeper {
	return &routers.Keeper{Archive: db, Lists: cfg.Report.AddressLists(), Parallel: cfg.Provision.Parallel, Deadline: cfg.Provision.Deadline, Log: log}
}

// Refresh reads the facts of routers and keeps them. A router's error stands at its
// place.
func Refresh(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, list []config.Router) []error {
	asked := make([]routers.Router, len(list))
	for i := range list {
		asked[i] = Router(cfg, &list[i])
	}
	return Keeper(cfg, db, log).Refresh(ctx, asked)
}

// ImporterRouter is a router for the importer, with its history if it is managed and
// db is not nil.
func ImporterRouter(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, r *config.Router) (importer.Router, error) {
	router := Router(cfg, r)
	if !r.Managed() || db == nil {
		return router.Accounted, nil
	}
	accounted, err := Keeper(cfg, db, log).Router(ctx, router)
	if unknown := (*routers.UnknownError)(nil); errors.As(err, &unknown) {
		err = exit.Temporary(err)
	}
	return accounted, err
}

// Importer is the importer with all routers; without db they have no history.
func Importer(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger) (*importer.Importer, error) {
	var all []importer.Router
	for i := range cfg.Routers {
		router, err := ImporterRouter(ctx, cfg, db, log, &cfg.Routers[i])
		if err != nil {
			return nil, err
		}
		all = append(all, router)
	}
	c := cfg.Importer
	c.Spool = cfg.Spool.Folder
	for _, overlap := range importer.Overlap(all) {
		log.Info(overlap) // under cron it would be said each time; the report says it too
	}
	im, err := importer.New(c, all, cfg.Location(), db, log)
	if err != nil {
		return nil, exit.Usage(err)
	}
	return im, nil
}

// Survey asks a router what it knows and does.
func Survey(ctx context.Context, cfg *config.Config, router *config.Router, log *slog.Logger) routeros.Survey {
	named := routeros.Named{Export: router.Export, WAN: router.WAN, Port: func() (uint16, error) { return CollectorPort(cfg) }}
	for _, uplink := range router.Uplinks {
		if uplink.Name != "" {
			named.Uplinks = append(named.Uplinks, uplink.Name)
		}
	}
	return cfg.Provision.Survey(ctx, router.Config, named, log)
}

// DependsOnFacts says whether nothing can be imported without the facts of routers.
func DependsOnFacts(cfg *config.Config) bool {
	return slices.ContainsFunc(cfg.Routers, func(r config.Router) bool { return r.Managed() && len(r.Inside) == 0 })
}

// Exporters is the allow list: the router of each address.
func Exporters(cfg *config.Config) map[netip.Addr]string {
	names := map[netip.Addr]string{}
	for _, router := range cfg.Routers {
		for _, addr := range router.Export {
			names[addr.Unmap()] = router.Name
		}
	}
	return names
}

// Managed are the routers that have an address, or those of them that are named.
func Managed(cfg *config.Config, names []string) ([]config.Router, error) {
	var list []config.Router
	known := map[string]bool{}
	for _, router := range cfg.Routers {
		known[router.Name] = true
		named := slices.Contains(names, router.Name)
		if named && !router.Managed() {
			return nil, fmt.Errorf(`router %s has no address to be managed at: add address = "192.168.88.1" to it`, router.Name)
		}
		if router.Managed() && (named || len(names) == 0) {
			list = append(list, router)
		}
	}
	for _, name := range names {
		if !known[name] {
			return nil, fmt.Errorf("no router is called %q in the configuration", name)
		}
	}
	if len(list) == 0 {
		return nil, errors.New(`no router has an address to be managed at: add for example
[[router]]
name = "gw-1"
export = ["192.168.88.1"]
address = "192.168.88.1"
user = "admin"
password_file = "gw-1.password"`)
	}
	return list, nil
}

// CollectorPort is the port that routers send to.
func CollectorPort(cfg *config.Config) (uint16, error) {
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

// FailedRouters is the error of a command for which some of n routers failed.
func FailedRouters(n int, failed func(int) (name string, is bool)) error {
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
		return exit.Partial(fmt.Errorf("%d of %d routers failed: %s", len(names), n, strings.Join(names, ", ")))
	case n == 1:
		return fmt.Errorf("%s failed", names[0])
	}
	return fmt.Errorf("all %d routers failed", n)
}

// RoutersError says in one error which routers failed, and why; nil when none did.
func RoutersError(list []config.Router, failed []error) error {
	err := FailedRouters(len(list), func(i int) (string, bool) { return list[i].Name, failed[i] != nil })
	if err == nil {
		return nil
	}
	return exit.With(exit.Code(err), fmt.Errorf("%w: %w", err, errors.Join(failed...)))
}
