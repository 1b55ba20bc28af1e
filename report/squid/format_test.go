package squid

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	const apache = `10.0.0.7 - anna [23/Nov/2026:09:00:05 +0100] "GET http://example.net/ HTTP/1.1" 200 4110 TCP_MISS:HIER_DIRECT`
	for _, test := range []struct {
		name, format, line string
		want               string // unix client user bytes denied; empty: no entry
	}{
		{"native", "native", "1763891234.567    180 10.0.0.7 TCP_MISS/200 4110 GET http://example.net/ anna HIER_DIRECT/192.0.2.7 text/html", "1763891234 10.0.0.7 anna 4110 false"},
		{"nobody", "native", "1763891234.567 1 2001:db8::7 TCP_TUNNEL/200 99 CONNECT example.net:443 - HIER_DIRECT/192.0.2.7 -", "1763891234 2001:db8::7  99 false"},
		{"denied", "native", "1763891234.567 0 10.0.0.7 TCP_DENIED/407 3900 GET http://example.net/ - HIER_NONE/- text/html", "1763891234 10.0.0.7  3900 true"},
		{"spaces in the address", "native", "1763891234.567 0 10.0.0.7 TCP_MISS/200 39 GET http://example.net/a b c anna HIER_DIRECT/192.0.2.7 text/html", "1763891234 10.0.0.7 anna 39 false"},
		{"headers behind", "native", "1763891234.567 0 10.0.0.7 TCP_MISS/200 39 GET http://a/ anna HIER_DIRECT/192.0.2.7 text/html [Host: a b/c] [x]", "1763891234 10.0.0.7 anna 39 false"},
		{"cut short", "native", "1763891234.567 0 10.0.0.7 TCP_MISS/200", ""},
		{"negative", "native", "1763891234.567 0 10.0.0.7 TCP_MISS/200 -39 GET http://a/ - H/- -", ""},
		{"absurd", "native", "1763891234.567 0 10.0.0.7 TCP_MISS/200 99999999999999999 GET http://a/ - H/- -", ""},
		{"empty", "native", "", ""},
		{"common", "common", apache, "1795420805 10.0.0.7 anna 4110 false"},
		{"combined", "combined", strings.Replace(apache, "TCP_MISS", `"http://a/" "Mozilla/5.0 (X11)" TCP_DENIED`, 1), "1795420805 10.0.0.7 anna 4110 true"},
		{"not common", "common", "1763891234.567 0 10.0.0.7 TCP_MISS/200 39 GET http://a/ - H/- -", ""},
		{"own", `%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %>st %rm %ru %[un`, "1763891234.567    180 10.0.0.7 TCP_MISS/200 4110 500 POST http://a/ anna", "1763891234 10.0.0.7 anna 4610 false"},
		{"quotes in a header", "combined", `10.0.0.7 - - [23/Nov/2026:09:00:05 +0100] "GET http://a/ HTTP/1.1" 200 4110 "-" "x\" DENIED:" TCP_MISS:HIER_DIRECT`, "1795420805 10.0.0.7  4110 false"},
		{"raw quotes in headers", "combined", `10.0.0.7 - - [23/Nov/2026:09:00:05 +0100] "GET http://a/ HTTP/1.1" 200 4110 "r" "x" DENIED:" "x" DENIED:A\" TCP_MISS:HIER_DIRECT`, "1795420805 10.0.0.7  4110 false"},
		{"refused, and says it was not", "combined", `10.0.0.7 - - [23/Nov/2026:09:00:05 +0100] "GET http://a/ HTTP/1.1" 200 4110 "-" "x" TCP_MISS:HIER_DIRECT" TCP_DENIED:HIER_NONE`, "1795420805 10.0.0.7  4110 true"},
		{"own with a header before the rest", `%>a "%{User-Agent}>h" "%rm %ru" %<st %tl`, `10.0.0.7 "x\" "GET http://b/" 1 23/Nov/2026:09:00:05 +0100" "GET http://a/" 4110 23/Nov/2026:09:00:05 +0100`, "1795420805 10.0.0.7  4110 false"},
		{"own between two headers", `%ts %>a "%{Referer}>h" %<st "%{User-Agent}>h" %Ss`, `1795420805 10.0.0.7 "r\" 1 \"" 4110 "x\" 2 \"y" TCP_MISS`, "1795420805 10.0.0.7  4110 false"},
		{"own with a header at the end", `%ts %>a %<st "%{User-Agent}>h"`, `1795420805 10.0.0.7 4110 "a" b"`, "1795420805 10.0.0.7  4110 false"},
		// diladele/websafety issue 501
		{"own with several times", `%ts.%03tu|%{%Y/%m/%d %H:%M:%S}tl|%{%z}tl|%tr|%dt|%>a|%>A|%un|%Ss|%Sh|%03>Hs|%mt|%>st|%<st|%<sS|%rm|%{Host}>h|%<a|%ru`,
			`1449196313.878|2015/12/04 05:31:53|+0300|39|2|10.0.0.7|pc-7|anna|TCP_MISS|HIER_DIRECT|200|text/html|300|700|-|GET|example.net|192.0.2.22|http://example.net/`, "1449196313 10.0.0.7 anna 1000 false"},
		{"own in brackets", `[%tl] %>a "%{User-Agent}>h" %<st %un`, `[23/Nov/2026:09:00:05 +0100] 10.0.0.7 "x" - boris`, "1795420805 10.0.0.7 boris 0 false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := NewFormat(test.format)
			if err != nil {
				t.Fatal(err)
			}
			var e Entry
			got := ""
			if f.Parse([]byte(test.line), &e) {
				got = strings.Join([]string{strconv.FormatInt(e.Unix, 10), string(e.Client), string(e.User), strconv.FormatUint(e.Bytes, 10), strconv.FormatBool(e.Denied)}, " ")
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	for format, want := range map[string]string{
		"":                 "lacks the client's address",
		"%ts %>a":          "lacks the bytes",
		"%>a %<st":         "lacks the time",
		"%ts%>a %<st":      "nothing stands between",
		"%ts %>a %<st %":   "no code begins",
		"%{%H}tl %>a %<st": "a time in a form of its own",
	} {
		if _, err := NewFormat(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", format, err)
		}
	}
}

func TestUserName(t *testing.T) {
	for in, want := range map[string]string{"Anna": "anna", "dom%5Cb%20c": `dom\b c`, "%": "%", "%zz": "%zz", "И": "и", " x ": "x",
		// What is not UTF-8 stays as it stands in the log, be it escaped or not.
		"%E8%E2%E0%ED%EE%E2": "%e8%e2%e0%ed%ee%e2", "%EF%E5%F2%F0%EE%E2": "%ef%e5%f2%f0%ee%e2", "m%FCller": "m%fcller", "m\xfcller": "m%fcller", "a\xff": "a%ff",
		"%D0%B8%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2": "иванов", strings.Repeat("ж", 120): strings.Repeat("ж", 120)} {
		if got := UserName([]byte(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// Names that the archive has no room for do not become one.
func TestUserNameTooLong(t *testing.T) {
	long := strings.Repeat("ж", 300)
	a, b := UserName([]byte(long+"a")), UserName([]byte(long+"b"))
	if a == b || len([]rune(a)) != maxUser || !strings.HasPrefix(a, strings.Repeat("ж", 100)) {
		t.Errorf("%q and %q", a, b)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range strings.Split(lines(0, 8), "\n") {
		f.Add(line)
	}
	f.Add(`10.0.0.7 - anna [23/Nov/2026:09:00:05 +0100] "GET http://example.net/ HTTP/1.1" 200 4110 TCP_MISS:HIER_DIRECT`)
	var formats []*Format
	for _, text := range []string{"native", "common", "combined", `%ts.%03tu %6tr %>a %Ss %<st %>st %[un`} {
		format, err := NewFormat(text)
		if err != nil {
			f.Fatal(err)
		}
		formats = append(formats, format)
	}
	f.Fuzz(func(t *testing.T, line string) {
		sums := newSums(time.UTC)
		for _, format := range formats {
			var e Entry
			if format.Parse([]byte(line), &e) {
				if e.Unix <= 0 || e.Unix > maxUnix || e.Bytes > 2*maxBytes || len(e.Client) == 0 {
					t.Errorf("%+v", e)
				}
				sums.add(&e)
			}
		}
		for _, row := range sums.rows() {
			if len([]rune(row.User)) > maxUser || row.Hour < 0 || row.Hour > 24 {
				t.Errorf("%+v", row)
			}
		}
	})
}

func FuzzFormat(f *testing.F) {
	for _, text := range []string{"native", common, combined, `%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt`, "%%"} {
		f.Add(text, lines(0, 1))
	}
	f.Fuzz(func(t *testing.T, text, line string) {
		if format, err := NewFormat(text); err == nil {
			var e Entry
			format.Parse([]byte(line), &e)
		}
	})
}

// BenchmarkLightSquid reads a million lines beside LightSquid's lightparser.pl,
// and compares the totals of every user.
func BenchmarkLightSquid(b *testing.B) {
	const script = "/usr/share/lightsquid/lightparser.pl"
	if _, err := os.Stat(script); err != nil {
		b.Fatal(err)
	}
	folder := b.TempDir()
	log := filepath.Join(folder, "access.log")
	const n = 1_000_000
	if err := os.WriteFile(log, []byte(denseLines(n)), 0o600); err != nil {
		b.Fatal(err)
	}
	ours := map[string]uint64{}
	b.Run("nfacct", func(b *testing.B) {
		for b.Loop() {
			ours = map[string]uint64{}
			a := &sumsReader{}
			sums, err := a.read(log)
			if err != nil {
				b.Fatal(err)
			}
			for _, row := range sums.rows() {
				name := row.User
				if name == "" {
					name = row.Host.String()
				}
				ours[name] += row.Bytes
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	})
	b.Run("lightparser.pl", func(b *testing.B) {
		// It takes its configuration from the folder of its script.
		config, err := os.ReadFile("/etc/lightsquid/lightsquid.cfg")
		if err != nil {
			b.Fatal(err)
		}
		text := string(config)
		for key, value := range map[string]string{"reportpath": folder, "logpath": folder} {
			text += "\n$" + key + " = \"" + value + "\";\n"
		}
		text = strings.Replace(text, "\n1;", "", 1) + "$lockpath = $reportpath;\n1;\n"
		here := filepath.Join(folder, "lightsquid")
		if err := os.CopyFS(here, os.DirFS("/usr/share/lightsquid")); err != nil {
			b.Fatal(err)
		}
		os.Remove(filepath.Join(here, "lightsquid.cfg"))
		if err := os.WriteFile(filepath.Join(here, "lightsquid.cfg"), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			// Without a day it leaves out all that is younger than 2020.
			run := exec.Command("perl", filepath.Join(here, "lightparser.pl"), started.Format("20060102"))
			run.Dir, run.Env = here, append(os.Environ(), "TZ=UTC", "PERL5LIB="+here)
			if out, err := run.CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		theirs := lightTotals(b, folder)
		for name, bytes := range theirs {
			if ours[name] != bytes {
				b.Errorf("%s: %d bytes, LightSquid says %d", name, ours[name], bytes)
			}
		}
		if len(theirs) == 0 || len(theirs) != len(ours) {
			b.Errorf("%d users, LightSquid has %d", len(ours), len(theirs))
		}
	})
}
