package squid

// Config says where Squid's log is.
type Config struct {
	// AccessLog is the log that Squid writes; its rotated copies beside it
	// (access.log.1, access.log-20261123.gz, .zst, .bz2) are read too. Empty: none.
	AccessLog string `toml:"access_log"`
	// Format is native, common, combined, or a format as squid.conf's logformat
	// has it.
	Format string `toml:"format"`
}

// DefaultConfig reads no log.
func DefaultConfig() Config { return Config{Format: "native"} }

// Check reports each wrong value with its key and a remedy.
func (c Config) Check(report func(key, problem, remedy string)) {
	if _, err := NewFormat(c.Format); err != nil {
		report("format", err.Error(), "")
	}
}
