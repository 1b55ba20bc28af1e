package mail

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/report"
)

// Neither the mail nor its workbook have English words in a Russian report, but
// for names and these.
func TestRussianIsRussian(t *testing.T) {
	known := []string{
		"Squid", "IP", "DHCP", "DNS", "UTC", "nfacct", "toml", "xlsx", "mail", "to", "Europe", "Berlin", "T",
		"accounts", "boss", "warehouse", "reception", "design", "sales", "print", "camera", "meeting", "lab", "kiosk", "Accounts", "Management", "Warehouse", "Design",
		"https", "quic", "imaps", "tcp", "ssh", "proxy", "dns", "gw", "ether", "office", "cdn", "example", "net", "anna", "boris",
	}
	u := office(30)
	u.Facts.Rules = []report.Rule{report.NewRule("dns", []report.RuleTerm{{What: "protocol", Value: "17,6"}, {What: "peer_port", Value: "53"}, {What: "max_bytes", Value: "65536"}}),
		report.NewRule("proxy", []report.RuleTerm{{What: "proxy"}})}
	u.OldTables = []report.OldTable{{Router: "gw-1", Days: "2026-11-22"}}
	u.Complete = false
	for _, key := range russian(t).Keys() {
		if kind, ok := strings.CutPrefix(key, "doubt."); ok {
			u.Doubts = append(u.Doubts, report.Doubt{Kind: kind, Router: "gw-1", What: "2026-11-22", Until: "04:25", Count: 3, Share: 0.02})
		}
	}
	b := &u.Books[0]
	b.LostEstimated, b.KernelDropped, b.SpoolLost, b.Rejected, b.Difference = true, 1, 2, map[string]uint64{"short": 1}, "the classes are"
	b.Imbalances = []archive.Imbalance{{Kind: "classes"}, {Kind: "loaded"}, {Kind: "tables"}, {Kind: "rows"}}
	u.TopsAtLeast = true
	u.Before.NotComplete, u.Weekday.NotComplete = "2026-11-21", "2026-11-15"
	known = append(known, "import", "net", "core", "rmem", "max", "collector", "receive", "buffer", "queue", "PPPoE", "L", "TP", "IPFIX", "inner", "routers", "wan", "report", "squid", "access", "log") // what to raise
	l, err := NewLetter(u, Options{Words: russian(t), Source: "mail.to"})
	if err != nil {
		t.Fatal(err)
	}
	latin := regexp.MustCompile(`[A-Za-z]+`)
	check := func(where, text string) {
		for _, word := range latin.FindAllString(text, -1) {
			if !slices.Contains(known, word) {
				t.Errorf("%s: %q in %.200q", where, word, text)
			}
		}
	}
	check("subject", l.Subject)
	body := regexp.MustCompile(`(?s)<(style|title).*?</(style|title)>|<!--.*?-->`).ReplaceAllString(l.HTML, "")
	for _, alt := range regexp.MustCompile(`alt="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		check("HTML alt", html.UnescapeString(alt[1]))
	}
	for _, text := range regexp.MustCompile(`>([^<]+)<`).FindAllStringSubmatch(body, -1) {
		check("HTML", html.UnescapeString(text[1]))
	}
	file := openWorkbook(t, l.Workbook)
	for _, sheet := range file.GetSheetList() {
		check("sheet", sheet)
		for _, row := range rows(t, file, sheet) {
			for _, value := range row {
				check(sheet, value)
			}
		}
	}
}
