package report

import (
	"strings"
	"time"
)

// Host is one inside address.
type Host struct {
	Host  string   `json:"host"`
	Names []string `json:"names"` // of that time, cleaned of what could deceive a reader, the most trusted first
	// Named are the same names, with where each is from.
	Named     []Name  `json:"named,omitempty"`
	Group     *string `json:"group"` // the department; null for none
	UpBytes   uint64  `json:"up_bytes"`
	DownBytes uint64  `json:"down_bytes"`
	// Share is the part of the total, CumulativeShare that of this and all bigger
	// hosts together; 0 to 1.
	Share           float64 `json:"share"`
	CumulativeShare float64 `json:"cumulative_share"`
	Flows           uint64  `json:"flows"`
	Peers           uint64  `json:"peers"`
	// BusiestHour begins the hour with the most bytes; null without any.
	BusiestHour      *time.Time `json:"busiest_hour"`
	BusiestHourBytes uint64     `json:"busiest_hour_bytes"`
	// Buckets are bytes up and down together, beside Usage.Buckets.
	Buckets     []uint64  `json:"buckets"`
	TopPeers    []Peer    `json:"top_peers,omitempty"`    // the biggest first
	TopServices []Service `json:"top_services,omitempty"` // the biggest first
	// ProxiedBytes is what Squid says the host moved through the proxy; null
	// without a log of Squid. DirectShare is the part that went past it, 0 to 1.
	ProxiedBytes *uint64  `json:"proxied_bytes"`
	DirectShare  *float64 `json:"direct_share"`
	// ProxyUsers are who Squid says the host was used by.
	ProxyUsers []string `json:"proxy_users,omitempty"`
	// New: the host was never seen before the period.
	New bool `json:"new"`
	// NotInDHCP: leases are known of this time, and none is this host's.
	NotInDHCP bool        `json:"not_in_dhcp"`
	Quota     *QuotaState `json:"quota"` // null: none is set for it
	// Routers are what each charged, where there are several: with networks of the same
	// addresses these are several hosts.
	Routers []RouterPart `json:"routers,omitempty"`
	// WeakBytes are those of DownBytes that were charged by the next hop or by the
	// uploads that they answer, as with version 5: they may be another host's.
	WeakBytes uint64 `json:"weak_bytes,omitempty"`
}

// Bytes is both directions.
func (h *Host) Bytes() uint64 { return plus(h.UpBytes, h.DownBytes) }

// Name is what a source calls a host.
type Name struct {
	Name   string `json:"name"`
	Source string `json:"source"` // lease, comment, dns, file
	// From and To are the part of the period in which it was called so, where the
	// source called it otherwise in another part.
	From *time.Time `json:"from,omitempty"`
	To   *time.Time `json:"to,omitempty"`
}

// NamesByTime says when a host was called what, where that changed in the period, as
// with an address that another computer got: a 00:00–12:00, b 12:00–24:00. It is
// empty where nothing changed.
func (h *Host) NamesByTime(p *Period) string {
	var parts []string
	for i := len(h.Named) - 1; i >= 0; i-- { // the newest stands first
		if n := &h.Named[i]; n.From != nil && n.To != nil {
			from, to := SpanText(p, *n.From, *n.To)
			parts = append(parts, Clean(n.Name)+" "+from+"–"+to)
		}
	}
	return strings.Join(parts, ", ")
}

// Peer is an outside address that a host talked with.
type Peer struct {
	Peer      string `json:"peer"`
	Name      string `json:"name,omitempty"`
	UpBytes   uint64 `json:"up_bytes"`
	DownBytes uint64 `json:"down_bytes"`
}

// Bytes is both directions.
func (p *Peer) Bytes() uint64 { return plus(p.UpBytes, p.DownBytes) }

// Service is a protocol and the peer's port.
type Service struct {
	Proto     uint8  `json:"proto"`
	Port      uint16 `json:"port"`
	Name      string `json:"name"` // https, dns, tcp/8443, icmp
	UpBytes   uint64 `json:"up_bytes"`
	DownBytes uint64 `json:"down_bytes"`
}

// Bytes is both directions.
func (s *Service) Bytes() uint64 { return plus(s.UpBytes, s.DownBytes) }
