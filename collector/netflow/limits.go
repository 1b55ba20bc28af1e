package netflow

import "time"

// Limits bound what exporters can make a Decoder remember. With the defaults
// one exporter that does its worst holds some 100 MB, an honest one some kB.
type Limits struct {
	// Exporters is how many addresses are known at a time. When it is reached, a
	// new one takes the place of one that has never sent flow records, or that was
	// silent for longer than Age; otherwise its datagrams are rejected.
	Exporters int
	// Streams is how many streams an exporter may have. A further one takes the
	// place of the one of least worth (see stream.worth): those that have sent flow
	// records make room last.
	Streams int
	// Templates is how many templates a stream may have, options templates
	// counted. A further one takes the place of the oldest that no data came for.
	Templates int
	// Fields is how many fields a template may have, scope fields counted.
	Fields int
	// Age is how long a template is kept that is neither sent again nor used. The
	// default is long, because a template that is missing costs data, and one
	// that is replaced costs nothing.
	Age time.Duration
}

// DefaultLimits is what NewDecoder uses for each limit that is not positive.
func DefaultLimits() Limits {
	return Limits{Exporters: 1024, Streams: 64, Templates: 256, Fields: 256, Age: 24 * time.Hour}
}

func (l Limits) orDefault() Limits {
	preset := DefaultLimits()
	if l.Exporters <= 0 {
		l.Exporters = preset.Exporters
	}
	if l.Streams <= 0 {
		l.Streams = preset.Streams
	}
	if l.Templates <= 0 {
		l.Templates = preset.Templates
	}
	if l.Fields <= 0 {
		l.Fields = preset.Fields
	}
	if l.Age <= 0 {
		l.Age = preset.Age
	}
	return l
}
