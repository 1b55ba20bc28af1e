package routeros

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ApplyError says how far Apply came.
type ApplyError struct {
	Done   []Change // written and read back
	Failed Change
	Rest   []Change // not tried
	// Written: the failed change has been written, or may have been.
	Written bool
	Err     error
}

// Error says what was written and what was not.
func (e *ApplyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Failed.Command(), e.Err)
	if e.Written {
		b.WriteString(" (whether it was written is not known)")
	}
	if len(e.Done) > 0 {
		b.WriteString("; written before: " + commands(e.Done))
	}
	if len(e.Rest) > 0 {
		b.WriteString("; not written: " + commands(e.Rest))
	}
	return b.String()
}

// Unwrap is the cause.
func (e *ApplyError) Unwrap() error { return e.Err }

func commands(changes []Change) string {
	var list []string
	for _, c := range changes {
		list = append(list, c.Command())
	}
	return strings.Join(list, ", ")
}

// errNotKept is wrapped when the router took a write and says otherwise when asked.
var errNotKept = errors.New("the router took it, but did not keep it")

// Apply writes changes one after the other, and reads each back. It stops at the
// first that fails; the error then wraps an *ApplyError that says what was
// written. It is never tried again by itself.
func (d *Device) Apply(ctx context.Context, changes []Change) error {
	for i, change := range changes {
		written, err := d.write(ctx, change)
		if err == nil {
			continue
		}
		e := d.fail("write", &ApplyError{Done: changes[:i], Failed: change, Rest: changes[i+1:], Written: written, Err: err}, d.remedyOf(err))
		if errors.Is(err, errNotKept) {
			e.Remedy = "see the router's log, and whether something else manages these settings"
		}
		if change.Menu == menuUser || change.Menu == menuGroup {
			if refused := new(DeviceError); errors.As(err, &refused) && refused.says(wordsPermission) {
				e.Remedy = "only a user whose group has the policy named policy may change users: log in as one of the group full"
			}
		}
		return e
	}
	return nil
}

// write writes one change and reads it back. written says that it may be in force
// although there is an error.
func (d *Device) write(ctx context.Context, change Change) (written bool, err error) {
	var before []Values
	if change.Verb == "add" { // some versions do not tell the new item's number
		if before, err = d.print(ctx, change.Menu, change.among...); err != nil {
			return false, errors.Unwrap(err)
		}
	}
	var words []string
	if change.ID != "" {
		words = append(words, "=.id="+change.ID)
	}
	for _, s := range change.Settings {
		words = append(words, "="+s.Key+"="+s.Value)
	}
	_, err = d.run(ctx, change.Menu+"/"+change.Verb, words...)
	var refused *DeviceError
	if err != nil {
		return !errors.As(err, &refused) || refused.Cut, err
	}
	after, err := d.print(ctx, change.Menu, change.among...)
	if err != nil {
		return true, fmt.Errorf("written, but not read back: %w", errors.Unwrap(err))
	}
	return false, change.kept(before, after)
}

// kept says whether a menu reads as it should after the change.
func (c Change) kept(before, after []Values) error {
	switch c.Verb {
	case "remove":
		if slices.ContainsFunc(after, func(v Values) bool { return v[".id"] == c.ID }) {
			return errNotKept
		}
		return nil
	case "add":
		var differences []string
		for _, item := range after {
			if slices.ContainsFunc(before, func(v Values) bool { return v[".id"] == item[".id"] }) {
				continue
			}
			difference := c.differs(item)
			if difference == "" {
				return nil
			}
			differences = append(differences, difference)
		}
		if differences == nil {
			return errNotKept
		}
		return fmt.Errorf("%w: %s", errNotKept, strings.Join(differences, "; "))
	}
	at := slices.IndexFunc(after, func(v Values) bool { return c.ID == "" || v[".id"] == c.ID })
	if at < 0 {
		return fmt.Errorf("%w: it is gone", errNotKept)
	}
	if difference := c.differs(after[at]); difference != "" {
		return fmt.Errorf("%w: %s", errNotKept, difference)
	}
	return nil
}

// differs says which settings an item does not have. What cannot be read, such
// as a password, is not compared.
func (c Change) differs(item Values) string {
	var list []string
	for _, s := range c.Settings {
		is, has := item[s.Key]
		kind := kindOf(c.Menu, s.Key)
		if s.Secret || !has && kind == address && !parseAddr(s.Value).IsValid() {
			continue
		}
		if !has || !kind.same(is, s.Value) {
			list = append(list, fmt.Sprintf("%s is %s, not %s", s.Key, quote(is), quote(s.Value)))
		}
	}
	return strings.Join(list, ", ")
}
