package report

import (
	"nfacct/archive"
	"nfacct/report/phrase"
)

// Doubt is a reason why the figures are not the whole period's. Which fields say
// something depends on Kind, the part of a catalogue's key behind "doubt.".
type Doubt struct {
	Kind   string  `json:"kind"`
	Router string  `json:"router,omitempty"`
	What   string  `json:"what,omitempty"` // a file, a day, days, or the begin of a span of time
	Until  string  `json:"until,omitempty"`
	Count  uint64  `json:"count,omitempty"`
	Share  float64 `json:"share,omitempty"`
	Bytes  uint64  `json:"bytes,omitempty"` // of lost records, about
	// Finding is what was found in the books of the router; its kind is the doubt's.
	Finding *archive.Finding `json:"finding,omitempty"`
}

// Text is the reason as a sentence.
func (d Doubt) Text(c *phrase.Catalogue) string {
	if d.Finding != nil {
		return FindingText(d.Router, *d.Finding, c)
	}
	key := "doubt." + d.Kind
	router, what := Clean(d.Router), Clean(d.What)
	switch d.Kind {
	case "missing_days", "pending":
		return c.Plural(key, d.Count, what)
	case "dropped", "unspooled", "damaged", "more_gaps":
		return c.Plural(key, d.Count)
	case "no_template":
		return c.Plural(key, d.Count, router)
	case "lost":
		if d.Bytes > 0 {
			return c.Text("bytes."+d.Kind, router, c.Percent(d.Share), c.Bytes(d.Bytes))
		}
		return c.Text(key, router, c.Percent(d.Share))
	case "running":
		if d.Until != "" {
			return c.Text("until."+d.Kind, Clean(d.Until))
		}
	case "proxy_cut":
		return c.Text(key, what, Clean(d.Until))
	case "silent":
		return c.Text(key, router, what, Clean(d.Until))
	case "loading", "proxy_begin":
		return c.Text(key, what)
	case "unlisted_interface":
		if d.What == "0" { // more than are named
			key = "more." + d.Kind
		}
		return c.Text(key, router, c.Bytes(d.Count), what)
	case "silent_next_hop":
		return c.Text(key, router, c.Bytes(d.Count))
	case "books":
		return c.Text(key, router, what)
	}
	return c.Text(key)
}
