package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/build"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
)

// app is what every command is given: the streams, the global flags, the log.
type app struct {
	in          io.Reader
	out, errOut io.Writer
	log         *slog.Logger

	configFile     string
	handed         bool // the configuration stands on standard input, see config.Hand
	json           bool
	verbose, quiet bool

	cancel    context.CancelFunc // ends the command as SIGTERM does
	unhurried atomic.Bool        // see the annotation
}

// isOutputClosed: the reader of standard output, such as head, has seen enough.
// Another broken pipe, such as a mail server's connection, is an error.
func isOutputClosed(err error) bool {
	path := (*fs.PathError)(nil)
	return errors.As(err, &path) && path.Path == os.Stdout.Name() && errors.Is(path, syscall.EPIPE)
}

// rotates annotates commands for which SIGHUP is not the end.
const rotates = "rotates"

// endOnHangup makes SIGHUP, which a closed terminal sends, end a command as
// SIGTERM does, unless nohup or the command wants otherwise.
func (a *app) endOnHangup(c *cobra.Command) {
	if c.Annotations[rotates] != "" || signal.Ignored(syscall.SIGHUP) {
		return
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangup)
		select {
		case <-hangup:
			a.cancel()
		case <-c.Context().Done():
		}
	}()
}

// run is the program without its process: arguments in, exit code out.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The reader of our log or our output may die first. Without this a write to
	// its pipe would kill us, a spool file left open and a database server left
	// running; with it the write fails. Not signal.Ignore, which children inherit.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &app{in: in, out: out, errOut: errOut, cancel: cancel}
	root := a.rootCommand()
	root.SetArgs(args)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	err := a.await(ctx, ended)
	if err == nil || isOutputClosed(err) {
		return exit.CodeOK
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintf(errOut, "nfacct: %s\n", terminal.Printable(err.Error()))
	}
	return exit.Code(err)
}

// endWait is how long a command may take to end after it was told to: service managers
// and people wait no longer, and nfacct run, which waits for its children, ends within
// five seconds. Every step of every command survives being cut short.
const endWait = 3 * time.Second

// unhurried annotates commands that end in their own time: the collector, which
// seals its file, and those whose user talks to another program.
const unhurried = "unhurried"

// await waits for a command, but not for long after it was told to end: a neighbour
// that hangs must not hold it up.
func (a *app) await(ctx context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if a.unhurried.Load() {
		return <-ended
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(endWait):
		return exit.Temporary(fmt.Errorf("told to end, and ended %v later without waiting for what it was at, such as a database that hangs; the next run puts right what is unfinished", endWait))
	}
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "nfacct",
		Short:         "account the traffic that goes past the proxy, through the NAT of Mikrotik routers",
		Version:       build.This().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		// Flags before the word sql are ours, those behind it the client's.
		TraverseChildren: true,
		Args:             usageArgs(cobra.NoArgs),
		RunE:             func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(c *cobra.Command, _ []string) {
			a.unhurried.Store(c.Annotations[rotates] != "" || c.Annotations[unhurried] != "")
			a.log = terminal.Log(a.errOut, a.verbose, a.quiet, c.Annotations[rotates] != "")
			a.endOnHangup(c)
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exit.Usage(fmt.Errorf("%w; see '%s --help'", err, c.CommandPath()))
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "configuration `FILE` (default ./nfacct.toml, then /etc/nfacct/nfacct.toml)")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more on standard error")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "say only errors")
	flags.BoolVar(&a.handed, "handed", false, "read the configuration that nfacct run hands over")
	_ = flags.MarkHidden("handed")
	root.AddCommand(
		a.archiveCommand(),
		a.booksCommand(),
		a.checkCommand(),
		a.collectCommand(),
		a.configCommand(),
		a.demoCommand(),
		a.flowsCommand(),
		a.importCommand(),
		a.jobCommand(),
		a.jobsCommand(),
		a.pageCommand(),
		a.provisionCommand(),
		a.migrateCommand(),
		a.queryCommand(),
		a.reportCommand(),
		a.routersCommand(),
		a.runCommand(),
		a.simulateCommand(),
		a.sqlCommand(),
		a.statusCommand(),
		a.topCommand(),
		a.userCommand(),
		a.versionCommand(),
	)
	root.SetVersionTemplate("{{.Version}}\n")
	return root
}

// config reads the configuration that the command line selected, or that the daemon
// handed over.
func (a *app) config() (*config.Config, error) {
	read := func() (*config.Config, error) { return config.Find(a.configFile) }
	if a.handed {
		read = func() (*config.Config, error) { return config.Given(a.in) }
	}
	cfg, err := read()
	if err != nil {
		return nil, exit.Usage(err)
	}
	cfg.Database.Program = build.Program()
	return cfg, nil
}

// usageArgs makes a wrong number of arguments an error of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return exit.Usage(fmt.Errorf("%w; see '%s --help'", err, c.CommandPath()))
		}
		return nil
	}
}

// printJSON writes a value for --json.
func (a *app) printJSON(value any) error { return terminal.JSON(a.out, value) }

// progress is a bar on a terminal, unless something else is said there.
func (a *app) progress() *terminal.Progress {
	return terminal.NewProgress(a.errOut, !a.quiet && !a.verbose)
}
