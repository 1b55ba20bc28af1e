package web

import (
	"fmt"
	"html/template"
	"net/netip"
	"slices"
	"strings"

	"nfacct/archive"
	"nfacct/report"
)

// functions are those of the templates.
func (s *Server) functions() template.FuncMap {
	words := s.deps.Words
	return template.FuncMap{
		"t":       words.Text,
		"bytes":   words.Bytes,
		"number":  words.Number,
		"percent": words.Percent,
		"lang":    func() string { return words.Language },
		"numeric": func(unit string) bool {
			return slices.Contains([]string{"bytes", "packets", "flows", "rows", "seconds", "port", "ifindex", "hour", "slot"}, unit)
		},
	}
}

// named is a host with its name.
type named struct {
	Host netip.Addr
	Name string
}

func (n named) String() string { return n.Host.String() }

// share is a part of a whole.
func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// dayWords names a day with its weekday.
func (s *Server) dayWords(d archive.Day) string {
	return fmt.Sprintf("%s, %s", s.deps.Words.Weekday(archive.SlotStart(d, 0, s.deps.Location).Weekday()), d)
}

// clean is a name without what a terminal or a page would act upon.
func clean(name string) string { return strings.TrimSpace(report.Clean(name)) }
