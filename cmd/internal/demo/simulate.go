package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"

	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

// Simulation is a simulated router with its API, and an office behind it.
type Simulation struct {
	Out  io.Writer
	JSON bool
	Log  *slog.Logger

	Profile, Name                  string // the version of RouterOS, the name of the device
	Hosts                          int
	Rate, Offloaded                float64
	IPv6, FastTrack                bool
	Listen, ListenTLS, Certificate string // addresses, or "-"; cn, names or none
	User                           string
	PasswordFile, KeyFile          string
	Faults                         []string
	TOML, Collector                string // a configuration to write, and where its collector listens
}

// Run runs the device until it is told to stop.
func (s *Simulation) Run(ctx context.Context) error {
	cfg, err := s.device()
	if err != nil {
		return exit.Usage(err)
	}
	password, err := ownFile(s.PasswordFile, func() ([]byte, error) { return []byte(rand.Text() + "\n"), nil })
	if err != nil {
		return exit.Usage(fmt.Errorf("--password-file: %w", err))
	}
	cfg.Password = strings.TrimRight(string(password), "\r\n")
	if s.ListenTLS != "-" && cfg.Certificate != routerostest.NoCertificate {
		cfg.KeyPair, err = ownFile(s.KeyFile, func() ([]byte, error) { return routerostest.NewKeyPair(cfg) })
		if err != nil {
			return exit.Usage(fmt.Errorf("--key-file: %w", err))
		}
	}
	d, err := routerostest.NewDevice(cfg)
	if err != nil {
		return err
	}
	for _, name := range s.Faults {
		d.Break(routerostest.Mishaps()[mishap(name)].Fault)
	}
	path, err := filepath.Abs(s.PasswordFile)
	if err != nil {
		path = s.PasswordFile
	}
	shown := SimulatedRouter{
		Name: s.Name, Version: d.Print("/system/resource")[0]["version"],
		API: addressOf(d.Addr()), APISSL: addressOf(d.AddrTLS()), Fingerprint: d.Fingerprint(),
		User: s.User, PasswordFile: path, Hosts: s.Hosts, Proxy: cfg.Office.Proxy.String(),
		Faults: s.Faults, Configuration: s.TOML,
	}
	if s.TOML != "" {
		if err := shown.write(s.TOML, s.Collector); err != nil {
			return errors.Join(exit.Usage(fmt.Errorf("--toml: %w", err)), d.Close())
		}
	}
	if s.JSON {
		err = terminal.JSONLine(s.Out, shown)
	} else {
		err = shown.print(s.Out)
	}
	if err != nil {
		return errors.Join(err, d.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.Run(ctx) })
	group.Go(func() error { return d.Export(ctx) })
	err = group.Wait()
	s.Log.Info("the simulated router is off", "datagrams", d.Sent())
	return err
}

func addressOf(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// device is what the flags ask for.
func (s *Simulation) device() (cfg routerostest.DeviceConfig, err error) {
	profiles := routerostest.Profiles()
	at := slices.IndexFunc(profiles, func(p routerostest.Profile) bool { return p.String() == s.Profile })
	if at < 0 {
		return cfg, fmt.Errorf("--profile: %q is none of %v", s.Profile, profiles)
	}
	kinds := []string{"cn", "names", "none"} // in the order of CertificateKind
	kind := slices.Index(kinds, s.Certificate)
	if kind < 0 {
		return cfg, fmt.Errorf("--certificate: %q is none of %v", s.Certificate, kinds)
	}
	if s.Offloaded < 0 || s.Offloaded > 1 {
		return cfg, errors.New("--offloaded: from 0 to 1")
	}
	if s.Rate <= 0 || s.Hosts < 1 {
		return cfg, errors.New("--hosts and --rate: above 0")
	}
	if s.Listen == "-" && s.ListenTLS == "-" {
		return cfg, errors.New("--api and --api-ssl: one of them has to be there")
	}
	for _, flag := range []struct{ name, address string }{{"--api", s.Listen}, {"--api-ssl", s.ListenTLS}} {
		if _, err := netip.ParseAddrPort(flag.address); err != nil && flag.address != "-" {
			return cfg, fmt.Errorf("%s: %w", flag.name, err)
		}
	}
	if _, err := netip.ParseAddrPort(s.Collector); err != nil {
		return cfg, fmt.Errorf("--collector: %w", err)
	}
	for _, name := range s.Faults {
		if mishap(name) < 0 {
			return cfg, fmt.Errorf("--fault: %q is none of those that nfacct simulate router --help names", name)
		}
	}
	office, err := officetest.New(officetest.Config{
		Hosts: s.Hosts, Seed: 1, Location: time.Local, Busy: s.Rate, IPv6: s.IPv6,
	})
	if err != nil {
		return cfg, err
	}
	return routerostest.DeviceConfig{
		Profile: profiles[at], Name: s.Name, Office: office, User: s.User,
		Listen: s.Listen, ListenTLS: s.ListenTLS, Certificate: routerostest.CertificateKind(kind),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})},
		FastTrack: s.FastTrack, Offloaded: s.Offloaded,
		OnSentence: func(said routerostest.Sentence) {
			s.Log.Debug("sentence", "session", said.Session, "user", said.User, "words", strings.Join(said.Words, " "))
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
