package routerostest

import (
	"strconv"
	"strings"
)

// matches runs the query words of a print on one item: each of them pushes a
// value on a stack, or works on it. What is left at the end must all be true.
func matches(query []string, get func(string) (string, bool)) bool {
	var stack []bool
	for _, word := range query {
		switch {
		case word == "":
		case word[0] == '#':
			stack = operate(stack, word[1:])
		case word[0] == '-':
			_, has := get(word[1:])
			stack = append(stack, !has)
		case word[0] == '<' || word[0] == '>':
			key, want, _ := strings.Cut(word[1:], "=")
			got, has := get(key)
			stack = append(stack, has && less(word[0], got, want))
		default:
			key, want, compares := strings.Cut(strings.TrimPrefix(word, "="), "=")
			got, has := get(key)
			if compares {
				has = has && same(got, want)
			}
			stack = append(stack, has)
		}
	}
	for _, value := range stack {
		if !value {
			return false
		}
	}
	return true
}

// operate runs the operations of a ?# word.
func operate(stack []bool, operations string) []bool {
	for i := 0; i < len(operations); i++ {
		n := len(stack)
		switch op := operations[i]; {
		case isDigit(op):
			// An index; the top has 0. At the end of the word it is all that stays, else
			// a copy is pushed. A full stop may part it from what follows.
			end := i
			for end < len(operations) && isDigit(operations[end]) {
				end++
			}
			at, err := strconv.Atoi(operations[i:end])
			if err != nil || at >= n {
				return append(stack, false)
			}
			value := stack[n-1-at]
			if end == len(operations) {
				return []bool{value}
			}
			stack = append(stack, value)
			if i = end - 1; operations[end] == '.' {
				i = end
			}
		case op == '!' && n > 0:
			stack[n-1] = !stack[n-1]
		case op == '&' && n > 1:
			stack = append(stack[:n-2], stack[n-2] && stack[n-1])
		case op == '|' && n > 1:
			stack = append(stack[:n-2], stack[n-2] || stack[n-1])
		case op == '.' && n > 0:
			stack = append(stack, stack[n-1])
		}
	}
	return stack
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// same compares as the device does, for which yes and true are one value.
func same(got, want string) bool {
	switch want {
	case "yes":
		return got == "true" || got == want
	case "no":
		return got == "false" || got == want
	}
	return got == want
}

// less compares numbers as such, and everything else as text.
func less(op byte, got, want string) bool {
	a, errA := strconv.ParseInt(got, 10, 64)
	b, errB := strconv.ParseInt(want, 10, 64)
	if errA != nil || errB != nil {
		if op == '<' {
			return got < want
		}
		return got > want
	}
	if op == '<' {
		return a < b
	}
	return a > b
}
