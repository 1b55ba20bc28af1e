package report

import (
	"nfacct/archive"
	"nfacct/report/phrase"
)

// Proxy is what Squid's log says of the period, beside what flows say.
type Proxy struct {
	Bytes    uint64 `json:"bytes"` // of responses, and of requests where the log has them
	Requests uint64 `json:"requests"`
	Denied   uint64 `json:"requests_denied"` // not among the others
	Hosts    int    `json:"hosts"`
	// NamelessBytes are of clients whose address the log does not have.
	NamelessBytes uint64 `json:"nameless_bytes,omitempty"`
	// OnlyHosts had no traffic past the proxy at all; Only names them, the biggest
	// first.
	OnlyHosts int         `json:"hosts_only_proxied"`
	Only      []ProxyHost `json:"only_proxied,omitempty"`
	// NoFlows: no flows of the period are known at all, so that nobody can say what
	// went past the proxy, nor who did nothing else.
	NoFlows bool `json:"no_flows,omitempty"`
	// FlowBytes is what the routers' flows say moved between the proxies and the
	// outside; null when no flow says. Cached objects, headers and what Squid
	// does for itself make it differ from Bytes.
	FlowBytes *uint64     `json:"flow_bytes"`
	Checks    []HostCheck `json:"checks,omitempty"` // the biggest first
	// Users are who Squid was used by, the biggest first.
	Users []ProxyUser `json:"users,omitempty"`
	// Unwritten are days of the period that the log has no entry of, though it has
	// some before and behind: nobody used the proxy then, or that part of the log is
	// missing. When there is no entry of the whole period, shares are not known.
	Unwritten []archive.Day `json:"days_without_entries,omitempty"`
	// Unread says that the log has not been read up to the period's end.
	Unread bool `json:"unread"`
}

// UnwrittenText says which days the log has no entry of; empty when it has of all.
func (p *Proxy) UnwrittenText(words *phrase.Catalogue) string {
	if len(p.Unwritten) == 0 {
		return ""
	}
	return words.Text("mail.proxy.unwritten", dayRanges(p.Unwritten))
}

// HostCheck compares what Squid's log and flows say of the same traffic: of a
// proxy's with the outside. Of several proxies it is one sum, and Host names all:
// 10.0.0.1 + 10.0.0.2.
type HostCheck struct {
	Host       string `json:"host"`
	SquidBytes uint64 `json:"squid_bytes"`
	FlowBytes  uint64 `json:"flow_bytes"`
}

// ProxyHost is a host that used nothing but the proxy.
type ProxyHost struct {
	Host  string   `json:"host"`
	Names []string `json:"names,omitempty"`
	Group *string  `json:"group"` // the department; null for none
	Bytes uint64   `json:"bytes"`
}

// ProxyUser is somebody who used the proxy.
type ProxyUser struct {
	User     string `json:"user"`
	Bytes    uint64 `json:"bytes"`
	Requests uint64 `json:"requests"`
}
