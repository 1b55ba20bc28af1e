package config

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
)

// File is where the configuration stands.
func (c *Config) File() string { return c.file }

// handed is a configuration on its way from the daemon to a process of its own, which
// then works by the one that is in force, whatever the file says meanwhile.
type handed struct {
	File string `json:"file"`
	// Began is the source that the daemon began with, and Now the one in force.
	Began string `json:"began"`
	Now   string `json:"now"`
}

// Hand writes the configuration for Given. began is that of the daemon's start.
func (c *Config) Hand(began *Config) string {
	text, err := json.Marshal(handed{c.file, began.source, c.source})
	if err != nil {
		panic(err) // three strings
	}
	return string(text)
}

// Given reads the configuration that Hand wrote.
func Given(in io.Reader) (*Config, error) {
	var h handed
	if err := json.NewDecoder(in).Decode(&h); err != nil {
		return nil, fmt.Errorf("configuration from nfacct run: %w", err)
	}
	began, err := Parse(h.File, h.Began)
	if err != nil {
		return nil, err
	}
	now, err := Parse(h.File, h.Now)
	if err != nil {
		return nil, err
	}
	now.Keep(began)
	return now, nil
}

// Keep gives c the values of began for the keys that count only when the daemon
// starts, and names those that differ.
func (c *Config) Keep(began *Config) (differ []string) {
	keep := func(key string, now, then any) {
		if !reflect.DeepEqual(reflect.ValueOf(now).Elem().Interface(), reflect.ValueOf(then).Elem().Interface()) {
			differ = append(differ, key)
		}
		reflect.ValueOf(now).Elem().Set(reflect.ValueOf(then).Elem())
	}
	keep("timezone", &c.Timezone, &began.Timezone)
	keep("state", &c.State, &began.State)
	keep("collector", &c.Collector, &began.Collector)
	keep("spool", &c.Spool, &began.Spool)
	keep("database", &c.Database, &began.Database)
	c.loc, c.noZone = began.loc, began.noZone
	return differ
}
