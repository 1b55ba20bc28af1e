package routerostest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// How much a client may send before the device hangs up. RouterOS limits what it
// reads before a login; the figures are inferred.
const (
	maxBeforeLogin = 4 << 10 // bytes of a sentence
	maxSentence    = 4 << 20
	maxWords       = 4096
	readStep       = 16 << 10 // bytes allocated ahead of what has arrived
)

// errReserved: RouterOS keeps the first bytes 0xF8 to 0xFF for control words and
// has never defined one.
var errReserved = errors.New("reserved control byte in place of a word length")

// errTooLong: the client is cut off.
var errTooLong = errors.New("sentence of more than the device takes")

// sentenceReader reads the sentences of the API: words, each after its length,
// up to one of length zero.
type sentenceReader struct {
	r     *bufio.Reader
	limit int // bytes of a sentence
	// first is called with the first word, before the rest of the sentence is read.
	first func(word string)
}

func newSentenceReader(r io.Reader) *sentenceReader {
	return &sentenceReader{r: bufio.NewReader(r), limit: maxBeforeLogin}
}

// read returns the next sentence that has words. io.EOF is an orderly end
// between two sentences; within one it is io.ErrUnexpectedEOF.
func (s *sentenceReader) read() ([]string, error) {
	var words []string
	size := 0
	for {
		n, err := s.length()
		if err != nil {
			if err == io.EOF && words != nil {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if n == 0 {
			if words != nil {
				return words, nil
			}
			continue // empty sentences are ignored
		}
		if size += n; size > s.limit || len(words) >= maxWords {
			return nil, fmt.Errorf("%w: %d bytes and %d words", errTooLong, s.limit, maxWords)
		}
		word, err := s.word(n)
		if err != nil {
			return nil, err
		}
		if words = append(words, word); len(words) == 1 && s.first != nil {
			s.first(word)
		}
	}
}

// length reads the length of a word: 1 to 5 bytes, big endian, with as many
// leading ones as bytes follow.
func (s *sentenceReader) length() (int, error) {
	first, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	more, n := 0, int64(first)
	switch {
	case first >= 0xf8:
		return 0, errReserved
	case first >= 0xf0:
		more, n = 4, 0
	case first >= 0xe0:
		more, n = 3, int64(first&0x0f)
	case first >= 0xc0:
		more, n = 2, int64(first&0x1f)
	case first >= 0x80:
		more, n = 1, int64(first&0x3f)
	}
	for range more {
		b, err := s.r.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		n = n<<8 | int64(b)
	}
	return int(min(n, maxSentence+1)), nil
}

// word reads n bytes, and never asks for much more memory than has arrived.
func (s *sentenceReader) word(n int) (string, error) {
	buffer := make([]byte, 0, min(n, readStep))
	for len(buffer) < n {
		at := len(buffer)
		buffer = slices.Grow(buffer, min(n-at, readStep))[:min(n, at+readStep)]
		if _, err := io.ReadFull(s.r, buffer[at:]); err != nil {
			return "", unexpected(err)
		}
	}
	return string(buffer), nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendSentence encodes a sentence.
func appendSentence(b []byte, words ...string) []byte {
	for _, word := range words {
		b = appendLength(b, uint32(len(word)))
		b = append(b, word...)
	}
	return append(b, 0)
}

func appendLength(b []byte, n uint32) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x4000:
		return append(b, byte(n>>8)|0x80, byte(n))
	case n < 0x200000:
		return append(b, byte(n>>16)|0xc0, byte(n>>8), byte(n))
	case n < 0x10000000:
		return append(b, byte(n>>24)|0xe0, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, 0xf0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// request is a sentence of the client's, taken apart.
type request struct {
	command string            // /ip/address/print
	values  map[string]string // of attribute words
	keys    []string          // of values, as they came
	query   []string          // query words without their question mark
	tag     string
	tagged  bool
}

// parseRequest takes a sentence apart. Words that are none of the four kinds are
// ignored, as the device does.
func parseRequest(words []string) request {
	r := request{command: words[0], values: map[string]string{}}
	for _, word := range words[1:] {
		switch {
		case strings.HasPrefix(word, "="):
			key, value, _ := strings.Cut(word[1:], "=")
			if _, again := r.values[key]; !again {
				r.keys = append(r.keys, key)
			}
			r.values[key] = value
		case strings.HasPrefix(word, "?"):
			r.query = append(r.query, word[1:])
		case strings.HasPrefix(word, ".tag="):
			r.tag, r.tagged = word[len(".tag="):], true
		}
	}
	return r
}

// trap is an error that the device answers with.
type trap struct {
	message  string
	category string // empty: the device leaves it out
}

func (t *trap) Error() string { return t.message }

// The categories of the API documentation.
const (
	missing     = "0"
	argument    = "1"
	interrupted = "2"
)

func noSuchItem() *trap { return &trap{"no such item", missing} }

func unknownParameter(name string) *trap { return &trap{message: "unknown parameter " + name} }

func invalidValue(name string) *trap { return &trap{"invalid value for argument " + name, argument} }

func noMatch(name string) *trap {
	return &trap{"input does not match any value of " + name, argument}
}

// words is the trap as a reply.
func (t *trap) words() []string {
	w := []string{"!trap"}
	if t.category != "" {
		w = append(w, "=category="+t.category)
	}
	return append(w, "=message="+t.message)
}

// Sentence is one that a client sent.
type Sentence struct {
	Session int      // counted from 1
	User    string   // empty before the login
	Words   []string // values of passwords and responses are "***"
}

// Command is the first word.
func (s Sentence) Command() string { return s.Words[0] }

// Writes says whether the sentence asks for a change.
func (s Sentence) Writes() bool { return writes(verbOf(s.Words[0])) }
