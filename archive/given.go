package archive

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// readDSN reads a DSN with its password from a file that only its owner may
// read. Errors never quote the content.
func readDSN(name string) (*mysql.Config, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: others can read the password; chmod 600 it", name, info.Mode().Perm())
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	dsn, err := mysql.ParseDSN(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if dsn.DBName == "" {
		return nil, errors.New(name + ": no database is named")
	}
	return dsn, nil
}
