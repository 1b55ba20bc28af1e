package squid

import "bytes"

// Parse reads a line without its end into e. False means that it is none.
func (f *Format) Parse(line []byte, e *Entry) bool {
	*e = Entry{}
	if f.native {
		return parseNative(line, e)
	}
	ok := false
	if f.text < 0 {
		_, ok = f.read(f.parts, line, e)
	} else if line, ok = f.read(f.parts[:f.text], line, e); ok {
		ok = f.readBehind(line, e)
	}
	return ok && e.Unix > 0 && len(e.Client) > 0
}

// readBehind reads what is behind the last part that a client writes: there may be
// quotes and spaces in it (Squid's own combined format writes headers as they
// came), and nobody shall end it early and go on with fields of his own. Its end is
// the last place that the rest can be read from.
func (f *Format) readBehind(line []byte, e *Entry) bool {
	until, rest := f.parts[f.text].until, f.parts[f.text+1:]
	if until == nil {
		return true
	}
	before := line
	// Fields of the rest have hardly more than a space each.
	for tries := 2*len(rest) + 2; tries > 0; tries-- {
		at := bytes.LastIndex(before, until)
		if at < 0 {
			return false
		}
		found := *e
		if _, ok := f.read(rest, line[at+len(until):], &found); ok {
			*e = found
			return true
		}
		before = line[:at+len(until)-1]
	}
	return false
}

// read reads parts from a line's beginning, and returns what is left of it.
func (f *Format) read(parts []part, line []byte, e *Entry) ([]byte, bool) {
	for i := range parts {
		p := &parts[i]
		field := line
		if p.until != nil {
			// A width fills up from the left; what is looked for stands behind.
			lead := 0
			for p.code != "" && lead < len(line) && line[lead] == ' ' && p.until[0] == ' ' {
				lead++
			}
			at := p.end(line[lead:])
			if at < 0 || p.code == "" && at != 0 {
				return nil, false
			}
			field, line = line[lead:lead+at], line[lead+at+len(p.until):]
		} else {
			line = nil
		}
		if codes[p.code] && !f.take(p.code, field, e) {
			return nil, false
		}
	}
	return line, true
}

// end is where a field ends. What a client writes between quotes has a backslash
// before each quote in it.
func (p *part) end(line []byte) int {
	first := bytes.Index(line, p.until)
	if first < 0 || !foreign[p.code] || p.until[0] != '"' {
		return first
	}
	for at := first; ; {
		if !escaped(line[:at]) {
			return at
		}
		next := bytes.Index(line[at+1:], p.until)
		if next < 0 {
			return first
		}
		at += 1 + next
	}
}

// escaped says whether a backslash stands for what follows.
func escaped(text []byte) bool {
	n := len(text) - len(bytes.TrimRight(text, `\`))
	return n%2 == 1
}
