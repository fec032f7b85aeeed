// Package phi holds personal and health data so that it cannot be printed,
// logged or marshalled by accident.
//
// Store and service types keep such data as Value; types on the wire are plain.
// Values are made by Of where a request is decoded, or by Scan, and come out
// only through Reveal, whose callers a test lists. A Value does not hide data
// from a debugger, from reflection or from those who call Reveal.
package phi

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
)

// Redacted is what every printed, logged or marshalled Value looks like,
// whatever it holds, and also when it is absent.
const Redacted = "[redacted]"

// What the ways in and out answer that would lose the data. They say nothing of it.
var (
	errDecode = errors.New("phi: a value is not decoded: decode plain text and use Of")
	errBind   = errors.New("phi: a value is not bound to a statement: use Reveal")
	errScan   = errors.New("phi: only text is scanned, and only into a value of a string type")
)

// Value is personal or health data, or the absence of it, which is the zero
// Value. Copies share the data, which must not be changed. Two Values are ==
// only if one is a copy of the other.
type Value[T any] struct {
	// When a Value is in an unexported field, fmt prints what is in here without
	// asking any method. Of a pointer it prints the address, but with a verb that
	// does not suit pointers, such as %s, it also prints the struct, slice, array
	// or map behind it; of a pointer to a pointer it always prints the address.
	p **T
}

// Of returns a Value that holds v.
func Of[T any](v T) Value[T] {
	p := &v
	return Value[T]{&p}
}

// Reveal returns the data, or the zero T when it is absent.
func (v Value[T]) Reveal() T {
	if v.p == nil {
		var zero T
		return zero
	}
	return **v.p
}

// Present reports whether v holds data, be it an empty string.
func (v Value[T]) Present() bool { return v.p != nil }

// IsZero reports whether v is absent. Encoders ask it for omitzero.
func (v Value[T]) IsZero() bool { return v.p == nil }

// Format writes Redacted, whatever the verb.
func (v Value[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// String returns Redacted.
func (v Value[T]) String() string { return Redacted }

// GoString returns Redacted.
func (v Value[T]) GoString() string { return Redacted }

// LogValue returns Redacted.
func (v Value[T]) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns Redacted.
func (v Value[T]) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON returns Redacted as a JSON string.
func (v Value[T]) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// UnmarshalText fails: it must not be possible to read the redacted text back
// and store it in place of the data.
func (v *Value[T]) UnmarshalText([]byte) error { return errDecode }

// UnmarshalJSON fails, also for null and {}, which would make the data vanish.
func (v *Value[T]) UnmarshalJSON([]byte) error { return errDecode }

// Value fails. Without it, one of our drivers would refuse a Value as the
// argument of a statement, and the other would store what String returns.
func (v Value[T]) Value() (driver.Value, error) { return nil, errBind }

// Scan reads a text column into a Value of a string type. NULL is absent.
func (v *Value[T]) Scan(src any) error {
	var text string
	switch src := src.(type) {
	case nil:
		*v = Value[T]{}
		return nil
	case string:
		text = src
	case []byte:
		text = string(src)
	default:
		return errScan
	}
	var data T
	into := reflect.ValueOf(&data).Elem()
	if into.Kind() != reflect.String {
		return errScan
	}
	into.SetString(text)
	*v = Of(data)
	return nil
}
