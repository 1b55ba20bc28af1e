package main

import (
	"fmt"

	"nfacct/cmd/internal/build"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "the version, its commit and the Go version",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := build.This()
			if a.json {
				return a.printJSON(b)
			}
			_, err := fmt.Fprintln(a.out, b)
			return err
		},
	}
}
