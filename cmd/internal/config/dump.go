package config

import (
	"bytes"
	"io"

	"github.com/BurntSushi/toml"
	"github.com/go-sql-driver/mysql"
)

// Dump writes every key with the value that is in force, as a file that Load reads.
// Secrets stand in files of their own; a password in database.dsn is left out.
func (c *Config) Dump(w io.Writer) error {
	shown := *c
	if dsn, err := mysql.ParseDSN(c.Database.DSN); err == nil && dsn.Passwd != "" {
		dsn.Passwd = "***"
		shown.Database.DSN = dsn.FormatDSN()
	}
	encoder := toml.NewEncoder(w)
	encoder.Indent = ""
	return encoder.Encode(shown)
}

// Tree is the same by table and key, for --json.
func (c *Config) Tree() (map[string]any, error) {
	var text bytes.Buffer
	if err := c.Dump(&text); err != nil {
		return nil, err
	}
	tree := map[string]any{}
	_, err := toml.NewDecoder(&text).Decode(&tree)
	return tree, err
}
