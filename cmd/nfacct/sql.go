package main

import (
	"errors"
	"os/exec"

	"github.com/spf13/cobra"

	"nfacct/archive"
)

func (a *app) sqlCommand() *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{unhurried: "the client"},
		Use:         "sql [ARG...]",
		Short:       "the mariadb client on nfacct's database",
		Long: `Runs the mariadb client on nfacct's database, with the given arguments. The
private server is started when none runs, and stopped afterwards; a database that
is not there is not made. Flags of nfacct stand before the word sql.`,
		Example: `  nfacct sql
  nfacct sql -e 'SHOW TABLES'
  nfacct --config /etc/nfacct/nfacct.toml sql -B < report.sql`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "-h" || args[0] == "--help") {
				return cmd.Help()
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			db, err := a.openToRead(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			return a.sql(db, args)
		},
	}
}

// sql runs the client; its own exit code becomes ours.
func (a *app) sql(db *archive.Archive, args []string) error {
	client, done, err := db.Client(args...)
	if err != nil {
		return err
	}
	defer done()
	client.Stdin, client.Stdout, client.Stderr = a.in, a.out, a.errOut
	err = client.Run()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return errSaid // the client said on standard error what was wrong
	}
	return err
}
