// Package report asks the archive about traffic and says what it answered: who
// moved how much past the proxy on a day, and how far that can be trusted.
package report

import "nfacct/archive"

// Usage is one local day's traffic past the proxy, by inside host. Its JSON form
// is a contract with other programs; bytes are exact and of the IP layer.
type Usage struct {
	Day      string `json:"day"` // 2026-11-23
	Timezone string `json:"timezone"`
	// Complete is false when the numbers are not, or not yet, the whole day's;
	// Incomplete then says why, in sentences.
	Complete   bool     `json:"complete"`
	Incomplete []string `json:"incomplete,omitempty"`
	// QuietHours are the hours of the day, counted from midnight (0 to 22, 23 or
	// 24), in which no host had traffic.
	QuietHours []int          `json:"hours_without_flows,omitempty"`
	Totals     Totals         `json:"totals"`
	Hosts      []Host         `json:"hosts"` // the biggest first
	Books      []archive.Book `json:"books"`
}

// Totals are the sums over all hosts, and what no host could be charged with.
type Totals struct {
	UpBytes      uint64         `json:"up_bytes"`
	DownBytes    uint64         `json:"down_bytes"`
	Flows        uint64         `json:"flows"`
	Hosts        int            `json:"hosts"`
	Unattributed archive.Counts `json:"unattributed"`
	// UnattributedShare is the part of all bytes between inside and outside that
	// is unattributed, 0 to 1.
	UnattributedShare float64 `json:"unattributed_share"`
}

// Host is one inside address.
type Host struct {
	Host      string   `json:"host"`
	Names     []string `json:"names"` // of that day, cleaned of what could deceive a reader
	Group     *string  `json:"group"`
	UpBytes   uint64   `json:"up_bytes"`
	DownBytes uint64   `json:"down_bytes"`
	Flows     uint64   `json:"flows"`
	Peers     uint64   `json:"peers"`
	// ProxiedBytes and Quota are null as long as they are not known.
	ProxiedBytes *uint64 `json:"proxied_bytes"`
	Quota        *uint64 `json:"quota"`
}

// Bytes is both directions.
func (h *Host) Bytes() uint64 { return h.UpBytes + h.DownBytes }

// Bytes is both directions.
func (t *Totals) Bytes() uint64 { return t.UpBytes + t.DownBytes }
