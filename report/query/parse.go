package query

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nfacct/archive"
)

// Parse reads a question from a URL's query, or from a form. Fields that are empty,
// as those of a form that nobody filled in, are no conditions. Keys that no question
// has are errors: a condition that was mistyped must not be left out in silence.
func Parse(values url.Values, s *Setting) (*Question, error) {
	q := &Question{Limit: DefaultLimit}
	var errs []error
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		for _, text := range values[key] {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			if err := q.set(key, text, s); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return q, errors.Join(cmp.Or(errors.Join(errs...), q.check()))
}

func (q *Question) set(key, text string, s *Setting) (err error) {
	fail := func(err error) error { return fmt.Errorf("%s: %w", key, err) }
	switch key {
	case "month":
		m, err := archive.ParseMonth(text)
		if err != nil {
			return fail(err)
		}
		q.From, q.To = m.First(), m.Last()
	case "from", "to":
		day, err := archive.ParseDay(text, s.Now, s.Location)
		if err != nil {
			return fail(err)
		}
		if key == "from" {
			q.From = day
		} else {
			q.To = day
		}
	case "group":
		for part := range strings.SplitSeq(text, ",") {
			field, err := ParseField(strings.TrimSpace(part))
			if err != nil {
				return err
			}
			if slices.Contains(q.Group, field) {
				return fmt.Errorf("group: %s stands there twice", field)
			}
			q.Group = append(q.Group, field)
		}
	case "show":
		switch text {
		case "bytes":
		case "count":
			q.Count = true
		case "rows":
			q.Rows = true
		default:
			return fmt.Errorf("show: %q is nothing to show; choose bytes, count or rows", cut(text))
		}
	case "min_bytes":
		if q.MinBytes, err = parseSize(text); err != nil {
			return fmt.Errorf("min_bytes: %q is no number of bytes; write for example 1000000 or 10MiB", cut(text))
		}
	case "limit":
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 0 || q.Limit > MostLines {
			return fmt.Errorf("limit: %q is no number from 0, which is all, to %d", cut(text), MostLines)
		}
	default:
		c, err := ParseCondition(key, text, s)
		if err != nil {
			return err
		}
		q.Conditions = append(q.Conditions, c)
	}
	return nil
}

// check says what does not go together.
func (q *Question) check() error {
	switch {
	case q.From == archive.Day{} && q.To == archive.Day{}:
		return errors.New("no days are named; write month=2026-11, or from and to")
	case q.From == archive.Day{}:
		return errors.New("to is named and from is not")
	case q.To == archive.Day{}:
		q.To = q.From
	}
	switch {
	case q.To.Before(q.From):
		return fmt.Errorf("%s is before %s", q.To, q.From)
	case len(q.Group) > mostGroups:
		return fmt.Errorf("group: at most %d fields", mostGroups)
	case q.Rows && (len(q.Group) > 0 || q.Count):
		return errors.New("show=rows lists the rows themselves; leave group out")
	case len(q.Conditions) > mostConditions:
		return fmt.Errorf("more than %d conditions", mostConditions)
	}
	return nil
}

// Values are the question as Parse reads it, in one form: two questions that are
// the same have the same.
func (q *Question) Values() url.Values {
	v := url.Values{}
	if m := archive.MonthOf(q.From); m.First() == q.From && m.Last() == q.To {
		v.Set("month", m.String())
	} else {
		v.Set("from", q.From.String())
		v.Set("to", q.To.String())
	}
	for _, c := range q.Conditions {
		v.Add(c.name, c.String())
	}
	if len(q.Group) > 0 {
		var names []string
		for _, field := range q.Group {
			names = append(names, field.String())
		}
		v.Set("group", strings.Join(names, ","))
	}
	switch {
	case q.Rows:
		v.Set("show", "rows")
	case q.Count:
		v.Set("show", "count")
	}
	if q.MinBytes > 0 {
		v.Set("min_bytes", strconv.FormatUint(q.MinBytes, 10))
	}
	if q.Limit != DefaultLimit {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}
