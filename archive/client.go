package archive

import (
	"fmt"
	"io"
	"net"
	"nfacct/archive/mariadb"
	"os"
	"os/exec"
	"strings"
)

// Client prepares the mariadb client (or mysql, where that is all there is) on
// the archive's database, with further arguments. Password and address reach it
// in an option file without a name, so that nothing stays when this process is
// killed, and nobody's own option files interfere. Call done when the client has
// ended.
func (a *Archive) Client(args ...string) (_ *exec.Cmd, done func(), err error) {
	program, err := mariadb.FindProgram("mariadb", "")
	if err != nil {
		if program, err = mariadb.FindProgram("mysql", ""); err != nil {
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
		if a.server != nil {
			var folder *os.File
			if socket, folder, err = a.server.ClientSocket(); err != nil {
				return nil, nil, err
			}
			if folder != nil {
				keep = append(keep, folder)
			}
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
	file, name, err := a.optionFile(strings.Join(options, "\n")+"\n", 3+len(keep))
	keep = append(keep, file)
	done = func() {
		if file != nil && name == file.Name() {
			os.Remove(name)
		}
		for _, f := range keep {
			f.Close()
		}
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	cmd := exec.Command(program, append([]string{
		"--defaults-file=" + name, "--default-character-set=utf8mb4", "--database=" + a.dsn.DBName,
	}, args...)...)
	cmd.ExtraFiles = keep
	return cmd, done, nil
}

// optionFile makes the client's option file, which the client inherits under a
// number, and says by which name it finds it. The password is written when the file
// has lost its own name; it keeps that where /dev/fd shows no inherited files
// (FreeBSD without fdescfs).
func (a *Archive) optionFile(text string, number int) (*os.File, string, error) {
	file, err := os.CreateTemp(a.clientFolder(), "client-*.cnf") // mode 0600
	if err != nil {
		return nil, "", err
	}
	name := file.Name()
	if _, err := os.Stat(fmt.Sprintf("/dev/fd/%d", file.Fd())); err == nil {
		name = fmt.Sprintf("/dev/fd/%d", number)
		err = os.Remove(file.Name())
		if err != nil {
			return file, file.Name(), err
		}
	}
	_, err = file.WriteString(text)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return file, name, err
}

func (a *Archive) clientFolder() string {
	if a.server != nil {
		return a.server.Path("tmp")
	}
	return "" // the system's
}

// option writes a line of an option file. A value in quotes may hold anything
// but an end of line; backslashes begin escapes.
func option(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(value) + `"`
}
