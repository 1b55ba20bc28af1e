// Package report asks the archive about traffic and says what it answered: who
// moved how much past the proxy in a period, and how far that can be trusted.
package report

import (
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// Usage is the traffic past the proxy in some local days, by inside host. Its
// JSON form is a contract with other programs; bytes are exact and of the IP
// layer. It is all that a rendering needs: none asks the database.
type Usage struct {
	// Day is the first day, 2026-11-23; of a day's report the day itself.
	Day      string `json:"day"`
	Period   Period `json:"period"`
	Timezone string `json:"timezone"`
	// Complete is false when the numbers are not, or not yet, the whole period's;
	// Incomplete then says why, in English sentences, and Doubts the same for
	// other languages (see Doubt.Text).
	Complete   bool     `json:"complete"`
	Incomplete []string `json:"incomplete,omitempty"`
	Doubts     []Doubt  `json:"doubts,omitempty"`
	// DataUntil is up to when anything was heard, of a period that is not over.
	DataUntil *time.Time `json:"data_until,omitempty"`
	// Estimated are the routers that sample: their bytes are extrapolated from the
	// packets that they looked at.
	Estimated []string `json:"estimated_of,omitempty"`
	// NewHosts says what "new" means in this report; null without any host ever.
	NewHosts *NewHosts `json:"new_hosts,omitempty"`
	// QuietHours are the hours of the day, counted from its first instant (0 to
	// 22, 23 or 24), in which no host had traffic. Of a day's report only.
	QuietHours []int `json:"hours_without_flows,omitempty"`
	// Gaps are the spans in which nothing at all came from a router.
	Gaps []Gap `json:"gaps,omitempty"`
	// OldTables are days that came from tables of an old database, in which nobody
	// can tell an hour without flows from one in which the router was silent.
	OldTables []OldTable `json:"from_old_tables,omitempty"`
	// Group is the department that the report was made for; empty for all. Such a
	// report has nothing of other hosts, and no books.
	Group  string `json:"for_group,omitempty"`
	Totals Totals `json:"totals"`
	// Before is the period before, of the same kind; Weekday the average of the
	// same weekday in those of the four weeks before that are complete (of a day's
	// report only), days without any traffic among them. Null when nothing is known
	// of them.
	Before  *Comparison `json:"before"`
	Weekday *Comparison `json:"same_weekday"`
	// Buckets is the course of the traffic: hours of a day's report, else days.
	// Host.Buckets are parts of the same.
	Buckets []Bucket `json:"buckets"`
	// Hosts are the biggest first, ten thousand at most: EachHost has all.
	Hosts []Host `json:"hosts"`
	rest  *rest  // nil: Hosts are all
	// TopsAtLeast: top peers and services are sums of each day's biggest, so that
	// they moved at least so much, and some may be missing. Never of a single day,
	// whose are exact.
	TopsAtLeast bool `json:"tops_at_least,omitempty"`
	// SharedHosts were charged by several routers: the figures of each in Hosts are of
	// all of them.
	SharedHosts []SharedHost     `json:"hosts_of_several_routers,omitempty"`
	Departments []Department     `json:"departments,omitempty"`
	Offenders   []Offender       `json:"over_quota,omitempty"` // the worst first
	Proxy       *Proxy           `json:"proxy"`                // null without a log of Squid
	Excluded    []Exclusion      `json:"excluded"`             // the biggest first
	Books       []archive.Book   `json:"books"`
	Coverage    []RouterCoverage `json:"coverage,omitempty"`
	Facts       Facts            `json:"facts"`
}

// Kinds of periods.
const (
	KindDay   = "day"
	KindWeek  = "week" // Monday to Sunday
	KindMonth = "month"
	KindRange = "range" // any days in a row
)

// Period is the days that a report is about.
type Period struct {
	Kind string      `json:"kind"`
	From archive.Day `json:"from"`
	To   archive.Day `json:"to"` // the last day, included
	Days int         `json:"days"`
	// Start and End are the instants: of From's beginning and of To's end.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Gap is a span of time in which nothing came from a router.
type Gap struct {
	Router string    `json:"router"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// NewHosts says since when hosts are known, and from when on one that was never seen
// before is called new: a week later.
type NewHosts struct {
	DataSince string `json:"data_since"` // a day
	From      string `json:"from"`       // a day
	// TooEarly: hosts that were never seen before are not called new, for the period
	// begins before From.
	TooEarly bool `json:"too_early,omitempty"`
}

// Text says since when hosts are known, or that it is too early to call any new;
// empty when there is nothing to say.
func (n *NewHosts) Text(c *phrase.Catalogue) string {
	switch {
	case n == nil:
		return ""
	case n.TooEarly:
		return c.Text("mail.new_later", n.From, n.DataSince)
	}
	return c.Text("mail.new_since", n.DataSince)
}

// EstimatedText says whose figures are estimates; empty when all are exact.
func (u *Usage) EstimatedText(c *phrase.Catalogue) string {
	if len(u.Estimated) == 0 {
		return ""
	}
	return c.Text("mail.estimated", Clean(strings.Join(u.Estimated, ", ")))
}

// ToCome says of a bucket that it had not begun when the report was made.
func (u *Usage) ToCome(b *Bucket) bool {
	return !u.Facts.Generated.IsZero() && !b.Start.Before(u.Facts.Generated)
}

// OldTable is what came of a router's from tables of an old database.
type OldTable struct {
	Router string `json:"router"`
	Days   string `json:"days"` // 2018-05-07 – 2018-05-09, 2018-05-11
}

// Text says what that means.
func (o *OldTable) Text(c *phrase.Catalogue) string {
	return c.Text("mail.old_table", Clean(o.Router), o.Days)
}

// Bucket is an hour or a day of the period.
type Bucket struct {
	Start     time.Time `json:"start"` // on the clock of the time zone
	UpBytes   uint64    `json:"up_bytes"`
	DownBytes uint64    `json:"down_bytes"`
	// ProxiedBytes is what Squid says of the same hosts and time.
	ProxiedBytes uint64 `json:"proxied_bytes,omitempty"`
	// NoData: nobody knows what there was, for nothing was heard then, or not yet.
	// The figures are 0.
	NoData bool `json:"no_data,omitempty"`
}

// Bytes is both directions.
func (b *Bucket) Bytes() uint64 { return plus(b.UpBytes, b.DownBytes) }

// Totals are the sums over all hosts, and what no host could be charged with.
type Totals struct {
	UpBytes      uint64         `json:"up_bytes"`
	DownBytes    uint64         `json:"down_bytes"`
	Flows        uint64         `json:"flows"`
	Hosts        int            `json:"hosts"`
	NewHosts     int            `json:"new_hosts"`
	NotInDHCP    int            `json:"not_in_dhcp"`
	Unattributed archive.Counts `json:"unattributed"`
	// UnattributedShare is the part of all bytes between inside and outside that
	// is unattributed, 0 to 1.
	UnattributedShare float64        `json:"unattributed_share"`
	Transit           archive.Counts `json:"transit"`      // between outside hosts
	Internal          archive.Counts `json:"internal"`     // between inside hosts
	RouterLocal       archive.Counts `json:"router_local"` // to or from routers themselves
	// ProxiedBytes and DirectShare are as of a host.
	ProxiedBytes *uint64  `json:"proxied_bytes"`
	DirectShare  *float64 `json:"direct_share"`
}

// Bytes is both directions.
func (t *Totals) Bytes() uint64 { return plus(t.UpBytes, t.DownBytes) }

// Comparison are the totals of other days.
type Comparison struct {
	From      archive.Day `json:"from"`
	To        archive.Day `json:"to"`
	Days      int         `json:"days"` // how many of them anything is known of, if only that nobody had traffic
	UpBytes   uint64      `json:"up_bytes"`
	DownBytes uint64      `json:"down_bytes"`
	Hosts     int         `json:"hosts"`
	// NotComplete is the first of the days, these or the report's own, of which
	// something is missing; they are then not compared.
	NotComplete string `json:"not_complete,omitempty"`
	// UpChange, DownChange and Change are how much more this period has, as parts
	// of the other: 0.25 is a quarter more, -1 all gone. Null when the other is 0
	// or not complete.
	// PerDay: the two have not as many days, so it is bytes a day that are compared.
	PerDay     bool     `json:"per_day,omitempty"`
	UpChange   *float64 `json:"up_change"`
	DownChange *float64 `json:"down_change"`
	Change     *float64 `json:"change"`
}

// BeforeText compares a period with the one before, in words; empty when it is not
// compared.
func (u *Usage) BeforeText(c *phrase.Catalogue, bytes func(uint64) string) string {
	b := u.Before
	switch {
	case b == nil || b.NotComplete == "" && b.Change == nil:
		return ""
	case b.NotComplete != "":
		return c.Text("mail.before.not_complete", b.NotComplete)
	case b.PerDay && b.Days > 0: // days are as many in every other kind of period
		return c.Text("mail.before.month.per_day", c.Change(*b.Change), bytes(b.Bytes()/uint64(b.Days)))
	}
	return c.Text("mail.before."+u.Period.Kind, c.Change(*b.Change), bytes(b.Bytes()))
}

// Bytes is both directions.
func (c *Comparison) Bytes() uint64 { return plus(c.UpBytes, c.DownBytes) }

// Department is a group of hosts.
type Department struct {
	Name      string  `json:"name"` // empty: hosts of none
	Hosts     int     `json:"hosts"`
	UpBytes   uint64  `json:"up_bytes"`
	DownBytes uint64  `json:"down_bytes"`
	Share     float64 `json:"share"`
	// ProxiedBytes is null without a log of Squid.
	ProxiedBytes *uint64     `json:"proxied_bytes"`
	Quota        *QuotaState `json:"quota"`
}

// Bytes is both directions.
func (d *Department) Bytes() uint64 { return plus(d.UpBytes, d.DownBytes) }

// Exclusion is what a rule left out.
type Exclusion struct {
	Rule string `json:"rule"`
	archive.Counts
}

// Facts say how the figures came about.
type Facts struct {
	Version   string    `json:"version"`
	Generated time.Time `json:"generated"`
	Rules     []Rule    `json:"rules"`
	Routers   []string  `json:"routers"`
	// Sources says which names were asked for, the most trusted first.
	Sources []string `json:"name_sources"`
}

// Rule is an exclusion as the configuration has it now.
type Rule struct {
	Name string `json:"name"`
	Text string `json:"text"` // its conditions, for people, in English
	// Terms are the same for other languages.
	Terms []RuleTerm `json:"terms,omitempty"`
}

// RuleTerm is a condition of a rule: What is the part of a catalogue's key behind
// "rule.", Value what the configuration says.
type RuleTerm struct {
	What  string `json:"what"`
	Value string `json:"value,omitempty"`
}

// NewRule is a rule with its conditions in words.
func NewRule(name string, terms []RuleTerm) Rule {
	r := Rule{Name: name, Terms: terms}
	r.Text = r.In(phrase.English())
	return r
}

// In is a rule's conditions in a language.
func (r *Rule) In(c *phrase.Catalogue) string {
	if len(r.Terms) == 0 {
		return r.Text
	}
	parts := make([]string, len(r.Terms))
	for i, term := range r.Terms {
		if term.Value == "" {
			parts[i] = c.Text("rule." + term.What)
		} else {
			parts[i] = c.Text("rule."+term.What, term.Value)
		}
	}
	return strings.Join(parts, "; ")
}
