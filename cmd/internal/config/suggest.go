package config

import (
	"reflect"
	"strings"
)

// suggest names the key that was probably meant, among those that the struct
// at the table's place knows.
func suggest(key string) string {
	at := reflect.TypeFor[Config]()
	parts := strings.Split(stripIndexes(key), ".")
	for _, part := range parts[:len(parts)-1] {
		next, ok := fields(at)[part]
		if !ok {
			return ""
		}
		at = next
	}
	best, distance := "", 3 // more than two slips is another word
	for name := range fields(at) {
		if d := slips(parts[len(parts)-1], name); d < distance || d == distance && name < best {
			best, distance = name, d
		}
	}
	return best
}

// fields lists the keys of a configuration struct, those of embedded ones included.
func fields(t reflect.Type) map[string]reflect.Type {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	found := map[string]reflect.Type{}
	if t.Kind() != reflect.Struct {
		return found
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case f.Anonymous && name == "":
			for k, v := range fields(f.Type) {
				found[k] = v
			}
		case f.IsExported() && name != "" && name != "-":
			found[name] = f.Type
		}
	}
	return found
}

// slips is the Levenshtein distance: letters to add, drop or change.
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// stripIndexes turns router[1].name into router.name.
func stripIndexes(key string) string {
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		if key[i] == '[' {
			if end := strings.IndexByte(key[i:], ']'); end > 0 {
				i += end
				continue
			}
		}
		b.WriteByte(key[i])
	}
	return b.String()
}
