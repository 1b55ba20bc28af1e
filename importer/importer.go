// Package importer carries spool files into the archive: it decodes datagrams,
// attributes records to inside hosts, leaves out what the rules say, merges
// both directions of a conversation into one row a slot, and loads each file
// exactly once.
package importer

import (
	"net/netip"

	"nfacct/importer/attribution"
	"nfacct/importer/rules"
)

// Config is what the importer is told beside its routers.
type Config struct {
	// Rules are the operator's own exclusions. They come before those of
	// rules.Default, and take the place of the ones whose names they bear.
	Rules []rules.Rule `toml:"rule"`
}

// DefaultConfig has no rules of its own: those of rules.Default are in force.
func DefaultConfig() Config { return Config{} }

// Check reports what is wrong with the rules.
func (c Config) Check(report func(key, problem, remedy string)) {
	rules.Check(c.Rules, func(key, problem, remedy string) { report("rule"+key, problem, remedy) })
}

// Router is a configured router: who it is, and how its records are attributed.
type Router struct {
	// Name is what reports and books call it.
	Name string `toml:"-"`
	// Export are the addresses that its datagrams come from.
	Export []netip.Addr `toml:"-"`
	attribution.Router
}
