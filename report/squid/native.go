package squid

import "bytes"

// parseNative reads
//
//	1763891234.567    180 192.168.0.24 TCP_MISS/200 4110 GET http://… - HIER_DIRECT/192.0.2.1 text/html
//
// Older versions wrote spaces of an address as they came, so the user is looked
// for from the line's end when there are more fields than there should be.
func parseNative(line []byte, e *Entry) bool {
	var fields [16][]byte
	n := 0
	for i := 0; i < len(line); {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if i == len(line) {
			break
		}
		end := bytes.IndexByte(line[i:], ' ')
		if end < 0 {
			end = len(line) - i
		}
		if n == len(fields) { // keep the last three
			copy(fields[11:], fields[12:])
			n--
		}
		fields[n] = line[i : i+end]
		n++
		i += end
	}
	if n < 7 {
		return false
	}
	whole, _, _ := bytes.Cut(fields[0], []byte{'.'})
	seconds, ok := number(whole)
	if !ok || seconds == 0 || seconds > maxUnix {
		return false
	}
	if e.Bytes, ok = number(fields[4]); !ok || e.Bytes > maxBytes {
		return false
	}
	e.Unix = int64(seconds)
	e.Client = fields[2]
	tag, _, ok := bytes.Cut(fields[3], []byte{'/'})
	if !ok {
		return false
	}
	e.Denied = denied(tag)
	switch {
	case n <= 10 || fields[10][0] == '[': // headers stand behind, with log_mime_hdrs
		if n > 7 {
			e.User = user(fields[7])
		}
	case bytes.IndexByte(fields[n-2], '/') > 0:
		e.User = user(fields[n-3])
	default:
		return false
	}
	return true
}
