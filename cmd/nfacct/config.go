package main

import (
	"github.com/spf13/cobra"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "check or show the configuration",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "check",
			Short: "say what is wrong with the configuration",
			Long: `Reads the configuration and every file that it names. It is silent when all is well;
else it prints each fault with its line and remedy, and ends with exit code 2.`,
			Args: usageArgs(cobra.NoArgs),
			RunE: func(*cobra.Command, []string) error {
				_, err := a.config()
				return err
			},
		},
		&cobra.Command{
			Use:   "dump",
			Short: "print every key with the value that is in force",
			Long: `Prints every key with the value that is in force, defaults too, as a file that nfacct
reads. It prints no secret.`,
			Args: usageArgs(cobra.NoArgs),
			RunE: func(*cobra.Command, []string) error {
				cfg, err := a.config()
				if err != nil {
					return err
				}
				if a.json {
					tree, err := cfg.Tree()
					if err != nil {
						return err
					}
					return a.printJSON(tree)
				}
				return cfg.Dump(a.out)
			},
		},
	)
	return cmd
}
