// Package config reads nfacct.toml into the Config that each stage owns:
// strictly, with errors that name file, line, key and remedy.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/schedule"
	"nfacct/collector"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/report"
	"nfacct/report/mail"
	"nfacct/report/web"
	"nfacct/routeros"
)

// Config is the whole configuration, checked.
type Config struct {
	// Timezone is an IANA name; days, slots and schedules follow its clock.
	// "Local" is the machine's own.
	Timezone string `toml:"timezone"`
	// State is the folder of all that nfacct keeps: spool, private database, reports.
	State string `toml:"state"`

	Collector collector.Config `toml:"collector"`
	Spool     spool.Config     `toml:"spool"`
	Importer  importer.Config  `toml:"importer"`
	Database  archive.Config   `toml:"database"`
	Archive   pack.Config      `toml:"archive"`
	Jobs      Jobs             `toml:"jobs"`
	Report    report.Config    `toml:"report"`
	Mail      mail.Config      `toml:"mail"`
	Web       web.Config       `toml:"web"`

	Provision routeros.Provision `toml:"provision"`
	Routers   []Router           `toml:"router"`

	file   string
	source string
	lines  lines
	loc    *time.Location
	// noZone: the clock was to be the machine's own, and the machine has no zone.
	noZone bool
}

// Jobs are the daemon's schedules; an empty one switches its job off.
type Jobs struct {
	Import  schedule.Spec `toml:"import"`
	Report  schedule.Spec `toml:"report"`
	Archive schedule.Spec `toml:"archive"`
	// Weekly and Monthly are reports of the week and the month that ended last.
	Weekly  schedule.Spec `toml:"weekly"`
	Monthly schedule.Spec `toml:"monthly"`
	// Routers reads what the routers know of themselves.
	Routers schedule.Spec `toml:"routers"`
}

// Router is one Mikrotik.
type Router struct {
	Name string `toml:"name"`
	// Export are the addresses that its datagrams come from.
	Export []netip.Addr `toml:"export"`
	// How it is managed over its API, if it is.
	routeros.Config
	// How its records are attributed: what stands here comes before what the
	// router says of itself.
	importer.Router
}

// Default is the configuration of an empty file.
func Default() *Config {
	spec := func(text string) schedule.Spec {
		s, err := schedule.ParseSpec(text)
		if err != nil {
			panic(err) // a constant below is wrong
		}
		return s
	}
	return &Config{
		Timezone:  "Local",
		State:     "/var/lib/nfacct",
		Collector: collector.DefaultConfig(),
		Spool:     spool.DefaultConfig(),
		Importer:  importer.DefaultConfig(),
		Database:  archive.DefaultConfig(),
		Mail:      mail.DefaultConfig(),
		Web:       web.DefaultConfig(),
		Archive:   pack.DefaultConfig(),
		Jobs: Jobs{
			Import:  spec("2,17,32,47 * * * *"),
			Report:  spec("30 6 * * *"),
			Archive: spec("0 3 1 * *"),

			Weekly:  spec("40 6 * * 1"),
			Monthly: spec("50 6 1 * *"),
			Routers: spec("*/15 * * * *"),
		},
		Report:    report.DefaultConfig(),
		Provision: routeros.DefaultProvision(),
	}
}

// places are where the configuration is looked for when none is named.
var places = [...]string{"nfacct.toml", "/etc/nfacct/nfacct.toml", "/usr/local/etc/nfacct/nfacct.toml"}

// Find reads the named file, or when name is empty the first that exists of
// ./nfacct.toml, /etc/nfacct/nfacct.toml and, for FreeBSD,
// /usr/local/etc/nfacct/nfacct.toml.
func Find(name string) (*Config, error) {
	if name != "" {
		return Load(name)
	}
	for _, place := range places {
		if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
			return Load(place)
		}
	}
	return nil, fmt.Errorf("no configuration: none of %s exists; copy nfacct.toml of the distribution to one of them, or name a file with --config", strings.Join(places[:], ", "))
}

// Load reads and checks a file. What is wrong with it is returned as Problems.
func Load(name string) (*Config, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(name, string(source))
}

// Parse reads and checks the source of a file of that name. Relative paths in
// it are relative to the file's folder.
func Parse(name, source string) (*Config, error) {
	c := Default()
	c.file, c.source = name, source
	meta, err := toml.Decode(source, c)
	if err != nil {
		return nil, Problems{c.syntax(source, err)}
	}
	c.lines = locate(source)
	problems := c.unknown(meta)
	report := func(key, what, remedy string) {
		problems = append(problems, c.problem(key, what, remedy))
	}
	c.check(report)
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
		return nil, problems
	}
	return c, nil
}

// Location is the time zone of days, slots and schedules.
func (c *Config) Location() *time.Location { return c.loc }

// NoZone says that days are those of UTC only because the machine has no time zone.
func (c *Config) NoZone() bool { return c.noZone }

// Problem says what a stage found wrong with a key only when it used it, such
// as a port that is taken.
func (c *Config) Problem(key string, err error) error {
	return c.problem(key, err.Error(), "")
}

// Wrong is a problem with a key that a command finds, and its remedy.
func (c *Config) Wrong(key, what, remedy string) error { return c.problem(key, what, remedy) }

func (c *Config) problem(key, what, remedy string) Problem {
	return Problem{File: c.file, Line: c.lines.at(key), Key: key, What: what, Remedy: remedy}
}

// place is how BurntSushi/toml begins the errors that are no ParseError.
var place = regexp.MustCompile(`^(?:toml: )?line (\d+) \(last key "([^"]*)"\): `)

// syntax says what BurntSushi/toml could not read: TOML itself, or a value of
// the wrong type or form.
func (c *Config) syntax(source string, err error) Problem {
	p := Problem{File: c.file, Line: 1, What: strings.TrimPrefix(err.Error(), "toml: ")}
	var parse toml.ParseError
	if errors.As(err, &parse) {
		p.Line, p.Key = max(parse.Position.Line, 1), parse.LastKey
		if parse.Message != "" {
			p.What = parse.Message
		}
	}
	if found := place.FindStringSubmatch(p.What); found != nil {
		p.Line, _ = strconv.Atoi(found[1])
		p.Key, p.What = found[2], p.What[len(found[0]):]
	}
	if !strings.Contains(p.Key, ".") {
		p.Key = locate(source).on(p.Line, p.Key)
	}
	for form, remedy := range remedies {
		if strings.Contains(p.What, form) {
			p.Remedy = remedy
		}
	}
	if _, failed := toml.Decode(source, &map[string]any{}); failed != nil { // it is no TOML, whatever its values mean
		p.Remedy = "here or in the line before: text stands in double quotes, a list in [ ] and a table's name alone in [ ] or [[ ]]"
	}
	return p
}

// remedies go with the errors of types that do not know what they are used for.
var remedies = map[string]string{
	"netip.ParsePrefix":  `write a network such as "192.168.88.0/24"`,
	"ParseAddr":          `write an address such as "192.168.88.1"`,
	"incompatible types": `text stands in quotes, numbers do not, lists in brackets`,
}

// unknown reports the keys that nothing reads.
func (c *Config) unknown(meta toml.MetaData) Problems {
	var problems Problems
	seen := map[string]bool{}
	for _, undecoded := range meta.Undecoded() {
		key := strings.Join(undecoded, ".")
		parent := strings.Join(undecoded[:len(undecoded)-1], ".")
		if seen[key] || seen[parent] { // said already, with its table
			seen[key] = true
			continue
		}
		seen[key] = true
		remedy := "remove it; nfacct.toml of the distribution lists every key"
		if meant := suggest(key); meant != "" {
			remedy = fmt.Sprintf("did you mean %s?", meant)
		}
		for _, at := range c.lines.all(key) {
			problems = append(problems, c.problem(at, "unknown key", remedy))
		}
	}
	return problems
}

func (c *Config) check(report func(key, what, remedy string)) {
	loc, err := time.LoadLocation(c.Timezone)
	if err != nil {
		report("timezone", err.Error(), "write an IANA name such as Europe/Berlin, or Local")
		loc = time.UTC
	}
	if c.Timezone == "Local" || loc == time.Local {
		var known bool
		loc, known = thisMachine.localZone()
		c.noZone = !known
	}
	c.loc = loc
	c.State = c.path(c.State)
	if c.Spool.Folder == "" {
		c.Spool.Folder = filepath.Join(c.State, "spool")
	}
	c.Spool.Folder = c.path(c.Spool.Folder)
	if c.Database.Folder == "" {
		c.Database.Folder = filepath.Join(c.State, "database")
	}
	c.Database.Folder = c.path(c.Database.Folder)
	if c.Database.DSNFile != "" {
		c.Database.DSNFile = c.path(c.Database.DSNFile)
	}
	under := func(table string) func(key, what, remedy string) {
		return func(key, what, remedy string) { report(join(table, key), what, remedy) }
	}
	c.Collector.Check(under("collector"))
	c.Spool.Check(under("spool"))
	c.Importer.Check(under("importer"))
	for i, rule := range c.Importer.Rules {
		if !printable(rule.Name) {
			report(fmt.Sprintf("importer.rule[%d].name", i), fmt.Sprintf("%q is not fit to be shown", rule.Name), "use up to 64 letters, digits and signs, without space around them")
		}
	}
	c.Database.Check(under("database"))
	if c.Web.Users == "" {
		c.Web.Users = filepath.Join(c.State, "users.json")
	}
	files := []*string{&c.Web.Users, &c.Web.TLSCert, &c.Web.TLSKey, &c.Report.Catalogue, &c.Report.HostsFile, &c.Report.Squid.AccessLog,
		&c.Mail.CAFile, &c.Mail.PasswordFile, &c.Mail.DKIMKeyFile, &c.Mail.Sendmail}
	for i := range c.Report.Departments {
		files = append(files, &c.Report.Departments[i].List)
	}
	for i := range c.Report.Quotas {
		c.Report.Quotas[i].Default()
		files = append(files, &c.Report.Quotas[i].List)
	}
	for _, file := range files {
		if *file != "" {
			*file = c.path(*file)
		}
	}
	c.Report.Check(under("report"))
	c.Mail.Check(under("mail"))
	c.Web.Check(under("web"))
	c.Archive.Check(under("archive"))
	c.Database.LateWaits = c.Archive.Late == pack.LateWait
	c.Database.PackFiles = c.Archive.Method != pack.MethodInnoDB
	if c.Provision.AccountPasswordFile != "" {
		c.Provision.AccountPasswordFile = c.path(c.Provision.AccountPasswordFile)
	}
	c.Provision.Check(under("provision"))
	c.checkRouters(report)
}

func (c *Config) checkRouters(report func(key, what, remedy string)) {
	names := map[string]bool{}
	exports := map[netip.Addr]string{}
	for i := range c.Routers {
		router := &c.Routers[i]
		table := fmt.Sprintf("router[%d]", i)
		switch {
		case router.Name == "":
			report(table+".name", "a router without a name", "give it one; reports show it")
		case !printable(router.Name):
			report(table+".name", fmt.Sprintf("%q is not fit to be shown", router.Name), "use up to 64 letters, digits and signs, without space around them")
		case names[router.Name]:
			report(table+".name", fmt.Sprintf("router %q stands here twice", router.Name), "give each router its own name")
		}
		names[router.Name] = true
		if len(router.Export) == 0 {
			report(table+".export", "no address that its datagrams come from", `write for example export = ["192.168.88.1"]; datagrams from other addresses are refused`)
		}
		for j, addr := range router.Export {
			addr = addr.Unmap()
			router.Export[j] = addr
			if other, ok := exports[addr]; ok {
				report(table+".export", fmt.Sprintf("address %s belongs to router %q already", addr, other), "an address can export for one router only; set src-address of the traffic-flow target to tell them apart")
			}
			exports[addr] = router.Name
		}
		of := func(key, what, remedy string) { report(table+"."+key, what, remedy) }
		router.Config.Name, router.Config.Timeout = router.Name, c.Provision.Timeout
		router.CodePage = cmp.Or(router.CodePage, codePage(c.Report.Language))
		for _, file := range []*string{&router.PasswordFile, &router.CAFile} {
			if *file != "" {
				*file = c.path(*file)
			}
		}
		router.Config.Check(of)
		named := false
		if router.WAN, named = attribution.Numbers(router.Uplinks); named && !router.Managed() {
			of("wan", "it has names of interfaces, and nobody can ask the router for their numbers while address is empty", "write ifIndex numbers, which /interface print oid shows, or give the router's address")
		}
		if router.Managed() && len(router.Inside) == 0 {
			// The router will say itself what is inside.
			known := router.Router.Router
			known.Inside = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
			known.Check(of)
			continue
		}
		router.Router.Check(of)
	}
}

// codePage is what the computers of an office mostly write that do not write UTF-8,
// by the language of its reports.
func codePage(language string) string {
	if language == "ru" {
		return "windows-1251"
	}
	return "windows-1252"
}

// printable says whether a name can stand in tables, reports and logs.
func printable(name string) bool {
	return strings.TrimSpace(name) == name && utf8.RuneCountInString(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// path makes a path of the file absolute, from the file's own folder.
func (c *Config) path(p string) string {
	if !filepath.IsAbs(p) {
		p = filepath.Join(filepath.Dir(c.file), p)
	}
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	return abs
}
