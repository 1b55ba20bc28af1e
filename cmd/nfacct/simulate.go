package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nfacct/cmd/internal/terminal"
	"nfacct/routeros/routerostest"
)

func (a *app) simulateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "imitate what nfacct works with, to try it without",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.simulateRouterCommand())
	return cmd
}

// simulateFlags are what the command line of simulate router says.
type simulateFlags struct {
	profile, name           string
	hosts                   int
	rate, offloaded         float64
	ipv6, fastTrack         bool
	listen, listenTLS, cert string
	user                    string
	passwordFile, keyFile   string
	faults                  []string
	toml, collector         string
}

func (a *app) simulateRouterCommand() *cobra.Command {
	var f simulateFlags
	var versions []string
	for _, p := range routerostest.Profiles() {
		versions = append(versions, p.String())
	}
	cmd := &cobra.Command{
		Use:   "router",
		Short: "a simulated Mikrotik with its API, and an office behind it",
		Long: `Imitates a RouterOS device: its API answers on this machine as such a version
does, with its menus, default values, errors and both kinds of login, over TCP and
TLS. Behind it an office works in real time. Traffic-flow is off, as on a new
device: switch it on with nfacct provision or with any other API client, and the
device sends what such a RouterOS sends, in NetFlow v5, v9 or IPFIX. Among its
addresses is 127.0.0.1, which its datagrams come from.

The password and the certificate are made up and written to files that only you can
read; files that are there already are used. What is printed has the lines for
nfacct.toml, and --toml writes a whole one. With -v every sentence of a client is
shown, without its secrets. Ctrl-C ends the device, and what was changed on it is
forgotten.

With --fault something goes wrong each time:

` + faultList(),
		Example: `  nfacct simulate router
  nfacct simulate router --profile 6.42 --hosts 500 --rate 3
  nfacct simulate router --toml trial.toml
  nfacct simulate router --fault hang-write
  nfacct simulate router --certificate none --api-ssl 127.0.0.1:8729 -v`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.simulateRouter(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.profile, "profile", "7.18", "the RouterOS `VERSION`: "+strings.Join(versions, ", "))
	flags.StringVar(&f.name, "name", "office", "the `NAME` that the device has")
	flags.IntVar(&f.hosts, "hosts", 60, "how many computers the office has")
	flags.Float64Var(&f.rate, "rate", 1, "how busy they are; 1 is some 10,000 records a computer and day")
	flags.BoolVar(&f.ipv6, "ipv6", true, "computers have IPv6 addresses too")
	flags.BoolVar(&f.fastTrack, "fasttrack", false, "the firewall has the FastTrack rule")
	flags.Float64Var(&f.offloaded, "offloaded", 0, "the `SHARE` of connections, 0 to 1, that interfaces count and traffic-flow does not see")
	flags.StringVar(&f.listen, "api", "127.0.0.1:8728", "the `ADDRESS` of the API; - for none")
	flags.StringVar(&f.listenTLS, "api-ssl", "127.0.0.1:8729", "the `ADDRESS` of the API over TLS; - for none")
	flags.StringVar(&f.cert, "certificate", "cn", "what api-ssl shows: cn (a common name alone, as most routers), names (also its address) or none")
	flags.StringVar(&f.user, "user", "admin", "the `USER` who may do everything")
	flags.StringVar(&f.passwordFile, "password-file", "simulated-router.password", "the `FILE` of the password; written when it is not there")
	flags.StringVar(&f.keyFile, "key-file", "simulated-router.pem", "the `FILE` of the certificate and its key; written when it is not there")
	flags.StringSliceVar(&f.faults, "fault", nil, "what goes wrong, by `NAME` (see above); several are possible")
	flags.StringVar(&f.toml, "toml", "", "write a configuration for it to the `FILE`, with a state folder beside it")
	flags.StringVar(&f.collector, "collector", "127.0.0.1:8787", "the `ADDRESS` that the collector of that configuration listens at")
	return cmd
}

// simulateRouter runs the device until it is told to stop.
func (a *app) simulateRouter(ctx context.Context, f simulateFlags) error {
	cfg, err := f.device(a)
	if err != nil {
		return usageError(err)
	}
	password, err := ownFile(f.passwordFile, func() ([]byte, error) { return []byte(rand.Text() + "\n"), nil })
	if err != nil {
		return usageError(fmt.Errorf("--password-file: %w", err))
	}
	cfg.Password = strings.TrimRight(string(password), "\r\n")
	if f.listenTLS != "-" && cfg.Certificate != routerostest.NoCertificate {
		cfg.KeyPair, err = ownFile(f.keyFile, func() ([]byte, error) { return routerostest.NewKeyPair(cfg) })
		if err != nil {
			return usageError(fmt.Errorf("--key-file: %w", err))
		}
	}
	d, err := routerostest.NewDevice(cfg)
	if err != nil {
		return err
	}
	for _, name := range f.faults {
		d.Break(routerostest.Mishaps()[mishap(name)].Fault)
	}
	path, err := filepath.Abs(f.passwordFile)
	if err != nil {
		path = f.passwordFile
	}
	shown := simulatedRouter{
		Name: f.name, Version: d.Print("/system/resource")[0]["version"],
		API: addressOf(d.Addr()), APISSL: addressOf(d.AddrTLS()), Fingerprint: d.Fingerprint(),
		User: f.user, PasswordFile: path, Hosts: f.hosts, Proxy: cfg.Office.Proxy.String(),
		Faults: f.faults, Configuration: f.toml,
	}
	if f.toml != "" {
		if err := shown.write(f.toml, f.collector); err != nil {
			return errors.Join(usageError(fmt.Errorf("--toml: %w", err)), d.Close())
		}
	}
	if a.json {
		err = terminal.JSONLine(a.out, shown)
	} else {
		err = shown.print(a)
	}
	if err != nil {
		return errors.Join(err, d.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.Run(ctx) })
	group.Go(func() error { return d.Export(ctx) })
	err = group.Wait()
	a.log.Info("the simulated router is off", "datagrams", d.Sent())
	return err
}

func addressOf(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// device is what the flags ask for.
func (f *simulateFlags) device(a *app) (cfg routerostest.DeviceConfig, err error) {
	profiles := routerostest.Profiles()
	at := slices.IndexFunc(profiles, func(p routerostest.Profile) bool { return p.String() == f.profile })
	if at < 0 {
		return cfg, fmt.Errorf("--profile: %q is none of %v", f.profile, profiles)
	}
	kinds := []string{"cn", "names", "none"} // in the order of CertificateKind
	kind := slices.Index(kinds, f.cert)
	if kind < 0 {
		return cfg, fmt.Errorf("--certificate: %q is none of %v", f.cert, kinds)
	}
	if f.offloaded < 0 || f.offloaded > 1 {
		return cfg, errors.New("--offloaded: from 0 to 1")
	}
	if f.rate <= 0 || f.hosts < 1 {
		return cfg, errors.New("--hosts and --rate: above 0")
	}
	if f.listen == "-" && f.listenTLS == "-" {
		return cfg, errors.New("--api and --api-ssl: one of them has to be there")
	}
	for _, flag := range []struct{ name, address string }{{"--api", f.listen}, {"--api-ssl", f.listenTLS}} {
		if _, err := netip.ParseAddrPort(flag.address); err != nil && flag.address != "-" {
			return cfg, fmt.Errorf("%s: %w", flag.name, err)
		}
	}
	if _, err := netip.ParseAddrPort(f.collector); err != nil {
		return cfg, fmt.Errorf("--collector: %w", err)
	}
	for _, name := range f.faults {
		if mishap(name) < 0 {
			return cfg, fmt.Errorf("--fault: %q is none of those that nfacct simulate router --help names", name)
		}
	}
	office, err := routerostest.New(routerostest.Config{
		Hosts: f.hosts, Seed: 1, Location: time.Local, Busy: f.rate, IPv6: f.ipv6,
	})
	if err != nil {
		return cfg, err
	}
	return routerostest.DeviceConfig{
		Profile: profiles[at], Name: f.name, Office: office, User: f.user,
		Listen: f.listen, ListenTLS: f.listenTLS, Certificate: routerostest.CertificateKind(kind),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})},
		FastTrack: f.fastTrack, Offloaded: f.offloaded,
		OnSentence: func(s routerostest.Sentence) {
			a.log.Debug("sentence", "session", s.Session, "user", s.User, "words", strings.Join(s.Words, " "))
		},
	}, nil
}

// ownFile reads a file that nobody else may read, or makes its content up and
// writes it.
func ownFile(name string, content func() ([]byte, error)) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		text, err := content()
		if err != nil {
			return nil, err
		}
		return text, renameio.WriteFile(name, text, 0o600, renameio.IgnoreUmask())
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 %s", name, name)
	}
	return os.ReadFile(name)
}
