package secret

import (
	"fmt"
	"log/slog"
)

// mask is what every print of a secret shows, also of an empty one: whether a
// secret is set is nobody's business either.
const mask = "[redacted]"

// Redacted is a secret text. Every way of printing it (fmt verbs, JSON, YAML,
// slog) gives "[redacted]"; reading it from JSON or YAML works as for string.
// [Redacted.Reveal] is the one way to the value.
type Redacted string

// Reveal returns the secret itself.
func (r Redacted) Reveal() string { return string(r) }

// String returns "[redacted]".
func (Redacted) String() string { return mask }

// GoString returns "[redacted]"; it serves %#v.
func (Redacted) GoString() string { return mask }

// Format prints "[redacted]" whatever the verb, so that %x and %d are covered.
func (Redacted) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(mask)) }

// MarshalJSON returns "[redacted]" as a JSON text.
func (Redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText returns "[redacted]"; YAML and XML encoders use it.
func (Redacted) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue returns "[redacted]" for slog.
func (Redacted) LogValue() slog.Value { return slog.StringValue(mask) }

// RedactedBytes is [Redacted] for octets.
type RedactedBytes []byte

// Reveal returns the secret itself, not a copy.
func (r RedactedBytes) Reveal() []byte { return r }

// String returns "[redacted]".
func (RedactedBytes) String() string { return mask }

// GoString returns "[redacted]"; it serves %#v.
func (RedactedBytes) GoString() string { return mask }

// Format prints "[redacted]" whatever the verb.
func (RedactedBytes) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(mask)) }

// MarshalJSON returns "[redacted]" as a JSON text.
func (RedactedBytes) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText returns "[redacted]"; YAML and XML encoders use it.
func (RedactedBytes) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue returns "[redacted]" for slog.
func (RedactedBytes) LogValue() slog.Value { return slog.StringValue(mask) }
