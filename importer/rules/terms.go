package rules

import (
	"fmt"
	"strings"
)

// Term is a condition of a rule, as a report writes it: the key of the configuration
// (or the direction), and the value there.
type Term struct{ What, Value string }

// Terms are the conditions of a rule.
func (r *Rule) Terms() []Term {
	var terms []Term
	add := func(what, value string) {
		if value != "" {
			terms = append(terms, Term{What: what, Value: value})
		}
	}
	prefixes := func(list []Prefix) string {
		var texts []string
		for _, prefix := range list {
			texts = append(texts, prefix.String())
		}
		return strings.Join(texts, ", ")
	}
	if r.Direction != "" {
		terms = append(terms, Term{What: r.Direction})
	}
	add("protocol", r.Protocol.String())
	add("port", r.Port.String())
	add("host_port", r.HostPort.String())
	add("peer_port", r.PeerPort.String())
	add("either", prefixes(r.Either))
	add("host", prefixes(r.Host))
	add("peer", prefixes(r.Peer))
	if len(r.Interface) > 0 {
		add("interface", strings.Trim(fmt.Sprint(r.Interface), "[]"))
	}
	if r.MinBytes > 0 {
		add("min_bytes", fmt.Sprint(r.MinBytes))
	}
	if r.MaxBytes > 0 {
		add("max_bytes", fmt.Sprint(r.MaxBytes))
	}
	if r.Broadcast {
		terms = append(terms, Term{What: "broadcast"})
	}
	if r.Proxy {
		terms = append(terms, Term{What: "proxy"})
	}
	return terms
}
