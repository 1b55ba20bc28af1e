// Package query turns a question about flows into SQL that a person can read and
// paste, and runs it.
//
// A Question has a span of days, conditions on fields, up to two fields to group by,
// and a measure: bytes, or the number of rows. It is written as a URL's query, so
// that it can be mailed and kept:
//
//	from=2026-11-01&to=2026-11-30&host=192.168.88.0/24&service=!https&group=host,hour
//
// Fields are a typed table. A condition's text becomes addresses, numbers and days
// before it becomes SQL, and SQL is made from these alone: no byte that a person
// typed reaches the database.
//
// The same question has two texts. Shown is the one that a person would write, over
// the month's name, flows_2026_11. Parts are the statements that run, one for each
// table that holds the days, each grouped by itself. Both have the derived form: it
// groups bare columns and formats addresses outside. Measured on a million packed
// rows with 172,000 peers, INET6_NTOA within GROUP BY takes 21 to 26 s, the derived
// form 2.1 to 2.7 s, because formatted columns make rows of the temporary table so
// wide that it goes to disk.
package query

import (
	"net/netip"
	"time"

	"nfacct/archive"
)

// Question is a question about flows.
type Question struct {
	// From and To are the first and the last day. Month is set where they are that
	// month's.
	From, To archive.Day
	// Conditions hold all at once.
	Conditions []Condition
	// Group are the fields to group by, none to two.
	Group []Field
	// Count counts rows in place of adding up bytes.
	Count bool
	// Rows asks for the rows themselves. Group and Count do not go with it.
	Rows bool
	// MinBytes leaves out rows of fewer bytes.
	MinBytes uint64
	// Limit is how many lines the answer has at most; 0 is all.
	Limit int
}

// Bounds of a question that nobody types by hand.
const (
	mostGroups     = 2
	mostConditions = 40
	mostValues     = 500 // of one condition
	MostLines      = 1_000_000
	DefaultLimit   = 30 // as the predecessor had
)

// Setting is what a question cannot know by itself: how names become numbers.
type Setting struct {
	Location *time.Location
	Now      time.Time
	// Routers are the numbers of routers by name.
	Routers map[string]uint16
	// Departments are the names of departments with their addresses, in order: an
	// address belongs to the first that has it.
	Departments []Department
	// Bound says that only hosts of the departments in Within are seen, by any question.
	Bound  bool
	Within []string
	// Services are the protocols and ports of a service's name, such as https or
	// udp/4433; none when nothing has that name.
	Services func(name string) []Service
}

// Service is a protocol with the port that its traffic is known by; protocols without
// ports have 0.
type Service struct {
	Proto uint8
	Port  uint16
}

// Department is a named set of addresses.
type Department struct {
	Name   string
	Ranges []Range
}

// Range are the addresses of one family from one to another, both included.
type Range struct{ From, To netip.Addr }
