package archive

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
)

// Client prepares the mariadb client (or mysql, where that is all there is) on
// the archive's database, with further arguments. Password and address reach it
// in an option file that only this user reads, and nobody's own option files
// interfere. done removes that file; call it when the client has ended.
func (a *Archive) Client(args ...string) (_ *exec.Cmd, done func(), err error) {
	program, err := findProgram("mariadb", "")
	if err != nil {
		if program, err = findProgram("mysql", ""); err != nil {
			return nil, nil, fmt.Errorf("no database client found: install the package mariadb-client (apt-get install mariadb-client; FreeBSD: pkg install mariadb1011-client)")
		}
	}
	var keep []*os.File
	options := []string{"[client]", option("user", a.dsn.User)}
	if a.dsn.Passwd != "" {
		options = append(options, option("password", a.dsn.Passwd))
	}
	switch a.dsn.Net {
	case "unix":
		socket := a.dsn.Addr
		if len(socket) > socketLimit {
			folder, err := os.Open(a.server.path("data"))
			if err != nil {
				return nil, nil, err
			}
			keep = append(keep, folder)
			socket = shortSocket(3, socket) // the first of ExtraFiles
		}
		options = append(options, option("socket", socket), "protocol=socket")
	default:
		host, port, err := net.SplitHostPort(a.dsn.Addr)
		if err != nil {
			return nil, nil, fmt.Errorf("address of the database: %w", err)
		}
		options = append(options, option("host", host), option("port", port), "protocol=tcp")
	}
	switch a.dsn.TLSConfig {
	case "", "false":
	case "true":
		options = append(options, "loose-ssl", "loose-ssl-verify-server-cert", "loose-ssl-mode=VERIFY_IDENTITY")
	default:
		options = append(options, "loose-ssl", "loose-skip-ssl-verify-server-cert", "loose-ssl-mode=PREFERRED")
	}
	file, err := os.CreateTemp(a.clientFolder(), "client-*.cnf") // mode 0600
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		os.Remove(file.Name())
		for _, f := range keep {
			f.Close()
		}
	}
	_, err = file.WriteString(strings.Join(options, "\n") + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		done()
		return nil, nil, err
	}
	cmd := exec.Command(program, append([]string{
		"--defaults-file=" + file.Name(), "--default-character-set=utf8mb4", "--database=" + a.dsn.DBName,
	}, args...)...)
	cmd.ExtraFiles = keep
	return cmd, done, nil
}

func (a *Archive) clientFolder() string {
	if a.server != nil {
		return a.server.path("tmp")
	}
	return "" // the system's
}

// option writes a line of an option file. A value in quotes may hold anything
// but an end of line; backslashes begin escapes.
func option(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(value) + `"`
}
