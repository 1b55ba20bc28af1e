package mail

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"nfacct/report"
	"nfacct/report/phrase"
)

var update = flag.Bool("update", false, "rewrite the expected mails")

func russian(t *testing.T) *phrase.Catalogue {
	t.Helper()
	words, err := phrase.New("ru", "iec")
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// week is the usage of an office in a week, of whose first day nothing is known.
func week(hosts int) *report.Usage {
	u := office(hosts)
	hours, loc := u.Buckets, u.Period.Start.Location()
	u.Period = report.WeekPeriod(u.Period.From, loc)
	u.Day, u.Weekday, u.TopsAtLeast = u.Period.From.String(), nil, true
	u.Buckets = nil
	for day := range 7 {
		u.Buckets = append(u.Buckets, report.Bucket{Start: u.Period.Start.AddDate(0, 0, day), NoData: day == 0})
	}
	dayOf := func(hour int) int { return 1 + hour/4 }
	for hour := range hours {
		u.Buckets[dayOf(hour)].UpBytes += hours[hour].UpBytes
		u.Buckets[dayOf(hour)].DownBytes += hours[hour].DownBytes
	}
	for i := range u.Hosts {
		h := &u.Hosts[i]
		days := make([]uint64, 7)
		for hour, n := range h.Buckets {
			days[dayOf(hour)] += n
		}
		h.Buckets = days
	}
	u.Complete, u.Doubts = false, []report.Doubt{{Kind: "missing_days", Count: 1, What: u.Day}}
	return u
}

// The HTML is golden; look at it in a browser before -update.
func TestLetters(t *testing.T) {
	incomplete := office(3)
	incomplete.Complete = false
	incomplete.Doubts = []report.Doubt{{Kind: "lost", Router: "gw-1", Share: 0.031}}
	nothing := office(0)
	nothing.Complete, nothing.Books, nothing.Excluded, nothing.Coverage, nothing.Proxy = false, nil, nil, nil, nil
	nothing.Doubts = []report.Doubt{{Kind: "empty"}}
	alone := office(3)
	alone.Before.NotComplete, alone.Weekday.NotComplete = "2026-11-21", "2026-11-15"
	department := office(8)
	department.Group, department.Books, department.Excluded = "Accounts", nil, nil
	for name, test := range map[string]struct {
		usage   *report.Usage
		words   *phrase.Catalogue
		subject string
	}{
		"day":          {office(60), nil, "Past the proxy 2026-11-22: 21.1 GiB, 60 hosts, 2 quotas exceeded"},
		"russian":      {office(30), russian(t), "Мимо прокси 2026-11-22: 20,9\u00a0ГиБ, 30 узлов, превышены 2 квоты"},
		"incomplete":   {incomplete, nil, "INCOMPLETE: Past the proxy 2026-11-22: 7.7 GiB, 3 hosts, 2 quotas exceeded"},
		"nothing":      {nothing, nil, "INCOMPLETE: Past the proxy 2026-11-22: nothing is known"},
		"week":         {week(30), nil, "INCOMPLETE: Past the proxy 2026-11-16 – 2026-11-22: 20.9 GiB, 30 hosts, 2 quotas exceeded"},
		"not_complete": {alone, nil, "Past the proxy 2026-11-22: 7.7 GiB, 3 hosts, 2 quotas exceeded"},
		"department":   {department, nil, "Past the proxy 2026-11-22, Accounts: 14.8 GiB, 8 hosts, 2 quotas exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := NewLetter(test.usage, Options{Words: test.words, Source: "mail.to"})
			if err != nil {
				t.Fatal(err)
			}
			if strings.ReplaceAll(l.Subject, "\u00a0", " ") != strings.ReplaceAll(test.subject, "\u00a0", " ") {
				t.Errorf("subject %q, want %q", l.Subject, test.subject)
			}
			golden := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(golden, []byte(l.HTML), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if l.HTML != string(want) {
				t.Errorf("the HTML differs from %s; look at it, then -update", golden)
			}
		})
	}
}

// The mail stays small, whatever the size of the office and of its names.
func TestSize(t *testing.T) {
	long := office(2000)
	for i := range long.Hosts {
		long.Hosts[i].Names = []string{strings.Repeat("щ", 10_000)}
		long.Hosts[i].New = true
	}
	for name, u := range map[string]*report.Usage{"2000 hosts": office(2000), "long names": long} {
		for _, rows := range []int{25, mostRows} {
			_, html, _, err := render(u, Options{Words: phrase.English(), Rows: rows}, "nfacct.xlsx", false)
			if err != nil {
				t.Fatal(err)
			}
			if len(html) > mostHTML {
				t.Errorf("%s, %d rows: HTML of %d bytes", name, rows, len(html))
			}
			if !strings.Contains(html, "others") {
				t.Errorf("%s, %d rows: no row of the others", name, rows)
			}
		}
	}
}

// hostile are names as their owners may have written them.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</table></body>`, `{{.Subject}}`, `cid:hours.png@nfacct.invalid`,
	`=cmd|'/C calc'!A0`, `+1+1`, `-2+3`, `@SUM(A1)`, "\t=1+1", "\r=1+1", "＝1+1", "pc\x1b[31m\x00\x07", "invoice\u202efdp.exe", "\u2066\u2067x\u2069", "_x000D_",
	"\xff\xfe", strings.Repeat("A", 10_000), strings.Repeat("e\u0301\u0302\u0303", 3000), "a\r\nBcc: victim@example.net", "&lt;b&gt;", "%s%n%[1]s", "\u2028line",
}

// Hostile names change nothing but the text of their own cell.
func TestHostile(t *testing.T) {
	u := office(len(hostile))
	for i, name := range hostile {
		u.Hosts[i].Names = []string{name, name}
		u.Hosts[i].Group = &hostile[i]
		u.Hosts[i].ProxyUsers = []string{name}
		u.Hosts[i].TopPeers[0].Name, u.Hosts[i].TopServices[0].Name = name, name
		u.Departments = append(u.Departments, report.Department{Name: name, Hosts: 1})
		u.Offenders = append(u.Offenders, report.Offender{Subject: "host", Name: u.Hosts[i].Host, Names: []string{name}, Group: &hostile[i], QuotaState: report.QuotaState{Quota: name, Period: "day"}})
		u.Excluded = append(u.Excluded, report.Exclusion{Rule: name})
		u.Coverage = append(u.Coverage, report.RouterCoverage{Router: name, Interface: name})
		u.Proxy.Only = append(u.Proxy.Only, report.ProxyHost{Host: u.Hosts[i].Host, Names: []string{name}, Group: &hostile[i]})
		u.Facts.Rules = append(u.Facts.Rules, report.Rule{Name: name, Text: name})
	}
	u.Group = hostile[len(hostile)-4]
	u.Complete, u.Doubts = false, []report.Doubt{{Kind: "lost", Router: hostile[0]}}
	l, err := NewLetter(u, Options{})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := NewLetter(office(len(hostile)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	allowed := tags(plain.HTML)
	for tag := range tags(l.HTML) {
		if !allowed[tag] && tag != "ul" {
			t.Errorf("a name brought in <%s>", tag)
		}
	}
	for _, bad := range []string{"<script", "onerror=alert(1)>", "<img src=x", "\x1b", "\u202e", "\x00"} {
		if strings.Contains(l.HTML, bad) {
			t.Errorf("the HTML has %q in it", bad)
		}
	}
	for _, r := range l.HTML + l.Subject {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf)) {
			t.Errorf("%U in the mail", r)
		}
	}
	if strings.ContainsAny(l.Subject, "\r\n") {
		t.Errorf("subject %q", l.Subject)
	}
	for _, image := range l.Images {
		if err := xml.Unmarshal(image.SVG, new(struct{})); err != nil {
			t.Errorf("%s: %v", image.Name, err)
		}
	}
	msg, err := l.Message(Envelope{From: "nfacct@example.net", To: "head@example.net", MessageID: "x@example.net"})
	if err != nil {
		t.Fatal(err)
	}
	var eml bytes.Buffer
	if _, err := msg.WriteTo(&eml); err != nil {
		t.Fatal(err)
	}
	if head, _, _ := bytes.Cut(eml.Bytes(), []byte("\r\n\r\n")); bytes.Contains(head, []byte("\nBcc:")) {
		t.Error("a name became a header")
	}
}

// tags are the names of the elements.
func tags(html string) map[string]bool {
	found := map[string]bool{}
	for _, part := range strings.Split(html, "<")[1:] {
		name := strings.FieldsFunc(part, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '/' && r != '!' })
		if len(name) > 0 {
			found[strings.TrimPrefix(name[0], "/")] = true
		}
	}
	return found
}

// What the plan of the house says of mail programs: no value that they drop.
func TestHabitsOfMailPrograms(t *testing.T) {
	l, err := NewLetter(office(40), Options{Source: "mail.to"})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"rgb(", "rgba(", "var(", "display:flex", "display:grid", "border-radius", "<svg", "data:", "url(", "<div", "<p ", "ZgotmplZ", "http:", "https:"} {
		if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(l.HTML, "http-equiv", ""), "https ", ""), bad) {
			t.Errorf("%s in the HTML", bad)
		}
	}
	for _, need := range []string{`<html lang="en"`, "<h1", `scope="row"`, `scope="col"`, `alt="Bars`, "color-scheme", "max-width:640px", "cid:hours.png@nfacct.invalid", "cid:hosts.png@nfacct.invalid"} {
		if !strings.Contains(l.HTML, need) {
			t.Errorf("%s is not in the HTML", need)
		}
	}
	if strings.Count(l.HTML, "<h1") != 1 {
		t.Error("more than one h1")
	}
}

func BenchmarkLetter(b *testing.B) {
	for _, hosts := range []int{60, 5000} {
		u := office(hosts)
		b.Run(fmt.Sprint(hosts), func(b *testing.B) {
			for b.Loop() {
				if _, err := NewLetter(u, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
