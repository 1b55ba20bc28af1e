package routerostest

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestLengths crosses each border between two forms of a length.
func TestLengths(t *testing.T) {
	for n, want := range map[uint32]string{
		0: "\x00", 0x7f: "\x7f", 0x80: "\x80\x80", 0x3fff: "\xbf\xff", 0x4000: "\xc0\x40\x00", 0x1fffff: "\xdf\xff\xff",
		0x200000: "\xe0\x20\x00\x00", 0xfffffff: "\xef\xff\xff\xff", 0x10000000: "\xf0\x10\x00\x00\x00", 0xffffffff: "\xf0\xff\xff\xff\xff",
	} {
		if got := string(appendLength(nil, n)); got != want {
			t.Errorf("%#x: % x, not % x", n, got, want)
		}
	}
	for _, n := range []int{1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1fffff, 0x200000} {
		words := []string{"/x", strings.Repeat("a", n)}
		encoded := append([]byte{0, 0}, appendSentence(nil, words...)...) // empty sentences are ignored
		for name, r := range map[string]io.Reader{"coalesced": bytes.NewReader(encoded), "byte by byte": iotest.OneByteReader(bytes.NewReader(encoded))} {
			s := newSentenceReader(r)
			s.limit = maxSentence
			if got, err := s.read(); err != nil || !slices.Equal(got, words) {
				t.Errorf("%d bytes, %s: %v", n, name, err)
			}
			if _, err := s.read(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		}
	}
}

func TestBrokenSentences(t *testing.T) {
	whole := appendSentence(nil, "/login", "=name=admin")
	for input, want := range map[string]error{
		"\xf8":                        errReserved,
		"\xff\x00\x00\x00\x00":        errReserved,
		"\xf0\xff\xff\xff\xff":        errTooLong,
		"\xef\xff\xff\xff":            errTooLong,
		strings.Repeat("\x01a", 5000): errTooLong,
		string(whole[:3]):             io.ErrUnexpectedEOF,
		string(whole[:len(whole)-1]):  io.ErrUnexpectedEOF,
		"\x80":                        io.ErrUnexpectedEOF,
		"":                            io.EOF,
		"\x00\x00":                    io.EOF,
	} {
		if _, err := newSentenceReader(strings.NewReader(input)).read(); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, not %v", input, err, want)
		}
	}
}

// TestMemory: a word that is announced and never comes costs little.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		s := newSentenceReader(strings.NewReader("\xe0\x30\x00\x00abc"))
		s.limit = maxSentence
		if _, err := s.read(); err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 100; each > 4*readStep {
		t.Errorf("%d bytes for a word of 3 MiB that does not come", each)
	}
}

func FuzzSentence(f *testing.F) {
	f.Add(appendSentence(nil, "/login", "=name=admin", "=password="))
	f.Add(appendSentence(appendSentence(nil, "/interface/print", "?type=ether", "?#!", ".tag=a"), "/cancel"))
	f.Add([]byte("\xf0\xff\xff\xff\xff"))
	f.Add([]byte("\x80\x00\xc0\x00\x01a\x00"))
	f.Fuzz(func(t *testing.T, input []byte) {
		s := newSentenceReader(bytes.NewReader(input))
		for {
			words, err := s.read()
			if err != nil {
				return
			}
			if len(words) == 0 {
				t.Fatal("a sentence without words")
			}
			again, err := newSentenceReader(bytes.NewReader(appendSentence(nil, words...))).read()
			if err != nil || !slices.Equal(again, words) {
				t.Fatalf("%q becomes %q, %v", words, again, err)
			}
		}
	})
}

// FuzzCommand sends anything to a device, by its own hand: it answers, and goes on.
func FuzzCommand(f *testing.F) {
	f.Add("/ip/traffic-flow/set", "active-flow-timeout", "00:01:30", "type=ether")
	f.Add("/ip/traffic-flow/target/add", "dst-address", "192.0.2.1", "#1.!2")
	f.Add("/interface/print", ".proplist", ".id,name.oid", "-name")
	f.Add("/user/group/set", ".id", "*1,*2", "<name=x")
	f.Add("/ip/traffic-flow/ipfix/get", "value-name", "bytes", "")
	f.Fuzz(func(t *testing.T, command, key, value, query string) {
		d, err := NewDevice(DeviceConfig{Profile: V7_24, Listen: "-", ListenTLS: "-"})
		if err != nil {
			t.Fatal(err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		m, verb, no := d.locate(command)
		if no != nil {
			return
		}
		_, _, _ = d.execute(m, verb, parseRequest([]string{command, "=" + key + "=" + value, "?" + query}), policyAll)
		for _, i := range m.items {
			d.row(m, i, nil)
		}
	})
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]string{
		"60s": "1m", "60": "1m", "1800": "30m", "00:30:00": "30m", "1h30m": "1h30m", "1w2d3h4m5s": "1w2d3h4m5s",
		"500ms": "500ms", "1d 00:00:30": "1d30s", "90m": "1h30m", "0": "0s", "7101w3d6h28m15s": "7101w3d6h28m15s", "1d12:00:00": "1d12h",
	} {
		length, ok := parseDuration(text)
		if got := formatDuration(length); !ok || got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
	for _, text := range []string{"", "x", "1x", "-1", "1:2:3:4", "00:99", "99999999999999999999", "1d x", "99999999999w"} {
		if length, ok := parseDuration(text); ok {
			t.Errorf("%q is %v", text, length)
		}
	}
	if got := clockTime(longest); got != "7101w3d06:28:15" {
		t.Error(got)
	}
	if got := formatDuration(25 * time.Hour); got != "1d1h" {
		t.Error(got)
	}
}

// TestNormal: values are kept as devices keep them, or refused as they do.
func TestNormal(t *testing.T) {
	each(t, func(t *testing.T, d *Device, c *client) {
		const flow = "/ip/traffic-flow"
		for _, no := range [][2]string{
			{"=cache-entries=8192", "=category=1 =message=input does not match any value of cache-entries"},
			{"=active-flow-timeout=500ms", "=category=1 =message=value of active-flow-timeout out of range (00:00:01..7101w3d06:28:15)"},
			{"=active-flow-timeout=soon", "=category=1 =message=invalid value for argument active-flow-timeout"},
			{"=enabled=perhaps", "=category=1 =message=invalid value for argument enabled"},
			{"=interfaces=ether1,WAN,x", "=category=1 =message=input does not match any value of interfaces"},
			{"=version=9", "=message=unknown parameter version"},
		} {
			c.expect(flow+"/set "+no[0], "!trap "+no[1], "!done")
		}
		// All or nothing.
		c.ask(flow+"/set", "=enabled=yes", "=nonsense=1")
		c.expect(flow+"/print =.proplist=enabled", "!re =enabled=false", "!done")
		c.expect(flow+"/set =cache-entries=1M =inactive-flow-timeout=90 =active-flow-timeout=1d =enabled=true", "!done")
		c.expect(flow+"/print =.proplist=enabled,cache-entries,inactive-flow-timeout,active-flow-timeout",
			"!re =enabled=true =cache-entries=1M =inactive-flow-timeout=1m30s =active-flow-timeout=1d", "!done")

		wants, toggles := "=packet-sampling=false", 36
		if d.cfg.Profile == V6_42 {
			wants, toggles = "", 34
			c.expect(flow+"/set =packet-sampling=no", "!trap =message=unknown parameter packet-sampling", "!done")
			c.expect(flow+"/ipfix/set =nat-events=no", "!trap =message=unknown parameter nat-events", "!done")
		}
		if got := c.ask(flow + "/print"); !strings.Contains(got, wants) || strings.Contains(got, "sampling") != (wants != "") || strings.Contains(got, ".id") {
			t.Error(got)
		}
		if got := c.ask(flow + "/ipfix/print"); strings.Count(got, "=true")+strings.Count(got, "=false") != toggles {
			t.Error(got)
		}
		const target = flow + "/target/add =dst-address="
		c.expect(target+"192.0.2.300", "!trap =category=1 =message=invalid value for argument dst-address", "!done")
		c.expect(target+"192.0.2.3 =port=65536", "!trap =category=1 =message=value of port out of range (1..65535)", "!done")
		c.expect(target+"192.0.2.3 =version=IPFIX", "!trap =category=1 =message=input does not match any value of version", "!done")
		c.expect(target+"192.0.2.3 =port=", "!trap =category=1 =message=invalid value for argument port", "!done")
	})
}
