package archive

import (
	"context"
	"database/sql"
	"fmt"
	"nfacct/archive/mariadb"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// rights are what nfacct does on its database. RENAME TABLE is covered by ALTER
// and DROP. FLUSH TABLES FOR EXPORT, which packing begins with, needs LOCK TABLES
// here and RELOAD on everything.
var rights = [...]string{"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "CREATE VIEW", "LOCK TABLES"}

// greet looks at the server as the DSN alone makes it: can it be used at all,
// and what is it.
func (a *Archive) greet(ctx context.Context, dsn *mysql.Config) error {
	first := dsn.Clone()
	first.Logger = mariadb.DriverLog{Log: a.log}
	pool, err := mysql.NewConnector(first)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	db := sql.OpenDB(pool)
	defer db.Close()
	var version string
	var mode sql.NullString // EMPTY_STRING_IS_NULL holds until our own mode is set
	var packet uint64
	err = db.QueryRowContext(ctx, "SELECT VERSION(), @@sql_mode, @@max_allowed_packet").Scan(&version, &mode, &packet)
	switch {
	case isError(err, errNoDatabase):
		return fmt.Errorf("connect: %w; as an administrator run: CREATE DATABASE %s CHARACTER SET utf8mb4", err, quoteName(dsn.DBName))
	case isError(err, errDatabaseDenied):
		return fmt.Errorf("connect: %w; as an administrator run: GRANT %s ON %s.* TO the user", err, strings.Join(rights[:], ", "), quoteName(dsn.DBName))
	case isError(err, errSecureTransport), isError(err, errAccessDenied) && dsn.Net == "tcp" && dsn.TLSConfig == "":
		// MariaDB says no more than that access is denied.
		return fmt.Errorf("connect: %w; check user and password in the DSN; where the server demands TLS (require_secure_transport), end the DSN with ?tls=true, or connect through its socket", err)
	case isError(err, errAccessDenied):
		return fmt.Errorf("connect: %w; check user and password in the DSN", err)
	case err != nil:
		return wrap("connect", err)
	}
	a.maria = strings.Contains(strings.ToLower(version), "mariadb")
	if strings.Contains(mode.String, "NO_BACKSLASH_ESCAPES") {
		return fmt.Errorf("the server's sql_mode contains NO_BACKSLASH_ESCAPES, with which quoted text is not safe: remove it from sql_mode (SET GLOBAL sql_mode = REPLACE(@@GLOBAL.sql_mode, 'NO_BACKSLASH_ESCAPES', ''))")
	}
	if packet < packetLeast {
		return fmt.Errorf("the server's max_allowed_packet is %d bytes, and nfacct's statements need %d: as an administrator run: SET GLOBAL max_allowed_packet = 16777216, and write it into the server's configuration", packet, packetLeast)
	}
	return a.askEngines(ctx, db)
}

// packetLeast is how long a statement must be allowed to be: rows of rollups go in
// by the thousand.
const packetLeast = 1 << 20

// askEngines finds out whether a server takes tables of MyISAM: an administrator of
// MariaDB may enforce one engine for all new tables, one of MySQL may disable some.
func (a *Archive) askEngines(ctx context.Context, db *sql.DB) error {
	if a.server != nil {
		return nil
	}
	question := "SELECT COALESCE(@@enforce_storage_engine, '')"
	if !a.maria {
		question = "SELECT @@disabled_storage_engines"
	}
	var named sql.NullString // with EMPTY_STRING_IS_NULL
	err := db.QueryRowContext(ctx, question).Scan(&named)
	if isError(err, errNoVariable) { // servers of before
		return nil
	}
	if err != nil {
		return wrap("look at server", err)
	}
	myisam := func(engine string) bool { return strings.EqualFold(strings.TrimSpace(engine), "MyISAM") }
	if a.maria {
		a.noMyISAM = named.String != "" && !myisam(named.String)
	} else {
		a.noMyISAM = slices.ContainsFunc(strings.Split(named.String, ","), myisam)
	}
	return nil
}

// checkRights says in one error what a given server does not allow.
func (a *Archive) checkRights(ctx context.Context) error {
	grants, user, err := a.grants(ctx)
	if err != nil {
		return err
	}
	missing := missingRights(grants, a.dsn.DBName)
	var problems []string
	if missing != nil {
		problems = append(problems, fmt.Sprintf("%s may not %s; as an administrator run: GRANT %s ON %s.* TO %s",
			user, strings.Join(missing, ", "), strings.Join(missing, ", "), quoteName(a.dsn.DBName), user))
	}
	if a.maria && !a.noMyISAM && a.cfg.PackFiles && missingGlobal(grants, "RELOAD") != nil {
		problems = append(problems, fmt.Sprintf("%s may not RELOAD, which packing a month needs; as an administrator run: GRANT RELOAD ON *.* TO %s (or set archive.method to \"innodb\")", user, user))
	}
	var local bool
	if err := a.db.QueryRowContext(ctx, "SELECT @@local_infile").Scan(&local); err != nil {
		return wrap("look at server", err)
	}
	file := a.cfg.Load != LoadLocal && missingGlobal(grants, "FILE") == nil
	if !local && !file {
		problems = append(problems, fmt.Sprintf("rows cannot be loaded, because local_infile is off; as an administrator run: SET GLOBAL local_infile = ON, or where nfacct runs on the server's machine: GRANT FILE ON *.* TO %s", user))
	}
	if problems != nil {
		return fmt.Errorf("database %s: %s", a.dsn.DBName, strings.Join(problems, "; and: "))
	}
	return nil
}

// grants are the server's own words on what this user may do, and who that is.
func (a *Archive) grants(ctx context.Context) (grants []string, user string, err error) {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		return nil, "", wrap("connect", err)
	}
	defer conn.Close()
	if err := conn.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&user); err != nil {
		return nil, "", wrap("look at rights", err)
	}
	if name, host, ok := strings.Cut(user, "@"); ok {
		user = quoteText(name) + "@" + quoteText(host)
	}
	query := "SHOW GRANTS"
	// MySQL shows what roles give only when they are named; MariaDB always.
	if !a.maria {
		var role string
		if conn.QueryRowContext(ctx, "SELECT CURRENT_ROLE()").Scan(&role) == nil && role != "NONE" {
			query = "SHOW GRANTS FOR CURRENT_USER() USING " + role
		}
	}
	grants, err = column[string](ctx, conn, "look at rights", query)
	return grants, user, err
}

// grantForm takes a line of SHOW GRANTS apart: rights, database (a pattern of
// LIKE) or *. Rights on single tables and columns do not count: tables are made
// later. What follows TO, where MariaDB shows a password's hash, is not looked at.
var grantForm = regexp.MustCompile("^GRANT (.+?) ON (?:TABLE )?(\\*|`(?:[^`]|``)*`)\\.\\* TO ")

// missingRights are those of rights that no grant gives on a database.
func missingRights(grants []string, database string) []string {
	return missingOf(grants, database, rights[:])
}

// missingGlobal is the right, if no grant gives it on everything.
func missingGlobal(grants []string, right string) []string {
	return missingOf(grants, "", []string{right})
}

func missingOf(grants []string, database string, wanted []string) []string {
	missing := slices.Clone(wanted)
	for _, grant := range grants {
		parts := grantForm.FindStringSubmatch(grant)
		if parts == nil {
			continue
		}
		if parts[2] != "*" && (database == "" || !likes(strings.ReplaceAll(parts[2][1:len(parts[2])-1], "``", "`"), database)) {
			continue
		}
		given := strings.Split(parts[1], ", ")
		if slices.Contains(given, "ALL PRIVILEGES") || slices.Contains(given, "ALL") {
			return nil
		}
		missing = slices.DeleteFunc(missing, func(right string) bool { return slices.Contains(given, right) })
	}
	if len(missing) == 0 {
		return nil
	}
	return missing
}

// likes is SQL's LIKE, as it holds for names of databases in grants.
func likes(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch c := pattern[0]; {
	case c == '%':
		return likes(pattern[1:], name) || name != "" && likes(pattern, name[1:])
	case c == '\\' && len(pattern) > 1:
		pattern = pattern[1:]
	case c == '_' && name != "":
		return likes(pattern[1:], name[1:])
	}
	return name != "" && pattern[0] == name[0] && likes(pattern[1:], name[1:])
}

// quoteName writes a name as SQL takes it.
func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quoteText writes text as SQL takes it, without NO_BACKSLASH_ESCAPES.
func quoteText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}
