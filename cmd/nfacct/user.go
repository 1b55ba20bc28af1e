package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
	"nfacct/report/web/access"
)

func (a *app) userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "who may see the web page",
		Long: `Makes, lists and removes the users of the web page. They stand in a file of the
state folder (web.users). A change holds at once: the sessions of a user who was
changed or removed end.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.userAddCommand(), a.userListCommand(), a.userPasswdCommand(), a.userRemoveCommand())
	return cmd
}

func (a *app) userAddCommand() *cobra.Command {
	var role string
	var departments []string
	var noPassword bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "make a user; the password is asked for, or read from standard input",
		Example: `  nfacct user add anna
  nfacct user add boris --role viewer --department sales --department purchase
  nfacct user add carol --no-password     # comes through a trusted proxy only`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			u := access.User{Name: args[0], Role: access.Role(role), Departments: departments}
			if err := u.Check(); err != nil {
				return exit.Usage(err)
			}
			for _, name := range departments {
				if err := knownDepartment(cfg, name); err != nil {
					return exit.Usage(err)
				}
			}
			if !noPassword {
				if err := a.askPassword(&u); err != nil {
					return err
				}
			}
			return access.Update(cfg.Web.Users, func(users []access.User) ([]access.User, error) {
				if _, known := access.Find(users, u.Name); known {
					return nil, exit.Usage(fmt.Errorf("user %s is there already; nfacct user passwd changes the password, nfacct user remove removes the user", u.Name))
				}
				return append(users, u), nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&role, "role", string(access.Viewer), "`ROLE`: viewer, or administrator, who sees all")
	flags.StringArrayVar(&departments, "department", nil, "a viewer sees the hosts of this `DEPARTMENT` only; can be given several times")
	flags.BoolVar(&noPassword, "no-password", false, "the user comes through a trusted proxy only")
	return cmd
}

func knownDepartment(cfg *config.Config, name string) error {
	var names []string
	for _, d := range cfg.Report.Departments {
		names = append(names, d.Name)
	}
	switch {
	case slices.Contains(names, name):
		return nil
	case len(names) == 0:
		return fmt.Errorf("department %q: the configuration has no departments (report.department)", name)
	}
	return fmt.Errorf("department %q is not in the configuration; it has %s", name, strings.Join(names, ", "))
}

func (a *app) userListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "list the users",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			users, err := access.Read(cfg.Web.Users)
			if err != nil {
				return err
			}
			return a.listUsers(users)
		},
	}
}

// listedUser is a user without the password.
type listedUser struct {
	Name        string      `json:"name"`
	Role        access.Role `json:"role"`
	Departments []string    `json:"departments,omitempty"`
	Password    bool        `json:"password"`
}

func (a *app) listUsers(users []access.User) error {
	listed := []listedUser{}
	for _, u := range users {
		listed = append(listed, listedUser{u.Name, u.Role, u.Departments, u.Password != ""})
	}
	if a.json {
		return a.printJSON(listed)
	}
	if len(listed) == 0 {
		fmt.Fprintln(a.errOut, "there are no users; nfacct user add NAME makes one")
		return nil
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USER\tROLE\tSEES\tLOGS IN")
	for _, u := range listed {
		sees, by := "all", "with a password"
		if len(u.Departments) > 0 {
			sees = strings.Join(u.Departments, ", ")
		}
		if !u.Password {
			by = "through the proxy"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", u.Name, u.Role, sees, by)
	}
	return table.Flush()
}

func (a *app) userPasswdCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "passwd NAME",
		Short: "change a user's password; it is asked for, or read from standard input",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.changeUser(args[0], func(users []access.User, i int) ([]access.User, error) {
				return users, a.askPassword(&users[i])
			})
		},
	}
}

func (a *app) userRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "remove a user",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.changeUser(args[0], func(users []access.User, i int) ([]access.User, error) {
				return slices.Delete(users, i, i+1), nil
			})
		},
	}
}

func (a *app) changeUser(name string, change func(users []access.User, i int) ([]access.User, error)) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	return access.Update(cfg.Web.Users, func(users []access.User) ([]access.User, error) {
		i := slices.IndexFunc(users, func(u access.User) bool { return u.Name == name })
		if i < 0 {
			return nil, exit.Usage(fmt.Errorf("there is no user %q; nfacct user list lists them", name))
		}
		return change(users, i)
	})
}

// askPassword gives a user the password that a person types.
func (a *app) askPassword(u *access.User) error {
	password, err := terminal.Password(a.in, a.errOut, "Password of "+u.Name+": ")
	if err == nil {
		err = u.SetPassword(password)
	}
	return asUsage(err)
}

func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return exit.Usage(err)
}
