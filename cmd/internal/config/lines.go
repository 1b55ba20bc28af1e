package config

import (
	"slices"
	"strconv"
	"strings"
)

// lines knows on which line each key of a TOML file stands, which BurntSushi's
// metadata does not tell. Keys are paths as in "importer.rule[1].name".
type lines map[string]int

// locate reads the headers and keys of a TOML file that is known to parse. It
// does not look into inline tables; their keys get the line of the table.
func locate(source string) lines {
	found := lines{}
	arrays := map[string]int{} // elements of each [[table]] so far
	table, depth, quote := "", 0, ""
	for i, line := range strings.Split(source, "\n") {
		text := strings.TrimSpace(line)
		outside := depth == 0 && quote == ""
		switch {
		case outside && strings.HasPrefix(text, "[["):
			name := indexed(header(text, "[[", "]]"), arrays)
			table = name + "[" + strconv.Itoa(arrays[name]) + "]"
			arrays[name]++
			found.add(table, i+1)
			continue
		case outside && strings.HasPrefix(text, "["):
			table = indexed(header(text, "[", "]"), arrays)
			found.add(table, i+1)
			continue
		case outside && text != "" && text[0] != '#':
			if key, _, ok := strings.Cut(text, "="); ok {
				found.add(join(table, header(key, "", "")), i+1)
			}
		}
		depth, quote = scan(line, depth, quote)
	}
	return found
}

func (l lines) add(key string, line int) {
	if _, ok := l[key]; !ok {
		l[key] = line
	}
}

// at is the line of the key, or of the nearest table around it, or 1.
func (l lines) at(key string) int {
	for key != "" {
		if line, ok := l[key]; ok {
			return line
		}
		switch cut := strings.LastIndexAny(key, ".["); {
		case cut < 0:
			key = ""
		default:
			key = key[:cut]
		}
	}
	return 1
}

// header is the dotted name inside a table header or before an equal sign.
func header(text, open, closing string) string {
	text = strings.TrimPrefix(text, open)
	if closing != "" {
		text, _, _ = strings.Cut(text, closing)
	}
	parts := strings.Split(text, ".")
	for i, part := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(part), `"'`)
	}
	return strings.Join(parts, ".")
}

// indexed puts the number of the current element behind each array on the path.
func indexed(name string, arrays map[string]int) string {
	parts := strings.Split(name, ".")
	path := ""
	for i, part := range parts {
		path = join(path, part)
		if n := arrays[path]; n > 0 && i < len(parts)-1 {
			path += "[" + strconv.Itoa(n-1) + "]"
		}
	}
	return path
}

func join(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}

// scan follows brackets and multi-line strings to the end of the line, so that
// what looks like a key inside them is not taken for one.
func scan(line string, depth int, quote string) (int, string) {
	for i := 0; i < len(line); i++ {
		rest := line[i:]
		if quote != "" {
			switch {
			case quote[0] == '"' && rest[0] == '\\':
				i++
			case strings.HasPrefix(rest, quote):
				i += len(quote) - 1
				quote = ""
			}
			continue
		}
		switch {
		case rest[0] == '#':
			return depth, ""
		case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, `'''`):
			quote = rest[:3]
			i += 2
		case rest[0] == '"', rest[0] == '\'':
			quote = rest[:1]
		case rest[0] == '[', rest[0] == '{':
			depth++
		case rest[0] == ']', rest[0] == '}':
			depth--
		}
	}
	if len(quote) == 1 {
		quote = "" // a one-line string cannot go on
	}
	return depth, quote
}

// all lists the full paths of a key that BurntSushi names without indexes.
func (l lines) all(key string) []string {
	var paths []string
	for path := range l {
		if stripIndexes(path) == key {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return []string{key} // inside an inline table: the nearest table has the line
	}
	slices.Sort(paths)
	return paths
}

// on is the path of the key that stands on a line, or key itself.
func (l lines) on(line int, key string) string {
	best, at := key, 0
	for path, n := range l {
		if n <= line && n > at && !strings.HasSuffix(path, "]") {
			best, at = path, n
		}
	}
	return best
}
