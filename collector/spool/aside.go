package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const asideName = "aside.json"

// Aside is a sealed file that no import takes by itself, because one of it ended for
// want of memory or of progress, or crashed. It is kept as it is.
type Aside struct {
	File    string    `json:"file"` // its relative name
	Since   time.Time `json:"since"`
	Reason  string    `json:"reason"`
	Strikes int       `json:"strikes"` // how many imports it has ended by itself
	// Set says that it is set aside: until then it is tried once more, alone.
	Set bool `json:"set"`
}

// asideMost bounds the list, and what is read of it.
const asideMost = 1000

// ReadAside lists the files of a spool folder that are set aside or about to be. A
// list that is damaged has none: its files show again what they do.
func ReadAside(folder string) ([]Aside, error) {
	text, err := os.ReadFile(filepath.Join(folder, asideName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read list of files set aside: %w", err)
	}
	var list []Aside
	if len(text) > 4<<20 || json.Unmarshal(text, &list) != nil {
		return nil, nil
	}
	return list[:min(len(list), asideMost)], nil
}

// WriteAside replaces the list, whole or not at all.
func WriteAside(folder string, list []Aside) error {
	list = slices.Clone(list[:min(len(list), asideMost)])
	if list == nil {
		list = []Aside{}
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err == nil {
		err = WriteFile(filepath.Join(folder, asideName), append(text, '\n'), 0o640)
	}
	if err != nil {
		return fmt.Errorf("write list of files set aside: %w", err)
	}
	return nil
}
