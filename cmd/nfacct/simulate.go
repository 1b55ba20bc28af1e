package main

import (
	"strings"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/demo"
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

func (a *app) simulateRouterCommand() *cobra.Command {
	var s demo.Simulation
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

` + demo.FaultList(),
		Example: `  nfacct simulate router
  nfacct simulate router --profile 6.42 --hosts 500 --rate 3
  nfacct simulate router --toml trial.toml
  nfacct simulate router --fault hang-write
  nfacct simulate router --certificate none --api-ssl 127.0.0.1:8729 -v`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.Out, s.JSON, s.Log = a.out, a.json, a.log
			return s.Run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.Profile, "profile", "7.18", "the RouterOS `VERSION`: "+strings.Join(versions, ", "))
	flags.StringVar(&s.Name, "name", "office", "the `NAME` that the device has")
	flags.IntVar(&s.Hosts, "hosts", 60, "how many computers the office has")
	flags.Float64Var(&s.Rate, "rate", 1, "how busy they are; 1 is some 10,000 records a computer and day")
	flags.BoolVar(&s.IPv6, "ipv6", true, "computers have IPv6 addresses too")
	flags.BoolVar(&s.FastTrack, "fasttrack", false, "the firewall has the FastTrack rule")
	flags.Float64Var(&s.Offloaded, "offloaded", 0, "the `SHARE` of connections, 0 to 1, that interfaces count and traffic-flow does not see")
	flags.StringVar(&s.Listen, "api", "127.0.0.1:8728", "the `ADDRESS` of the API; - for none")
	flags.StringVar(&s.ListenTLS, "api-ssl", "127.0.0.1:8729", "the `ADDRESS` of the API over TLS; - for none")
	flags.StringVar(&s.Certificate, "certificate", "cn", "what api-ssl shows: cn (a common name alone, as most routers), names (also its address) or none")
	flags.StringVar(&s.User, "user", "admin", "the `USER` who may do everything")
	flags.StringVar(&s.PasswordFile, "password-file", "simulated-router.password", "the `FILE` of the password; written when it is not there")
	flags.StringVar(&s.KeyFile, "key-file", "simulated-router.pem", "the `FILE` of the certificate and its key; written when it is not there")
	flags.StringSliceVar(&s.Faults, "fault", nil, "what goes wrong, by `NAME` (see above); several are possible")
	flags.StringVar(&s.TOML, "toml", "", "write a configuration for it to the `FILE`, with a state folder beside it")
	flags.StringVar(&s.Collector, "collector", "127.0.0.1:8787", "the `ADDRESS` that the collector of that configuration listens at")
	return cmd
}
